"""Factories for the third-party models in the shared folder, written from their RECIPE.md."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from workbench.models.architectures import small_cnn


class Normalized(nn.Sequential):
    """Layers that see (x − mean) / std; the constants are in no weights file."""

    def __init__(self, layers: nn.Sequential, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__(*layers)
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x - self.mean) / self.std)


class Block(nn.Module):
    """The residual block of cifar10_resnet2b: no batch norm, every convolution with a bias."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut.append(nn.Conv2d(inputs, outputs, 1, stride=stride))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv2(torch.relu(self.conv1(x))) + self.shortcut(x))


class ResNet2b(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.layer1 = nn.Sequential(Block(8, 16, 2), Block(16, 16, 1))
        self.linear1 = nn.Linear(1024, 100)
        self.linear2 = nn.Linear(100, 10)
        self.mean = torch.tensor((0.4914, 0.4822, 0.4465)).view(-1, 1, 1)
        self.std = torch.tensor((0.2471, 0.2435, 0.2616)).view(-1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = self.layer1(torch.relu(self.conv1((x - self.mean) / self.std)))
        return self.linear2(torch.relu(self.linear1(features.flatten(1))))


def cifar10_cnn_a_adv() -> nn.Module:
    return Normalized(small_cnn(shape=(3, 32, 32)), (0.485, 0.456, 0.406), (0.225,) * 3)


def cifar10_wong_small_8px() -> nn.Module:
    return cifar10_cnn_a_adv()


def cifar10_resnet2b() -> nn.Module:
    return ResNet2b()


def fashion_wong_01() -> nn.Module:
    return small_cnn()


def mnist_madry_tiny() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(4, 8, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(392, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )

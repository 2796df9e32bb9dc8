"""Architectures for small images, with normalisation inside the model.

Every factory takes the shape (c, h, w) of an image and returns a fresh plain ``nn.Module`` that
takes (n, c, h, w) float32 images in [0, 1] and gives (n, classes) logits; it raises ``InputError``
for images that are too small. Initial weights come from torch's global generator: whoever trains
wraps the call in ``torch.random.fork_rng``.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from workbench.errors import InputError

Shape = tuple[int, int, int]
Channels = tuple[float, ...]
CIFAR_SHAPE: Shape = (3, 32, 32)
CIFAR_MEAN: Channels = (0.4914, 0.4822, 0.4465)
CIFAR_STD: Channels = (0.2471, 0.2435, 0.2616)


class Normalize(nn.Module):
    """(x − mean) / std per channel, the first layer of a net.

    The constants are persistent buffers: a weights file carries the normalisation it was trained
    with, and a model's fingerprint covers it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Channels, std: Channels) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, h, w)."""
        return (x - self.mean) / self.std


def _normalize(channels: int) -> Normalize:
    """By the constants of CIFAR-10 for colour images, and by 0 and 1 for others."""
    if channels == len(CIFAR_MEAN):
        return Normalize(CIFAR_MEAN, CIFAR_STD)
    return Normalize((0.0,) * channels, (1.0,) * channels)


def _at_least(pixels: int, shape: Shape, name: str) -> None:
    if min(shape[1:]) < pixels:
        raise InputError(
            f"{name} needs images of at least {pixels}x{pixels} pixels, "
            f"got {shape[1]}x{shape[2]}: take another architecture"
        )


def small_cnn(shape: Shape = (1, 28, 28), classes: int = 10) -> nn.Sequential:
    """The small net of Wong & Kolter (ICML 2018, arXiv 1711.00851); 166406 numbers at 28x28.

    It takes [0, 1] without normalisation, as theirs does, and images from 4x4 pixels on.
    """
    _at_least(4, shape, "small-cnn")
    channels, height, width = shape
    return nn.Sequential(
        nn.Conv2d(channels, 16, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * (height // 4) * (width // 4), 100),
        nn.ReLU(),
        nn.Linear(100, classes),
    )


def medium_cnn(shape: Shape = (1, 28, 28), classes: int = 10) -> nn.Sequential:
    """A black-box surrogate for ``small_cnn``: deeper, 3x3 kernels, linear head; 54666 numbers.

    It takes [0, 1] without normalisation, and images of any size.
    """
    channels, height, width = shape
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * math.ceil(height / 4) * math.ceil(width / 4), classes),
    )


def _conv3x3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


class ResidualBlock(nn.Module):
    """The basic block of He et al. (CVPR 2016): two 3x3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            _conv3x3(inputs, outputs, stride),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            _conv3x3(outputs, outputs),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            projection = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        return torch.relu(self.residual(x) + self.shortcut(x))


def resnet18(shape: Shape = CIFAR_SHAPE, classes: int = 10) -> nn.Sequential:
    """ResNet-18 (He et al., CVPR 2016) in its CIFAR form: 3x3 stem, no max pooling; 11.17 M.

    From 64 pixels on the stem has stride 2, so that an image of 64x64 costs what one of 32x32
    does. The weights have the same shapes for every size.
    """
    stem = _conv3x3(shape[0], 64, stride=2 if min(shape[1:]) >= 64 else 1)
    return nn.Sequential(
        OrderedDict(
            normalize=_normalize(shape[0]),
            stem=nn.Sequential(stem, nn.BatchNorm2d(64), nn.ReLU()),
            stage1=nn.Sequential(ResidualBlock(64, 64, 1), ResidualBlock(64, 64, 1)),
            stage2=nn.Sequential(ResidualBlock(64, 128, 2), ResidualBlock(128, 128, 1)),
            stage3=nn.Sequential(ResidualBlock(128, 256, 2), ResidualBlock(256, 256, 1)),
            stage4=nn.Sequential(ResidualBlock(256, 512, 2), ResidualBlock(512, 512, 1)),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            linear=nn.Linear(512, classes),
        )
    )


_VGG19_STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # (channels, convolutions)


def _vgg19_layers(inputs: int) -> Iterator[nn.Module]:
    for outputs, convolutions in _VGG19_STAGES:
        for _ in range(convolutions):
            yield nn.Conv2d(inputs, outputs, 3, padding=1)
            yield nn.BatchNorm2d(outputs)
            yield nn.ReLU()
            inputs = outputs
        yield nn.MaxPool2d(2)


def vgg19(shape: Shape = CIFAR_SHAPE, classes: int = 10) -> nn.Sequential:
    """VGG-19 (Simonyan & Zisserman, ICLR 2015) with batch norm and one linear layer; 20.04 M.

    Average pooling before the linear layer lets it take any size from 32x32 on.
    """
    _at_least(32, shape, "vgg19")
    return nn.Sequential(
        OrderedDict(
            normalize=_normalize(shape[0]),
            features=nn.Sequential(*_vgg19_layers(shape[0])),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            linear=nn.Linear(512, classes),
        )
    )


class PreactivationBlock(nn.Module):
    """The wide block B(3, 3) of Zagoruyko & Komodakis (BMVC 2016), batch norm and ReLU first.

    Where the shape changes the shortcut starts after the first activation, elsewhere before it.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.activation = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.residual = nn.Sequential(
            _conv3x3(inputs, outputs, stride),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            _conv3x3(outputs, outputs),
        )
        self.shortcut: nn.Module | None = None
        if inputs != outputs or stride != 1:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        active = self.activation(x)
        kept = x if self.shortcut is None else self.shortcut(active)
        return self.residual(active) + kept


def _wide_stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
    rest = [PreactivationBlock(outputs, outputs, 1) for _ in range(blocks - 1)]
    return nn.Sequential(PreactivationBlock(inputs, outputs, stride), *rest)


def _wide_resnet(depth: int, width: int, shape: Shape, classes: int) -> nn.Sequential:
    blocks = (depth - 4) // 6  # three stages of two convolutions a block, and four layers more
    return nn.Sequential(
        OrderedDict(
            normalize=_normalize(shape[0]),
            stem=_conv3x3(shape[0], 16),
            stage1=_wide_stage(16, 16 * width, blocks, 1),
            stage2=_wide_stage(16 * width, 32 * width, blocks, 2),
            stage3=_wide_stage(32 * width, 64 * width, blocks, 2),
            activation=nn.Sequential(nn.BatchNorm2d(64 * width), nn.ReLU()),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            linear=nn.Linear(64 * width, classes),
        )
    )


def wide_resnet_28_10(shape: Shape = CIFAR_SHAPE, classes: int = 10) -> nn.Sequential:
    """WideResNet-28-10 (Zagoruyko & Komodakis, BMVC 2016); 36.48 M, any image size."""
    return _wide_resnet(28, 10, shape, classes)


def wide_resnet_34_10(shape: Shape = CIFAR_SHAPE, classes: int = 10) -> nn.Sequential:
    """WideResNet-34-10, the net of TRADES (Zhang et al., ICML 2019); 46.16 M, any image size."""
    return _wide_resnet(34, 10, shape, classes)


ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "small-cnn": small_cnn,
    "medium-cnn": medium_cnn,
    "resnet18": resnet18,
    "vgg19": vgg19,
    "wide-resnet-28-10": wide_resnet_28_10,
    "wide-resnet-34-10": wide_resnet_34_10,
}

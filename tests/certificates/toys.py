"""Small random nets with everything that the bounds know, and attacks on their margins."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.models.architectures import Normalize
from workbench.threat import ThreatModel

SHAPE = (2, 12, 12)
CLASSES = 4


class Residual(nn.Module):
    """Batch norm first, the activation in place; another shape of the shortcut with a stride."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride) if stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv2(F.relu(self.conv1(torch.relu(self.norm(x)))))
        return inner + (x if self.shortcut is None else self.shortcut(x))


class Viewed(nn.Sequential):
    """Layers, then a reshaping by the batch's size, then the head."""

    def forward(self, x: Tensor) -> Tensor:
        *layers, head = self
        for layer in layers:
            x = layer(x)
        return head(x.view(x.size(0), -1) * 2.0)


def plain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 6, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(216, 12),
        nn.ReLU(),
        nn.Linear(12, CLASSES),
    )


def residual() -> nn.Module:
    return nn.Sequential(
        Normalize((0.4, 0.5), (0.3, 0.25)),
        nn.Conv2d(2, 4, 3, padding=1),
        Residual(4, 4, 1),
        Residual(4, 6, 2),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(6, CLASSES),
    )


def grouped() -> nn.Module:
    return Viewed(
        nn.Conv2d(2, 4, 3, padding=2, dilation=2, groups=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 8, (3, 2), stride=(1, 2), padding=(1, 0), groups=4),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 4, 3),
        nn.ReLU(),
        nn.AvgPool2d(2, padding=1),
        nn.Identity(),
        nn.Linear(72, CLASSES),
    )


class Sum(nn.Module):
    """What several branches make of one value, added up."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = (branch(x) for branch in self.branches)
        for other in others:
            first = first + other
        return first


def branched() -> nn.Module:
    """Branches of other kernels, an identity, a strided shortcut, odd maps, ReLUs in a row."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(2, 4, 3, stride=2),
        Sum(nn.Identity(), nn.Conv2d(4, 4, (1, 3), padding=(0, 1)), nn.Conv2d(4, 4, 5, padding=2)),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.ReLU(),
        Sum(
            nn.Sequential(
                nn.Conv2d(4, 5, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(5, 5, 3, padding=1)
            ),
            nn.Conv2d(4, 5, 1, stride=2),
        ),
        nn.ReLU(),
        Sum(nn.Identity(), nn.Identity(), nn.Conv2d(5, 5, 3, padding=1)),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(45, CLASSES),
    )


NETS = {"plain": plain, "residual": residual, "grouped": grouped, "branched": branched}


def toy(name: str, seed: int = 0) -> nn.Module:
    """A net in eval mode whose batch norms have statistics of their own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = NETS[name]()
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.2)
                module.running_var.uniform_(0.5, 2)
                module.weight.data.normal_(std=1.0)
                module.bias.data.normal_(std=0.2)
    return net.eval().requires_grad_(False)


def images(n: int, seed: int = 1, shape: tuple[int, ...] = SHAPE) -> Tensor:
    """Uniform pixels, a third of them on the faces of the box."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand((n, *shape), generator=generator) * 1.5 - 0.25).clamp(0, 1)


def margins(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Logit y less every logit: (n, classes)."""
    logits = net(x)
    return logits.gather(1, y.unsqueeze(1)) - logits


def smallest_found(
    net: nn.Module, x: Tensor, y: Tensor, threat: ThreatModel, steps: int = 30, seed: int = 2
) -> Tensor:
    """The smallest margins that random points and gradient descent find: (n, classes)."""
    generator = torch.Generator().manual_seed(seed)
    best = margins(net, x, y)
    for target in range(best.shape[1]):
        noise = torch.randn(x.shape, generator=generator)
        at = threat.project(x + threat.epsilon * threat.ascent(noise), x)
        for _ in range(steps):
            at.requires_grad_(True)
            found = margins(net, at, y)
            gradient = torch.autograd.grad(found[:, target].sum(), at)[0]
            best = torch.minimum(best, found.detach())
            step = threat.epsilon / 8 * threat.ascent(-gradient)
            at = threat.project(at.detach() + step, x)
        best = torch.minimum(best, margins(net, at, y))
    return best

"""Steps of training with known nets and critics."""

from collections.abc import Callable, Mapping

import torch
from torch import nn

from workbench.defenses import Batch
from workbench.information import Critic, Reference


class Linear(nn.Module):
    """Logits x·W of two-pixel images; it counts how often it runs."""

    def __init__(self, weight: list[list[float]]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.passes = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        return x.flatten(1) @ self.weight


def images(*pixels: tuple[float, float]) -> torch.Tensor:
    """Images of 1×1×2 pixels."""
    return torch.tensor(pixels).view(-1, 1, 1, 2)


def plain_critic(seed: int, classes: int, units: int = 4) -> Critic:
    """A critic for images of two pixels."""
    generator = torch.Generator().manual_seed(seed)
    local, globl = nn.Linear(2, units), nn.Linear(classes, units)
    for layer in (local, globl):
        layer.weight.data = torch.randn(layer.weight.shape, generator=generator)
        layer.bias.data = torch.randn(layer.bias.shape, generator=generator)
    return Critic(nn.Sequential(nn.Flatten(), local), globl, classes)


def step(
    net: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    x_adv: torch.Tensor | None = None,
    critics: Mapping[str, Reference] | None = None,
    done: float = 0.0,
    craft: Callable[[Callable[[torch.Tensor], torch.Tensor]], torch.Tensor] | None = None,
) -> Batch:
    """A step whose adversarial samples are given."""

    def given(loss: object) -> torch.Tensor:
        assert x_adv is not None, "adversarial samples were crafted and not wanted"
        return x_adv

    return Batch(net, net, x, y, craft or given, done, critics or {})

"""What a defense is, and what it sees of a training step."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import torch
from torch import nn
from torch.nn import functional as F

from workbench.information import Reference
from workbench.specs import Settings

Ascended = Callable[[torch.Tensor], torch.Tensor]  # logits of x̃ (n, classes) to a sum over samples


@dataclass(frozen=True)
class Batch:
    """One step of training.

    net: in train mode. attacked: its twin in eval mode, of the same weights. x: (n, c, h, w) in
    [0, 1]. y: labels (n,). craft: the recipe's training attack, see `perturb`. done: the share of
    all steps that were made, in [0, 1). critics: those that the defense asks for. notes: what the
    defense tells about this step, for the history.
    """

    net: nn.Module
    attacked: nn.Module
    x: torch.Tensor
    y: torch.Tensor
    craft: Callable[[Ascended], torch.Tensor]
    done: float
    critics: Mapping[str, Reference]
    notes: dict[str, torch.Tensor] = field(default_factory=dict)

    def perturb(self, loss: Ascended | None = None) -> torch.Tensor:
        """Adversarial samples x̃ that raise the loss, the summed cross-entropy unless given."""
        return self.craft(loss or (lambda z: F.cross_entropy(z, self.y, reduction="sum")))

    def outputs(self, x_adv: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """h(x) and h(x̃): the net runs once on each, and batch norm counts both."""
        return self.net(self.x), self.net(x_adv)


class Defense(Settings, Protocol):
    """A training objective: a frozen dataclass, its fields its settings."""

    fitted: ClassVar[tuple[str, ...]]  # critics it needs that were fitted to h_θ0's outputs

    @property
    def trained(self) -> tuple[str, ...]:
        """Critics whose weights are trained along, by the same loss."""

    def __call__(self, batch: Batch) -> torch.Tensor:
        """The loss of a step, a scalar."""


class AdversarialLoss(Protocol):
    """A defense whose loss follows from the outputs: one that MI terms can be added to."""

    def perturb(self, batch: Batch) -> torch.Tensor:
        """x̃ as this defense makes it."""

    def loss(
        self, logits: torch.Tensor, adversarial_logits: torch.Tensor, y: torch.Tensor
    ) -> torch.Tensor:
        """The loss from h(x) and h(x̃), (n, classes) each, and labels (n,): a scalar."""


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """No gradient to the module's weights from what is computed inside the block."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)

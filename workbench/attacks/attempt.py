"""What an attack is, and what it returns."""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import nn

from workbench.seeds import Noise
from workbench.threat import ThreatModel

NEVER = -1


@dataclass(frozen=True)
class Attempt:
    """An attack's proposal: the evaluation checks it and declares the verdict.

    x_adv: proposed samples (n, c, h, w); where none was found, the point at which
        the attack ended.
    What follows is None where the attack does not tell.
    first_success: the number of steps after which a sample was first misclassified, NEVER (−1)
        where it never was: (n,) int64.
    forwards, backwards: passes spent on each sample: (n,) int64.
    losses: the loss that the attack raises, after each of its steps: (n, steps) float, NaN from
        where a sample had left.
    certified: samples that a sound bound proves robust, so that they were not attacked further:
        (n,) bool.
    """

    x_adv: torch.Tensor
    first_success: torch.Tensor | None = None
    forwards: torch.Tensor | None = None
    backwards: torch.Tensor | None = None
    losses: torch.Tensor | None = None
    certified: torch.Tensor | None = None


class Attack(Protocol):
    """A frozen dataclass: its fields are its settings, and go into the key of its results.

    version: raised when the same settings begin to give other results.
    stop_at_success: a sample leaves at its first success, and one that is misclassified already
        is not attacked; False runs every step on every sample, as MI needs it.
    as_given: the attack sees the very model; False lets a form of it with quicker gradients,
        equal up to rounding, stand in (models.quick).
    norms: those that the attack is made for.
    gradients: the attack asks the model for them; one that does not is black-box.
    """

    version: ClassVar[int]
    as_given: ClassVar[bool]
    norms: ClassVar[tuple[str, ...]]
    gradients: ClassVar[bool]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def stop_at_success(self) -> bool: ...

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) in [0, 1] with labels y (n,); noise: row i belongs to x[i]."""
        ...

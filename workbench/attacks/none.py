"""No attack: its robust accuracy is the clean accuracy."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from workbench.attacks.attempt import Attempt
from workbench.seeds import Noise
from workbench.threat import NORMS, ThreatModel


@dataclass(frozen=True)
class NoAttack:
    """Propose the natural sample."""

    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = False
    stop_at_success: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = False

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Propose x."""
        del model, y, threat, noise
        return Attempt(x)

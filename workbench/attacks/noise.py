"""Random points of the ball: what a perturbation does that knows nothing of the model."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from workbench.attacks.attempt import Attempt
from workbench.attacks.walk import Walk
from workbench.errors import InputError
from workbench.seeds import Noise
from workbench.threat import NORMS, ThreatModel


@dataclass(frozen=True)
class RandomNoise:
    """Uniform points of the ball, clipped to the box; a sample leaves at its first success.

    draws: points tried for each sample.
    """

    draws: int = 100
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = False
    stop_at_success: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise InputError("random noise needs draws ≥ 1")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        walk = Walk(model, x, y, self.draws, stop=True)
        for draw in range(self.draws):
            walk.look_last(threat.random_start(walk.x, noise.take(walk.rows), "random-noise", draw))
            walk.leave()
            if walk.is_over:
                break
        return walk.attempt()

"""Projected gradient descent (Madry et al., ICLR 2018); FGSM is its first step."""

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
class PGD:
    """Steepest ascent of the cross-entropy inside the threat model.

    steps: gradient steps of each restart.
    step: length of a step in units of ε (the paper: ε/4).
    restarts: independent random starts; later ones attack only what is still classified right.
    random_start: start uniformly in the ball rather than at the natural sample.
    stop_at_success: see Attack. False keeps, per sample, the last misclassified point of the
        path, or the last point where there is none.
    """

    steps: int = 40
    step: float = 0.25
    restarts: int = 1
    random_start: bool = True
    stop_at_success: bool = True
    version: ClassVar[int] = 2
    as_given: ClassVar[bool] = False
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.steps < 1 or self.restarts < 1 or not 0 < self.step < float("inf"):
            raise InputError("PGD needs steps ≥ 1, restarts ≥ 1 and a finite step > 0 (in ε)")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,); a restart makes steps + 1 looks."""
        walk = Walk(model, x, y, self.restarts * (self.steps + 1), self.stop_at_success)
        for restart in range(self.restarts):
            walk.reopen()
            if walk.is_over:
                break
            self._restart(walk, threat, noise, restart)
        return walk.attempt()

    def _restart(self, walk: Walk, threat: ThreatModel, noise: Noise, restart: int) -> None:
        """Walk once from one random start."""
        at = walk.x
        if self.random_start:
            at = threat.random_start(at, noise.take(walk.rows), "pgd", restart)
        for _ in range(self.steps):
            gradient = walk.look(at)
            at, gradient = walk.leave(at, gradient)
            if walk.is_over:
                return
            at = threat.project(at + self.step * threat.epsilon * threat.ascent(gradient), walk.x)
        walk.look_last(at)

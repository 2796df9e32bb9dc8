"""Wasserstein attacks (Wu, Wang & Yu, "Stronger and Faster Wasserstein Adversarial Attacks",
ICML 2020): mass moves between near pixels, here by less than what leaves the threat model.

The budget is ε · mass, in pixels × mass. Of each pixel at most ε may leave, because more would
take it out of the Linf ball; what else leaves the ball or the box is cut off (`project`). The
loss that the attacks raise is that of the cut image, as a function of the coupling, so a pixel
gives no gradient where it is cut: without this twice as many samples are left.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from workbench.attacks.attempt import Attempt
from workbench.attacks.transport import (
    at_targets,
    best_coupling,
    nearest_coupling,
    staying,
    transported,
)
from workbench.attacks.walk import Walk
from workbench.errors import InputError
from workbench.seeds import Noise
from workbench.threat import ThreatModel


@dataclass(frozen=True)
class FrankWolfeWasserstein:
    """Frank-Wolfe on the coupling, step 2/(t + 2), with an entropic linear oracle.

    steps: couplings asked of the oracle.
    window: odd side in pixels of the window inside which a pixel's mass may move (paper: 5).
    entropy: weight of the oracle's entropy, for gradients of largest entry 1 (authors' code: 1e-3).
    stop_at_success: see Attack, and PGD.
    """

    steps: int = 40
    window: int = 5
    entropy: float = 1e-3
    stop_at_success: bool = True
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = False
    norms: ClassVar[tuple[str, ...]] = ("Linf",)
    gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self.steps, self.window)
        if not 0 < self.entropy < float("inf"):
            raise InputError("FWA needs a finite entropy > 0")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,  # noqa: ARG002
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        walk = Walk(model, x, y, self.steps + 1, self.stop_at_success)
        delta = torch.zeros_like(x)
        for step in range(self.steps):
            delta, gradient = walk.leave(delta, _look(walk, delta, threat))
            if walk.is_over:
                return walk.attempt()
            movable, budget = _mass(walk.x, threat)
            coupling = best_coupling(gradient, movable, budget, self.window, self.entropy)
            vertex = transported(coupling, self.window) - movable
            # the image is linear in the coupling, so couplings need no mixing of their own
            delta = delta + 2 / (step + 2) * (vertex - delta)
        walk.look_last(threat.project(walk.x + delta, walk.x))
        return walk.attempt()


@dataclass(frozen=True)
class ProjectedWasserstein:
    """Projected gradient on the coupling, with the exact projection by its dual.

    steps: gradient steps.
    step: length of a step in units of ε, for gradients of largest entry 1.
    window: odd side in pixels of the window inside which a pixel's mass may move (paper: 5).
    stop_at_success: see Attack, and PGD.
    """

    steps: int = 40
    step: float = 0.25
    window: int = 5
    stop_at_success: bool = True
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = False
    norms: ClassVar[tuple[str, ...]] = ("Linf",)
    gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self.steps, self.window)
        if not 0 < self.step < float("inf"):
            raise InputError("projected Wasserstein needs a finite step > 0 (in ε)")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,  # noqa: ARG002
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        walk = Walk(model, x, y, self.steps + 1, self.stop_at_success)
        delta, coupling = torch.zeros_like(x), staying(_mass(x, threat)[0], self.window)
        for _ in range(self.steps):
            coupling, delta, gradient = walk.leave(coupling, delta, _look(walk, delta, threat))
            if walk.is_over:
                return walk.attempt()
            movable, budget = _mass(walk.x, threat)
            point = coupling + self.step * threat.epsilon * at_targets(gradient, self.window)
            coupling = nearest_coupling(point, movable, budget, self.window)
            delta = transported(coupling, self.window) - movable
        walk.look_last(threat.project(walk.x + delta, walk.x))
        return walk.attempt()


def _check(steps: int, window: int) -> None:
    if steps < 1 or window < 3 or window % 2 == 0:
        raise InputError("a Wasserstein attack needs steps ≥ 1 and an odd window ≥ 3 (in pixels)")


def _mass(x: torch.Tensor, threat: ThreatModel) -> tuple[torch.Tensor, torch.Tensor]:
    """What of each pixel may move (n, c, h, w), and what moving it may cost (n,)."""
    return x.clamp_max(threat.epsilon), threat.epsilon * x.flatten(1).sum(1)


def _look(walk: Walk, delta: torch.Tensor, threat: ThreatModel) -> torch.Tensor:
    """Look at the cut image: the loss's gradient with respect to delta, of largest entry 1."""
    image = walk.x + delta
    at = threat.project(image, walk.x)
    inside = (at - image).abs() <= 1e-6  # the rounding of x + delta
    gradient = torch.where(inside, walk.look(at), 0.0)
    largest = gradient.abs().flatten(1).amax(1).view(-1, 1, 1, 1)
    return gradient / largest.clamp_min(torch.finfo(gradient.dtype).tiny)

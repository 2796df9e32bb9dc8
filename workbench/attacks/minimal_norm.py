"""CW and DDN, by foolbox: L2 attacks that look for the smallest perturbation."""

import os
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from workbench.attacks.attempt import Attempt
from workbench.devices import full_precision
from workbench.errors import InputError
from workbench.seeds import Noise, forked
from workbench.threat import ThreatModel


@dataclass(frozen=True)
class CW:
    """Carlini & Wagner's L2 attack (S&P 2017).

    steps, step: iterations of each search and their Adam step size (the paper: 20 and 0.01).
    searches: binary search steps over the trade-off constant.
    It stops a search on the loss summed over the batch, so the batch is part of the result. A
    sample that no search misleads stays as it is.
    """

    steps: int = 20
    step: float = 0.01
    searches: int = 9
    version: ClassVar[int] = 2
    as_given: ClassVar[bool] = True
    stop_at_success: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]] = ("L2",)
    gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if min(self.steps, self.searches) < 1 or not 0 < self.step < float("inf"):
            raise InputError("CW needs steps ≥ 1, searches ≥ 1 and a finite step > 0")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        foolbox = _foolbox()
        attack = foolbox.attacks.L2CarliniWagnerAttack(
            binary_search_steps=self.searches, steps=self.steps, stepsize=self.step
        )
        return _run(attack, model, x, y, threat, noise)


@dataclass(frozen=True)
class DDN:
    """Decoupled direction and norm (Rony et al., CVPR 2019).

    steps: iterations (the paper: 20).
    """

    steps: int = 20
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = True
    stop_at_success: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]] = ("L2",)
    gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError("DDN needs steps ≥ 1")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        return _run(_foolbox().attacks.DDNAttack(steps=self.steps), model, x, y, threat, noise)


def _run(
    attack: Any,
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    threat: ThreatModel,
    noise: Noise,
) -> Attempt:
    """Run an attack of foolbox; what it found beyond ε is clipped to the ball.

    Where it finds nothing, its CW gives a black image. In full precision: it ends at the boundary,
    where TF32's rounding decides.
    """
    bounded = _foolbox().PyTorchModel(model, bounds=(0, 1), device=x.device)
    with forked(noise.seed), full_precision():
        raw, clipped, _ = attack(bounded, x, y, epsilons=threat.epsilon)
    found = raw.flatten(1).any(1)
    return Attempt(torch.where(found[:, None, None, None], clipped, x).detach())


def _foolbox() -> Any:
    """Import foolbox when it is used: it is slow to import, and its import needs a git binary
    unless GitPython is told not to look for one."""
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import foolbox

    return foolbox

"""Projected gradient descent (Madry et al., ICLR 2018); FGSM is its first step."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from workbench.attacks.attempt import NEVER, Attempt
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
    version: ClassVar[int] = 1
    norms: ClassVar[tuple[str, ...]] = NORMS

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
        """Attack x (n, c, h, w) with labels y (n,)."""
        x_adv = x.clone()
        first = torch.full_like(y, NEVER)
        for restart in range(self.restarts):
            rows = (first == NEVER).nonzero().squeeze(1)
            if len(rows) == 0:
                break
            part, steps = self._restart(model, x[rows], y[rows], threat, noise, rows, restart)
            x_adv[rows] = part
            first[rows] = torch.where(steps == NEVER, NEVER, steps + restart * (self.steps + 1))
        return Attempt(x_adv, first)

    def _restart(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
        rows: torch.Tensor,
        restart: int,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One random start: the points kept (n, c, h, w) and the first successes (n,)."""
        at = x
        if self.random_start:
            at = threat.random_start(x, noise.take(rows), "pgd", restart)
        kept, first = at.clone(), torch.full_like(y, NEVER)
        open_ = torch.arange(len(y), device=y.device)
        for step in range(self.steps + 1):
            last = step == self.steps
            wrong, gradient = _look(model, at, y, need_gradient=not last)
            kept[open_[wrong]] = at[wrong]
            first[open_[wrong & (first[open_] == NEVER)]] = step
            if last:
                kept[open_[first[open_] == NEVER]] = at[first[open_] == NEVER]
                break
            if self.stop_at_success and wrong.any():
                stay = ~wrong
                open_, at, x, y, gradient = (t[stay] for t in (open_, at, x, y, gradient))
                if len(open_) == 0:
                    break
            at = threat.project(at + self.step * threat.epsilon * threat.ascent(gradient), x)
        return kept, first


def _look(
    model: nn.Module, at: torch.Tensor, y: torch.Tensor, need_gradient: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """One forward pass for both: which are misclassified (n,), and the loss's gradient."""
    with torch.set_grad_enabled(need_gradient):
        at = at.detach().requires_grad_(need_gradient)
        logits = model(at)
        wrong = logits.detach().argmax(1) != y
        if not need_gradient:
            return wrong, at
        loss = F.cross_entropy(logits, y, reduction="sum")
        return wrong, torch.autograd.grad(loss, at)[0]

"""Auto-PGD (Croce & Hein, ICML 2020): ascent with momentum whose steps halve by themselves."""

from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self

import torch
from torch import nn

from workbench.attacks.attempt import NEVER, Attempt
from workbench.attacks.losses import Loss, cross_entropy
from workbench.errors import InputError
from workbench.seeds import Noise
from workbench.threat import NORMS, ThreatModel

MOMENTUM = 0.25
RISING = 0.75  # ρ: fewer steps of an interval that raised the loss, and the step is halved


@dataclass(frozen=True)
class APGD:
    """Auto-PGD on the cross-entropy from one random start.

    steps: gradient steps. stop_at_success: see Attack. False keeps, per sample, the misclassified
    point of the highest loss, or the point of the highest loss where there is none.
    """

    steps: int = 100
    stop_at_success: bool = True
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = False
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError("APGD needs steps ≥ 1")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        begin = start(x, threat, drawn(x, threat, noise, "apgd"))
        stop = self.stop_at_success
        return climb(model, x, y, y, threat, begin, cross_entropy, self.steps, stop)


@dataclass(frozen=True)
class _Climb:
    """Where the samples that are still open stand: row i of each belongs to the same sample."""

    rows: torch.Tensor
    x: torch.Tensor
    y: torch.Tensor
    target: torch.Tensor
    at: torch.Tensor
    before: torch.Tensor
    gradient: torch.Tensor
    step: torch.Tensor  # in ε
    best: torch.Tensor
    best_gradient: torch.Tensor
    best_loss: torch.Tensor
    checked_loss: torch.Tensor  # best loss at the last checkpoint
    halved: torch.Tensor  # there

    def take(self, rows: torch.Tensor) -> Self:
        """Some of the samples."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def drawn(x: torch.Tensor, threat: ThreatModel, noise: Noise, *purpose: str | int) -> torch.Tensor:
    """The random numbers of starts, which belong to each sample: see `start`."""
    draw = noise.uniform if threat.norm == "Linf" else noise.normal
    return draw(x, *purpose)


def start(x: torch.Tensor, threat: ThreatModel, random: torch.Tensor) -> torch.Tensor:
    """A random point on the boundary of the ball, clipped to the box, as its authors draw it.

    random: numbers in [0, 1) (Linf), or normal ones (L2), of the shape of x.
    """
    way = 2 * random - 1 if threat.norm == "Linf" else random
    return (x + threat.epsilon * (way / (threat.length(way) + 1e-12))).clamp(0, 1)


def checkpoints(steps: int) -> dict[int, int]:
    """At which looks the step may be halved, and how many steps each interval has."""
    interval, shorter = max(int(0.22 * steps), 1), max(int(0.03 * steps), 1)
    found, look = {}, interval
    while look <= steps:
        found[look] = interval
        interval = max(interval - shorter, int(0.06 * steps), 1)
        look += interval
    return found


def climb(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    target: torch.Tensor,
    threat: ThreatModel,
    begin: torch.Tensor,
    loss: Loss,
    steps: int,
    stop: bool = True,
) -> Attempt:
    """One run from `begin` (n, c, h, w); with `stop` a sample leaves at its first success.

    target: class of a targeted loss (n,). Step t + 1 looks at the model once, for the verdict,
    the loss and the gradient.
    """
    x_adv, first = begin.clone(), torch.full_like(y, NEVER)
    highest = torch.full((len(x),), -torch.inf, device=x.device)  # loss of misclassified points
    losses = torch.full((len(x), steps + 1), torch.nan, device=x.device)
    checks = checkpoints(steps)
    now = _beginning(x, y, target, begin)
    for look in range(steps + 1):
        last = look == steps
        now, wrong, values = _look(model, now, loss, look, need_gradient=not last)
        losses[now.rows, look] = values
        if wrong.any():
            fresh = wrong & (first[now.rows] == NEVER)
            kept = fresh | (wrong & (values > highest[now.rows]))
            x_adv[now.rows[kept]], highest[now.rows[kept]] = now.at[kept], values[kept]
            first[now.rows[fresh]] = look
            now = now.take(~wrong) if stop else now
        if last or len(now.rows) == 0:
            break
        if look in checks:
            recent = losses[now.rows, look - checks[look] : look + 1]
            now = _checkpoint(now, recent, first=look == checks[look])
        now = _move(now, threat, 1.0 if look == 0 else 1 - MOMENTUM)
    never = first[now.rows] == NEVER
    x_adv[now.rows[never]] = now.best[never]
    looks = torch.where((first == NEVER) | (not stop), steps, first) + 1
    return Attempt(x_adv, first, looks, looks - (looks == steps + 1).long(), losses)


def _beginning(
    x: torch.Tensor, y: torch.Tensor, target: torch.Tensor, begin: torch.Tensor
) -> _Climb:
    """All samples at their starts, where nothing is known yet."""
    rows = torch.arange(len(x), device=x.device)
    lowest = torch.full((len(x),), -torch.inf, device=x.device)
    return _Climb(
        rows=rows,
        x=x,
        y=y,
        target=target,
        at=begin,
        before=begin,
        gradient=torch.zeros_like(x),
        step=torch.full((len(x), 1, 1, 1), 2.0, device=x.device),
        best=begin.clone(),
        best_gradient=torch.zeros_like(x),
        best_loss=lowest,
        checked_loss=lowest,
        halved=torch.ones(len(x), dtype=torch.bool, device=x.device),
    )


def _look(
    model: nn.Module, now: _Climb, loss: Loss, look: int, need_gradient: bool
) -> tuple[_Climb, torch.Tensor, torch.Tensor]:
    """One forward pass for all: the new best points, who is misclassified (n,), the losses (n,)."""
    with torch.set_grad_enabled(need_gradient):
        at = now.at.detach().requires_grad_(need_gradient)
        logits = model(at)
        values = loss(logits, now.y, now.target)
        gradient = torch.autograd.grad(values.sum(), at)[0] if need_gradient else now.gradient
    logits, values = logits.detach(), values.detach()
    better = values > now.best_loss
    rows = better.nonzero()[:, 0]
    moved = replace(
        now,
        gradient=gradient,
        best=now.best.index_copy_(0, rows, now.at.index_select(0, rows)),
        best_gradient=now.best_gradient.index_copy_(0, rows, gradient.index_select(0, rows)),
        best_loss=torch.where(better, values, now.best_loss),
        checked_loss=values if look == 0 else now.checked_loss,
    )
    return moved, logits.argmax(1) != now.y, values


def _checkpoint(now: _Climb, losses: torch.Tensor, first: bool) -> _Climb:
    """Halve the step where the loss rose too rarely, or its best did not rise at all.

    Such a sample goes back to its best point (Section 3.1 of the paper). The authors' code
    compares the first loss with 0 instead of the start's, and so does this.
    losses: from the last checkpoint to this one (n, steps of the interval + 1).
    """
    earlier, later = losses[:, :-1].clone(), losses[:, 1:]
    if first:
        earlier[:, 0] = 0
    stuck = ~now.halved & (now.checked_loss >= now.best_loss)
    halve = ((later > earlier).sum(1) <= RISING * later.shape[1]) | stuck
    wide = halve.view(-1, 1, 1, 1)
    return replace(
        now,
        step=torch.where(wide, now.step / 2, now.step),
        at=torch.where(wide, now.best, now.at),
        gradient=torch.where(wide, now.best_gradient, now.gradient),
        checked_loss=now.best_loss,
        halved=halve,
    )


def _move(now: _Climb, threat: ThreatModel, share: float) -> _Climb:
    """A step with momentum: share of the new step, the rest of the last one."""
    step = threat.ascent(now.gradient).mul_(now.step * threat.epsilon)
    stepped = threat.project(step.add_(now.at), now.x)
    # in place: at + share·(stepped − at) + (1 − share)·(at − before)
    mixed = stepped.sub_(now.at).mul_(share).add_(now.at)
    mixed.add_((now.at - now.before).mul_(1 - share))
    return replace(now, at=threat.project(mixed, now.x), before=now.at)

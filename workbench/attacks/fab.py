"""Targeted FAB (Croce & Hein, ICML 2020): steps onto the linearised boundary, pulled back to x."""

import torch
from torch import nn
from torch.linalg import vecdot

from workbench.attacks.attempt import NEVER, Attempt
from workbench.threat import ThreatModel

ALPHA_MAX = 0.1  # the largest weight of the point near x
OVERSHOOT = 1.05  # η
BACKWARD = 0.9  # β: how much of a success's distance is kept for the next step
NEWTON_STEPS = 50  # a bound; about six are needed


def approach(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    target: torch.Tensor,
    threat: ThreatModel,
    steps: int,
) -> Attempt:
    """One run towards `target` (n,) from x (n, c, h, w); no random number is drawn.

    It looks for the nearest adversarial sample; a sample leaves once one is within ε.
    """
    x_adv, first = x.clone(), torch.full_like(y, NEVER)
    rows, at = torch.arange(len(x), device=x.device), x
    for step in range(steps):
        gain, gradient = _boundary(model, at, y, target)
        at = _step(at, x, gain, gradient, threat)
        with torch.no_grad():
            wrong = model(at).argmax(1) != y
        delta = at - x
        near = wrong & (threat.length(delta).flatten() <= threat.epsilon)
        if near.any():
            x_adv[rows[near]], first[rows[near]] = at[near], step + 1
        at = torch.where(wrong.view(-1, 1, 1, 1), delta.mul_(BACKWARD).add_(x), at)
        if near.any():
            rows, at, x, y, target = (t[~near] for t in (rows, at, x, y, target))
            if len(rows) == 0:
                break
    x_adv[rows] = threat.project(at, x)
    done = torch.where(first == NEVER, steps, first)
    return Attempt(x_adv, first, 2 * done, done)


def _boundary(
    model: nn.Module, at: torch.Tensor, y: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """z_t − z_y (n,), negative where y wins, and its gradient (n, c, h, w)."""
    rows = torch.arange(len(y), device=y.device)
    with torch.enable_grad():
        at = at.detach().requires_grad_()
        logits = model(at)
        gain = logits[rows, target] - logits[rows, y]
        gradient = torch.autograd.grad(gain.sum(), at)[0]
    return gain.detach(), gradient


def _step(
    at: torch.Tensor,
    x: torch.Tensor,
    gain: torch.Tensor,
    gradient: torch.Tensor,
    threat: ThreatModel,
) -> torch.Tensor:
    """Project both points onto the linearised boundary and mix them (Eq. 8-10 of the paper)."""
    plane = Plane(gradient, threat)
    from_at = plane.shortest_way(at, gain)
    from_x = plane.shortest_way(x, gain + vecdot(gradient.flatten(1), (x - at).flatten(1)))
    near, far = (threat.length(d).clamp_min(1e-8) for d in (from_at, from_x))
    alpha = (near / (near + far)).clamp_max(ALPHA_MAX)
    # in place: (1 − α)·(at + η·from_at) + α·(x + η·from_x)
    from_at.mul_(OVERSHOOT).add_(at).mul_(1 - alpha)
    return from_at.add_(from_x.mul_(OVERSHOOT).add_(x).mul_(alpha)).clamp_(0, 1)


class Plane:
    """Hyperplanes with the given normals (n, c, h, w), met with the box [0, 1] in a norm."""

    def __init__(self, normal: torch.Tensor, threat: ThreatModel) -> None:
        flat = normal.flatten(1)
        self.weight, self.sign, self.rising = flat.abs(), flat.sign(), flat > 0
        self.speed = threat.speeds(normal).flatten(1)
        self.rate = self.weight * self.speed

    def shortest_way(self, x: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """The shortest d with x + d in the box and on the plane: (n, c, h, w).

        value: ⟨normal, x⟩ less the plane's (n,). Where the box misses the plane, the d that comes
        nearest to it. Pixel i moves by min(λ·speed_i, room_i).
        """
        down = (value >= 0)[:, None]
        room = torch.where(self.rising == down, x.flatten(1), 1 - x.flatten(1))
        reach = self._reach(room, value.abs()[:, None])
        way = torch.minimum(reach * self.speed, room).mul_(self.sign)
        return way.mul_(torch.where(down, -1.0, 1.0)).view(x.shape)

    def _reach(self, room: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        """The λ (n, 1) at which Σ weight·min(λ·speed, room) is the goal; large where none is.

        The sum is concave in λ and piecewise linear, so that Newton's method climbs to the root
        in a few steps, without a sort.
        """
        tiny = torch.finfo(room.dtype).tiny
        stop = room / self.speed.clamp_min(tiny)
        whole = self.weight * room
        total, moving = whole.sum(1, keepdim=True), torch.empty_like(room)
        reach = goal / self.rate.sum(1, keepdim=True).clamp_min(tiny)
        for _ in range(NEWTON_STEPS):
            torch.gt(stop, reach, out=moving)
            slope = vecdot(self.rate, moving)[:, None]
            stopped = total - vecdot(whole, moving)[:, None]
            further = torch.where(slope > 0, (goal - stopped) / slope, torch.inf).maximum(reach)
            if torch.equal(further, reach):
                break
            reach = further
        return reach.clamp_max(torch.finfo(reach.dtype).max)

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
        at = torch.where(wrong.view(-1, 1, 1, 1), x + delta * BACKWARD, at)
        if near.any():
            x_adv[rows[near]], first[rows[near]] = (x + delta)[near], step + 1
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
    offset = -gain + (gradient * at).flatten(1).sum(1)
    from_at, from_x = onto_hyperplane(
        torch.cat([at, x]), gradient.repeat(2, 1, 1, 1), offset.repeat(2), threat
    ).chunk(2)
    near, far = (threat.length(d).clamp_min(1e-8) for d in (from_at, from_x))
    alpha = (near / (near + far)).clamp_max(ALPHA_MAX)
    mixed = (at + OVERSHOOT * from_at) * (1 - alpha) + (x + OVERSHOOT * from_x) * alpha
    return mixed.clamp(0, 1)


def onto_hyperplane(
    x: torch.Tensor, normal: torch.Tensor, offset: torch.Tensor, threat: ThreatModel
) -> torch.Tensor:
    """The shortest d with ⟨normal, x + d⟩ = offset and x + d in [0, 1]; shapes (n, c, h, w), (n,).

    Where the box misses the hyperplane, the d that comes nearest to it. Pixel i moves by
    min(λ·v_i, room_i): its speed v_i is 1 in Linf and |normal_i| in L2, and the way done,
    Σ |normal_i|·min(λ·v_i, room_i), is concave in λ, so Newton's method climbs to the root
    without a sort.
    """
    flat, w = x.flatten(1), normal.flatten(1)
    excess = vecdot(w, flat) - offset
    w = torch.where(excess[:, None] >= 0, w, -w)
    room = torch.where(w > 0, flat, 1 - flat) * (w != 0)
    speed = threat.ascent(normal).flatten(1).abs()
    weight = w.abs()
    moved = _root(weight, speed, room, excess.abs()) * speed
    return (-w.sign() * torch.minimum(moved, room)).view(x.shape)


def _root(
    weight: torch.Tensor, speed: torch.Tensor, room: torch.Tensor, way: torch.Tensor
) -> torch.Tensor:
    """The λ (n, 1) at which Σ weight·min(λ·speed, room) is `way` (n,); large where none is."""
    rate, whole = weight * speed, weight * room
    stop = room / speed.clamp_min(torch.finfo(speed.dtype).tiny)
    total = whole.sum(1, keepdim=True)
    way = way[:, None]
    reach = way / rate.sum(1, keepdim=True).clamp_min(torch.finfo(rate.dtype).tiny)
    moving = torch.empty_like(rate)
    for _ in range(NEWTON_STEPS):
        torch.gt(stop, reach, out=moving)
        slope = vecdot(rate, moving)[:, None]
        stopped = total - vecdot(whole, moving)[:, None]
        further = torch.where(slope > 0, (way - stopped) / slope, torch.inf).maximum(reach)
        if torch.equal(further, reach):
            break
        reach = further
    return reach.clamp_max(torch.finfo(reach.dtype).max)

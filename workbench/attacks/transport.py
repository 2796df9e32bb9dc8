"""Transport of an image's mass inside windows, and the two problems that its attacks solve.

A coupling says what each pixel of a channel sends to each pixel of the window around it: entries
Π[o, i] ≥ 0, from pixel i by offset o, with Σ_o Π[o, i] = x[i]. Its cost is Σ C[o] Π[o, i], C the
Euclidean length of an offset in pixels. Both problems of Wu, Wang & Yu (ICML 2020), the linear
one and the projection, have one dual variable λ ≥ 0 per image, the price of the cost, which is
the root of a falling function. Tensors with an entry per offset are (n, offsets, c, h, w).
"""

from collections.abc import Callable

import torch
from torch.nn import functional as F

TOLERANCE = 1e-3  # of the budget: what the root may miss of it; what is too much is taken back
ROUNDS = 60  # the most evaluations in the search for a root
NOWHERE = -1e30  # the value at places outside an image: finite, so that differences are

Spent = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""The costs (m,) of some rows (m,) of a batch at their λ (m,)."""


def offsets(window: int) -> list[tuple[int, int]]:
    """The places in a window of odd side, from its corner, nearest to its middle first."""
    middle = window // 2
    places = [(i, j) for i in range(window) for j in range(window)]
    return sorted(places, key=lambda place: (place[0] - middle) ** 2 + (place[1] - middle) ** 2)


def costs(window: int) -> list[float]:
    """The length of each offset in pixels; the first, 0, is to stay."""
    middle = window // 2
    return [((i - middle) ** 2 + (j - middle) ** 2) ** 0.5 for i, j in offsets(window)]


def at_targets(image: torch.Tensor, window: int) -> torch.Tensor:
    """The value at each pixel's targets, NOWHERE outside: (n, c, h, w) -> (n, o, c, h, w)."""
    height, width = image.shape[2:]
    padded = F.pad(image, [window // 2] * 4, value=NOWHERE)
    parts = [padded[:, :, i : i + height, j : j + width] for i, j in offsets(window)]
    return torch.stack(parts, dim=1)


def transported(coupling: torch.Tensor, window: int) -> torch.Tensor:
    """The image that arrives: (n, o, c, h, w) -> (n, c, h, w)."""
    height, width = coupling.shape[3:]
    reach = window // 2
    arrived = F.pad(torch.zeros_like(coupling[:, 0]), [reach] * 4)
    for place, (i, j) in enumerate(offsets(window)):
        arrived[:, :, i : i + height, j : j + width] += coupling[:, place]
    return arrived[:, :, reach : reach + height, reach : reach + width]


def staying(x: torch.Tensor, window: int) -> torch.Tensor:
    """The coupling that moves nothing: (n, c, h, w) -> (n, o, c, h, w)."""
    coupling = x.new_zeros(len(x), window**2, *x.shape[1:])
    coupling[:, 0] = x
    return coupling


def cost(coupling: torch.Tensor, window: int) -> torch.Tensor:
    """What each coupling costs, in pixels × mass: (n, o, c, h, w) -> (n,)."""
    return coupling.flatten(2).sum(2) @ coupling.new_tensor(costs(window))


def best_coupling(
    gain: torch.Tensor, x: torch.Tensor, budget: torch.Tensor, window: int, entropy: float
) -> torch.Tensor:
    """The coupling of largest Σ gain · Π − entropy · Σ Π log Π, at a cost of at most the budget.

    gain: per unit of mass sent to a pixel (n, c, h, w); x: the mass (n, c, h, w); budget: (n,).
    For a given λ each pixel's mass is spread as softmax((gain − λC) / entropy). Offsets of equal
    cost stay in proportion whatever λ is, so λ is sought among sums over them.
    """
    scores = at_targets(gain / entropy, window)
    price = scores.new_tensor(costs(window))
    levels, sizes = torch.unique_consecutive(price, return_counts=True)
    groups = torch.stack([_log_sum(part) for part in scores.split(sizes.tolist(), 1)], dim=1)

    def spent(rows: torch.Tensor, dual: torch.Tensor) -> torch.Tensor:
        share = (groups[rows] - _over(dual / entropy, levels)).softmax(1).flatten(2)
        return (x[rows].flatten(1) * torch.einsum("l,nlp->np", levels, share)).sum(1)

    dual = root(spent, budget, _highest_price(gain, x, budget, window, entropy))
    coupling = scores.sub_(_over(dual / entropy, price)).softmax(1).mul_(x[:, None])
    return within_budget(coupling, x, budget, window)


def _highest_price(
    gain: torch.Tensor, x: torch.Tensor, budget: torch.Tensor, window: int, entropy: float
) -> torch.Tensor:
    """A λ at which the cost is at most the budget (n,): the shares of moves are at most
    exp((2 max|gain| − λC) / entropy), and C ≥ 1."""
    most = x.flatten(1).sum(1) * sum(costs(window))
    log = torch.log((most / budget.clamp_min(torch.finfo(x.dtype).tiny)).clamp_min(1))
    return 2 * gain.abs().flatten(1).amax(1) + entropy * log


def nearest_coupling(
    point: torch.Tensor, x: torch.Tensor, budget: torch.Tensor, window: int
) -> torch.Tensor:
    """The coupling nearest to a point, in Euclidean distance, at a cost of at most the budget.

    point: (n, o, c, h, w), NOWHERE where an offset leaves the image; x: (n, c, h, w); budget: (n,).
    For a given λ each pixel's entries are the nearest to point − λC that are ≥ 0 and sum to x.
    """
    price = point.new_tensor(costs(window))
    thresholds = point.amax(1, keepdim=True)  # those found last: where the next search begins

    def spread(rows: torch.Tensor, dual: torch.Tensor) -> torch.Tensor:
        values = point[rows].sub_(_over(dual, price))
        thresholds[rows] = found = simplex_threshold(values, x[rows], thresholds[rows])
        return values.sub_(found).clamp_min_(0)

    # where each move, at C ≥ 1, falls short of staying by all the mass of its pixel
    highest = (point.amax(1) - point[:, 0] + x).flatten(1).amax(1)
    dual = root(lambda rows, dual: cost(spread(rows, dual), window), budget, highest)
    everything = torch.arange(len(x), device=x.device)
    return within_budget(spread(everything, dual), x, budget, window)


def simplex_threshold(values: torch.Tensor, x: torch.Tensor, guess: torch.Tensor) -> torch.Tensor:
    """The τ with Σ_o max(values − τ, 0) = x: (n, o, c, h, w), (n, c, h, w) -> (n, 1, c, h, w).

    Newton's method from a guess (n, 1, c, h, w), between bounds of τ: the sum is convex in τ and
    piecewise linear, so from the second step on they rise to τ and reach it after at most one for
    each entry (Condat, Math. Prog. 2016).
    """
    total, largest = x[:, None], values.amax(1, keepdim=True)
    lowest, highest = largest - total, largest - total / values.shape[1]
    threshold = guess.maximum(lowest).minimum(highest)
    for _ in range(values.shape[1] + 1):
        above = (values - threshold).clamp_min_(0)  # in place: new memory costs more than sums
        excess = above.sum(1, keepdim=True) - total
        step = excess / above.sign_().sum(1, keepdim=True).clamp_min(1)
        threshold = (threshold + step).maximum(lowest)
        if bool((step.abs() <= 1e-7).all()):
            break
    return threshold


def within_budget(
    coupling: torch.Tensor, x: torch.Tensor, budget: torch.Tensor, window: int
) -> torch.Tensor:
    """Mixed, in place, with staying where it costs too much, so that the budget holds."""
    spent = cost(coupling, window)
    part = torch.where(spent > budget, budget / spent, 1.0).view(-1, 1, 1, 1, 1)
    coupling *= part
    coupling[:, 0] += (1 - part[:, 0]) * x
    return coupling


def root(spent: Spent, budget: torch.Tensor, highest: torch.Tensor) -> torch.Tensor:
    """The λ ≥ 0 at which falling costs meet the budget, to TOLERANCE, or 0 if they do there: (n,).

    highest: λ (n,) where the costs are at most the budget. The costs fall about exponentially, so
    their logarithm's chord is followed (Illinois: the value at an end that stays is halved). A
    row that is found is not evaluated any more: it depends on no other.
    """
    dual, rows = torch.zeros_like(highest), torch.arange(len(highest), device=highest.device)
    low, high, side = torch.zeros_like(highest), highest, torch.zeros_like(highest)
    at_low = _log_ratio(spent(rows, dual), budget)
    at_high = -at_low  # so that the first step halves the bracket
    is_open = at_low > TOLERANCE
    for _ in range(ROUNDS):
        state = (rows, low, high, at_low, at_high, side)
        rows, low, high, at_low, at_high, side = (tensor[is_open] for tensor in state)
        if len(rows) == 0:
            break
        margin = (high - low) / 100
        chord = low + at_low * (high - low) / (at_low - at_high)
        dual[rows] = tried = chord.minimum(high - margin).maximum(low + margin)
        value = _log_ratio(spent(rows, tried), budget[rows])
        is_open, above = value.abs() > TOLERANCE, value > 0
        at_high = torch.where(above, torch.where(side > 0, at_high / 2, at_high), value)
        at_low = torch.where(above, value, torch.where(side < 0, at_low / 2, at_low))
        low, high = torch.where(above, tried, low), torch.where(above, high, tried)
        side = torch.where(above, 1.0, -1.0)
    return dual


def _log_ratio(spent: torch.Tensor, budget: torch.Tensor) -> torch.Tensor:
    """log(spent / budget), finite: (n,)."""
    tiny = torch.finfo(spent.dtype).tiny
    return torch.log(spent.clamp_min(tiny)) - torch.log(budget.clamp_min(tiny))


def _log_sum(scores: torch.Tensor) -> torch.Tensor:
    """logsumexp over offsets, of entries not so small that their exponentials are slow."""
    largest = scores.amax(1, keepdim=True)
    return (scores - largest).clamp_min_(-80).exp_().sum(1).log_() + largest[:, 0]


def _over(dual: torch.Tensor, price: torch.Tensor) -> torch.Tensor:
    """λC for each image and offset: (n,), (o,) -> (n, o, 1, 1, 1)."""
    return (dual[:, None] * price)[:, :, None, None, None]

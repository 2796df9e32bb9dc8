"""Square (Andriushchenko et al., ECCV 2020): random squares, kept where they lower the margin."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from workbench.attacks.attempt import NEVER, Attempt
from workbench.attacks.losses import margins
from workbench.errors import InputError
from workbench.seeds import Noise, forked, generator
from workbench.threat import NORMS, ThreatModel

SHARE = 0.8  # of the pixels that the first square covers
HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # queries
TOGETHER = 64  # images that one forward pass should have at least


@dataclass(frozen=True)
class Square:
    """Random search by squares, which needs no gradient.

    queries: the forward passes that each sample may have. All samples share the places and signs
    of the squares, and have first stripes of their own, so none depends on its batch. In L2 it
    is the authors' package, whose numbers depend on the batch.
    """

    queries: int = 5000
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = False
    stop_at_success: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.queries < 1:
            raise InputError("Square needs queries ≥ 1")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        if threat.norm == "L2":
            return authors_l2(model, x, y, threat, noise.seed, self.queries)
        return search(model, x, y, threat, *random(x, noise, self.queries))


def random(x: torch.Tensor, noise: Noise, queries: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The stripes of each sample, and the squares that all share; see `search`."""
    stripes = noise.uniform(x[:, :, :1], "square")
    draws = torch.rand(queries, 2 + x.shape[1], generator=generator(noise.seed, "squares"))
    return stripes, draws.to(x.device)


def side(query: int, height: int, width: int) -> int:
    """The side of the square of a query, in pixels."""
    share = SHARE / 2 ** sum(query > halved for halved in HALVED_AFTER)
    return min(max(round(math.sqrt(share * height * width)), 1), height, width)


def search(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    threat: ThreatModel,
    stripes: torch.Tensor,
    draws: torch.Tensor,
    narrowing: Mapping[int, float] | None = None,
) -> Attempt:
    """The Linf attack from random numbers in [0, 1): a sample leaves at its first success.

    stripes: (n, c, 1, w), whose sides of 0.5 are the first vertical stripes. draws: a row per
    query, (queries, 2 + c): row and column of the square, and the sign of each channel.
    narrowing: {query: share}; from that query on a sample needs a margin of at most that share of
    its natural image's, or it is given up.
    A query whose square changes nothing needs no pass. Where few samples are open, each looks
    at several of its next queries in one pass and goes on after the first that helps, which is
    what one at a time would do.
    """
    state = _Search(model, x, y, threat, stripes, draws, narrowing or {})
    while len(state.rows):
        state.advance()
    none = torch.zeros_like(y)
    return Attempt(state.x_adv, state.first, state.forwards, none)


class _Search:
    """The samples that are still open, compact, and what has become of all of them.

    Open rows: low, high: the pixels' bounds; best: the point with the lowest margin so far;
    query: the next of each; natural: the margin of the natural image, where narrowing needs it.
    """

    def __init__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        stripes: torch.Tensor,
        draws: torch.Tensor,
        narrowing: Mapping[int, float],
    ) -> None:
        self.model, self.queries, self.narrowing = model, len(draws), narrowing
        self.low, self.high = (x - threat.epsilon).clamp_min(0), (x + threat.epsilon).clamp_max(1)
        self.best = (x + threat.epsilon * (2 * stripes - 1).sign()).clamp(0, 1)
        self.y, self.query = y, torch.zeros_like(y)
        self.rows = torch.arange(len(y), device=y.device)
        self.x_adv, self.first = self.best.clone(), torch.full_like(y, NEVER)
        self.forwards = torch.ones_like(y)
        height, width = x.shape[2:]
        sizes = [side(query, height, width) for query in range(len(draws))]
        self.sides = torch.tensor(sizes, device=y.device)
        self.top = (draws[:, 0] * (height - self.sides)).long()
        self.left = (draws[:, 1] * (width - self.sides)).long()
        self.moves = 2 * threat.epsilon * (2 * draws[:, 2:] - 1).sign()
        self.margin = self._margins(self.best, y)
        self.natural = self._margins(x, y) if narrowing else self.margin
        self.forwards += len(narrowing) > 0
        self._leave()

    def advance(self) -> None:
        """Look at the next query of each open sample, or at several where few are open."""
        ahead = TOGETHER // len(self.rows)
        if ahead > 1:
            self._look_ahead(ahead)
        else:  # then all samples are at the same query
            self._look_at(int(self.query[0]))
        self._leave()

    def _look_at(self, query: int) -> None:
        """Move the square of a query in place, and back where that does not help."""
        top, left, size = (int(t[query]) for t in (self.top, self.left, self.sides))
        square = (..., slice(top, top + size), slice(left, left + size))
        inside = self.best[square]
        before = inside.clone()
        moved = (before + self.moves[query, :, None, None]).clamp_(
            self.low[square], self.high[square]
        )
        changed = (moved != before).flatten(1).any(1)
        inside.copy_(moved)
        found = torch.full_like(self.margin, torch.inf)
        if changed.all():
            found = self._margins(self.best, self.y)
        elif changed.any():
            found[changed] = self._margins(self.best[changed], self.y[changed])
        helped = found < self.margin
        inside.copy_(torch.where(helped[:, None, None, None], moved, before))
        self.margin = torch.where(helped, found, self.margin)
        self.forwards[self.rows] += changed
        self.query += 1

    def _look_ahead(self, ahead: int) -> None:
        """Look at so many next queries of each open sample; go on after the first that helps."""
        found = torch.full((len(self.rows), ahead), torch.inf, device=self.margin.device)
        row, column, candidates = self._candidates(ahead)
        if len(row):
            found[row, column] = self._margins(candidates, self.y[row])
            self.forwards += torch.bincount(self.rows[row], minlength=len(self.forwards))
        helps = found < self.margin[:, None]
        helped, position = helps.any(1), helps.long().argmax(1)
        passed = (self._limit() - self.query).clamp_max(ahead)
        self.query += torch.where(helped, position + 1, passed)
        taken = helped[row] & (column == position[row])
        self.best[row[taken]] = candidates[taken]
        self.margin = torch.where(helped, found.gather(1, position[:, None])[:, 0], self.margin)

    def _candidates(self, ahead: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The next points that differ from the best one: whose, which of its next, (m, c, h, w)."""
        queries = self.query[:, None] + torch.arange(ahead, device=self.y.device)
        row, column = (queries < self._limit()[:, None]).nonzero(as_tuple=True)
        candidates = self._squares(row, queries[row, column])
        changed = (candidates != self.best[row]).flatten(1).any(1)
        return row[changed], column[changed], candidates[changed]

    def _limit(self) -> torch.Tensor:
        """The query at which each open sample is looked at next, or has none left: (m,)."""
        limit = torch.full_like(self.query, self.queries)
        for check in self.narrowing:
            limit = torch.where(self.query < check, limit.clamp_max(check), limit)
        return limit

    def _squares(self, row: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
        """The best points of some rows with the square of a query each: (m, c, h, w)."""
        height, width = self.best.shape[2:]
        inside = _between(self.top[query], self.sides[query], height)[:, None, :, None]
        inside = inside & _between(self.left[query], self.sides[query], width)[:, None, None, :]
        moved = self.best[row] + inside * self.moves[query][:, :, None, None]
        return moved.clamp(self.low[row], self.high[row])

    def _margins(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return margins(self.model(x), y)

    def _leave(self) -> None:
        """Let go of the samples that fell, that are given up, or that have no queries left."""
        fallen, stay = self.margin <= 0, (self.margin > 0) & (self.query < self.queries)
        for check, share in self.narrowing.items():
            stay &= (self.query < check) | (self.margin <= share * self.natural)
        if stay.all():
            return
        self.x_adv[self.rows[~stay]] = self.best[~stay]
        self.first[self.rows[fallen]] = self.query[fallen]
        for name in ("low", "high", "best", "y", "rows", "query", "margin", "natural"):
            setattr(self, name, getattr(self, name)[stay])


def _between(begin: torch.Tensor, size: torch.Tensor, pixels: int) -> torch.Tensor:
    """Which pixels of a line lie in begin..begin + size: (m,), (m,) -> (m, pixels) bool."""
    place = torch.arange(pixels, device=begin.device)
    return (place >= begin[:, None]) & (place < (begin + size)[:, None])


def authors_l2(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, threat: ThreatModel, seed: int, queries: int
) -> Attempt:
    """The L2 attack of the authors' package; images below 5×5 are too small for it."""
    from pyautoattack.square import SquareAttack

    none = torch.zeros_like(y)
    if min(x.shape[2:]) < 5:
        return Attempt(x, torch.full_like(y, NEVER), none, none)
    settings = {"norm": "L2", "eps": threat.epsilon, "n_queries": queries, "seed": seed}
    with forked(seed), torch.no_grad():
        adversary = SquareAttack(model, device=x.device, resc_schedule=False, **settings)
        adversary.init_hyperparam(x)
        spent, x_adv = adversary.attack_single_run(x, y)
        fallen = model(x_adv).argmax(1) != y
    spent = spent.long()
    return Attempt(x_adv, torch.where(fallen, spent - 1, NEVER), spent + 1, none)

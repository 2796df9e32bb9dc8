"""What a critic maximises: the bound of Eq. 4, a bounded form of Eq. 5, the released code's.

The natural critic sees patterns x; the outputs it should score high ("wanted") are h(x), and those
it should score low ("unwanted") h(x̃). The adversarial critic sees n = x̃ − x and wants h(x̃), not
h(x). Eq. 4 knows wanted outputs alone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch.nn.functional import cosine_similarity, logsigmoid

from workbench import named
from workbench.errors import InputError

Bound = Callable[[torch.Tensor], torch.Tensor]


def selected(
    logits: torch.Tensor, adversarial_logits: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Eq. 6, (n,) bool: natural sample predicted right and its adversarial sample wrong.

    logits, adversarial_logits: h(x), h(x̃), (n, classes). y: true classes (n,).
    """
    return (logits.argmax(1) == y) & (adversarial_logits.argmax(1) != y)


class Pairs(NamedTuple):
    """What a target model says of n samples: h(x) and h(x̃), (n, classes); true classes y (n,).

    natural: h(x) are the wanted outputs, as for the natural critic.
    """

    logits: torch.Tensor
    adversarial_logits: torch.Tensor
    y: torch.Tensor
    natural: bool

    @property
    def unwanted(self) -> torch.Tensor:
        """The outputs that a critic should score low, (n, classes)."""
        return self.adversarial_logits if self.natural else self.logits

    def take(self, rows: torch.Tensor) -> "Pairs":
        """Some of the samples, by row numbers (m,)."""
        logits, adversarial_logits, y, natural = self
        return Pairs(logits[rows], adversarial_logits[rows], y[rows], natural)


class Unwanted(NamedTuple):
    """The other side of a batch: scores (n, n) of unwanted outputs with the same patterns."""

    scores: torch.Tensor
    pairs: Pairs


class Objective(Protocol):
    """What a critic maximises: a frozen dataclass, its fields its switches."""

    def __call__(
        self, wanted: torch.Tensor, unwanted: Unwanted | None, bound: Bound
    ) -> torch.Tensor:
        """A scalar from scores (n, n) of wanted outputs; row i is output i, as for bounds.

        Raises InputError where unwanted outputs are needed and not given.
        """


@dataclass(frozen=True)
class MIM:
    """Eq. 4: the bound on wanted pairs. Its optimum is MI, whatever the unwanted outputs are."""

    def __call__(
        self, wanted: torch.Tensor, unwanted: Unwanted | None, bound: Bound
    ) -> torch.Tensor:
        del unwanted
        return bound(wanted)


@dataclass(frozen=True)
class Contrast:
    """Eq. 5, bounded: bound(wanted) + mean over selected pairs of log σ(E(wanted) − E(unwanted)).

    E is a pair's score against the batch, T_ii − log mean_j exp T_ij, as `pointwise` reports it
    against a reference set: a constant per output, which T may hold, could not serve to tell
    outputs apart (with T itself, natural against adversarial outputs of a Fashion-MNIST model had
    AUROC 0.977 and 0.980 for the two critics, with E 0.986 and 0.983; one seed).
    Eq. 5 maximises E(wanted) − E(unwanted) itself, which grows without limit as E(unwanted) falls.
    Log σ is never above 0, so the objective is never above the bound, and with InfoNCE never above
    log n; its slope fades where a pair is in order already, and is 1 at most where it is not. It
    is the likelihood of choosing the wanted one of the two outputs (Bradley & Terry 1952).

    Why its scores are no MI: the bound alone has its optimum at the log density ratio of wanted
    pairs. The second term moves it: it pays for every difference between wanted and unwanted
    outputs, above all where the first does not hold it, on outputs that the fit never sees as
    wanted, and there E(unwanted) may fall as far as the nets allow.
    """

    def __call__(
        self, wanted: torch.Tensor, unwanted: Unwanted | None, bound: Bound
    ) -> torch.Tensor:
        scores, pairs = _needed(unwanted)
        rows = selected(pairs.logits, pairs.adversarial_logits, pairs.y)
        return bound(wanted) + _order(_in_batch(wanted)[rows], _in_batch(scores)[rows])


@dataclass(frozen=True)
class Released:
    """The released code's objective, in which each deviation from `Contrast` is a switch.

    Source: github dwDavidxd/MIAT, train_MI_estimator.py, as it is with all switches on, but for
    scores of whole patterns (see image_critic). With all switches off it is `Contrast`. v are a
    batch's values, one per output, and v(unwanted) likewise.
    per_row: v are Donsker-Varadhan values per output, T_ii − log mean_{j≠i} exp T_ij, and their
    mean over flipped pairs stands for the bound over all pairs (over all where none is right).
    masked_as_zero: T_ii, masked out of that mean, enters it as exp(0), and n − 1 divides all the
    same; it does nothing without per_row.
    cosine: −5 |cos(v, v(unwanted))| over flipped pairs instead of log σ of their difference.
    stayed: half the weight for pairs that are right before and after: mean v for the natural
    critic, −0.1 mean v for the adversarial one, and with cosine −5 or −8 |1 − cos|.
    over_right: the natural critic's sums are divided by the number of samples right before.
    softmax_over_batch: what is right is seen from a softmax over the batch, not over classes.
    """

    per_row: bool = True
    masked_as_zero: bool = True
    cosine: bool = True
    stayed: bool = True
    over_right: bool = True
    softmax_over_batch: bool = True

    def __call__(
        self, wanted: torch.Tensor, unwanted: Unwanted | None, bound: Bound
    ) -> torch.Tensor:
        scores, pairs = _needed(unwanted)
        right, after = (
            self._predicted(z) == pairs.y for z in (pairs.logits, pairs.adversarial_logits)
        )
        flipped, stayed = right & ~after, right & after
        shared = int(right.sum()) if self.over_right and pairs.natural else None
        values, others = self._values(wanted), self._values(scores)
        gained = _mean(values[flipped], shared) if self.per_row else bound(wanted)
        if self.per_row and not right.any():
            gained = values.mean()
        gained = gained + self._apart(values[flipped], others[flipped])
        if self.stayed:
            gained = gained + self._together(values[stayed], others[stayed], shared, pairs.natural)
        return gained

    def _predicted(self, logits: torch.Tensor) -> torch.Tensor:
        return (logits.softmax(0) if self.softmax_over_batch else logits).argmax(1)

    def _values(self, scores: torch.Tensor) -> torch.Tensor:
        if not self.per_row:
            return _in_batch(scores)
        true = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        negatives = scores.masked_fill(true, 0.0 if self.masked_as_zero else -math.inf)
        return scores.diagonal() - negatives.logsumexp(1) + math.log(len(scores) - 1)

    def _apart(self, values: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        if not self.cosine:
            return _order(values, others)
        return -5 * cosine_similarity(values, others, dim=0).abs()

    def _together(
        self, values: torch.Tensor, others: torch.Tensor, shared: int | None, natural: bool
    ) -> torch.Tensor:
        level, weight = (1.0, 5.0) if natural else (-0.1, 8.0)
        gained = level * _mean(values, shared)
        if self.cosine and len(values):
            gained = gained - weight * (1 - cosine_similarity(values, others, dim=0)).abs()
        return 0.5 * gained


def _needed(unwanted: Unwanted | None) -> Unwanted:
    if unwanted is None:
        raise InputError(
            "this objective contrasts outputs and needs the unwanted ones; give pairs to the fit, "
            "or use the objective mim"
        )
    return unwanted


def _in_batch(scores: torch.Tensor) -> torch.Tensor:
    """Each output's score with its own pattern against all patterns of the batch: (n,)."""
    return scores.diagonal() - scores.logsumexp(1) + math.log(len(scores))


def _order(wanted: torch.Tensor, unwanted: torch.Tensor) -> torch.Tensor:
    """Mean log-likelihood that the wanted output is chosen, at most 0; 0 where no pair is."""
    return _mean(logsigmoid(wanted - unwanted))


def _mean(values: torch.Tensor, count: int | None = None) -> torch.Tensor:
    """Sum over count, the number of values unless given; 0 where there is none."""
    return values.sum() / max(1, len(values) if count is None else count)


OBJECTIVES: dict[str, Objective] = {
    "mim": MIM(),
    "contrast": Contrast(),
    "released": Released(),
}


def objective(name: str) -> Objective:
    """An objective by its name, with other switches after a colon.

    Raises InputError for an unknown name, an unknown switch, or a value that is none.

    >>> objective("released:cosine=false").cosine
    False
    """
    return named.choose(OBJECTIVES, name, "objective")


def objective_label(found: Objective) -> str:
    """The one name of an objective: the table's name, and the switches that differ.

    >>> objective_label(objective("released:cosine=false,stayed=true"))
    'released:cosine=false'
    """
    return named.label(OBJECTIVES, found)

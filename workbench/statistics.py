"""Intervals, paired tests and effect sizes. No torch: numpy and scipy on plain arrays.

The distributions come from scipy.special, which loads in a tenth of scipy.stats' time.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, betaincinv, ndtri


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def clopper_pearson(successes: int, trials: int, level: float = 0.95) -> Estimate:
    """An exact interval for a proportion (Clopper & Pearson, Biometrika 1934).

    Raises ValueError without trials or with more successes than trials.

    >>> clopper_pearson(0, 10).low
    0.0
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes of {trials} trials")
    failures, tail = trials - successes, (1 - level) / 2
    low = betaincinv(successes, failures + 1, tail) if successes else 0.0
    high = betaincinv(successes + 1, failures, 1 - tail) if failures else 1.0
    return Estimate(successes / trials, float(low), float(high))


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Exact two-sided p-value of McNemar's test of two verdicts on the same samples: (n,) bool.

    The null: each sample on which they differ is as likely to favour the one as the other.
    """
    only_first = int((first & ~second).sum())
    only_second = int((~first & second).sum())
    fewer, both = min(only_first, only_second), only_first + only_second
    return min(1.0, 2 * float(bdtr(fewer, both, 0.5)))


def paired_auroc(higher: np.ndarray, lower: np.ndarray, level: float = 0.95) -> Estimate:
    """AUROC: how likely a value of `higher` exceeds one of `lower`, ties counted half: (n,), (n,).

    Row i of both is the same sample, so the interval is of the placements' paired sum
    (DeLong et al., Biometrics 1988, for correlated groups), on the logit scale, which keeps it
    within [0, 1]. Where the groups are parted wholly, the interval is that of no errors in n.
    """
    n = len(higher)
    placed_high, placed_low = _placements(higher, lower), 1 - _placements(lower, higher)
    area = float(placed_high.mean())
    error = float(np.std(placed_high + placed_low, ddof=1)) / np.sqrt(n)
    if area in (0.0, 1.0) or error == 0:
        exact = clopper_pearson(round(area * n), n, level)
        return Estimate(area, exact.low, exact.high)
    logit, width = np.log(area / (1 - area)), error / (area * (1 - area))
    z = ndtri(0.5 + level / 2)
    ends = 1 / (1 + np.exp(-(logit + np.array([-z, z]) * width)))
    return Estimate(area, float(ends[0]), float(ends[1]))


def _placements(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each value the share of others below it, ties counted half: (n,)."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, "left")
    upto = np.searchsorted(ordered, values, "right")
    return np.asarray((below + upto) / (2 * len(others)))


def cohens_d(higher: np.ndarray, lower: np.ndarray) -> float:
    """Difference of means in units of the pooled standard deviation (Cohen 1988).

    Infinite where neither group varies.
    """
    spread = np.sqrt((np.var(higher, ddof=1) + np.var(lower, ddof=1)) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float((np.mean(higher) - np.mean(lower)) / spread)


def sign_share(higher: np.ndarray, lower: np.ndarray, level: float = 0.95) -> Estimate:
    """Share of samples whose `higher` value is the larger one, ties counted against."""
    return clopper_pearson(int((higher > lower).sum()), len(higher), level)

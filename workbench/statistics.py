"""Intervals, paired tests and effect sizes. No torch: numpy and scipy on plain arrays.

The distributions come from scipy.special, which loads in a tenth of scipy.stats' time.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, betaincinv, gammaln, ndtri, stdtrit

LEVEL = 0.95  # of all intervals


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


UNKNOWN = Estimate(*[float("nan")] * 3)


def clopper_pearson(successes: int, trials: int) -> Estimate:
    """An exact interval for a proportion (Clopper & Pearson, Biometrika 1934).

    Raises ValueError without trials or with more successes than trials.

    >>> clopper_pearson(0, 10).low
    0.0
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes of {trials} trials")
    return _beta_interval(successes / trials, trials)


def _beta_interval(share: float, trials: float) -> Estimate:
    """Clopper and Pearson's interval; the trials need not be a whole number."""
    successes, failures, tail = share * trials, (1 - share) * trials, (1 - LEVEL) / 2
    low = betaincinv(successes, failures + 1, tail) if share > 0 else 0.0
    high = betaincinv(successes + 1, failures, 1 - tail) if share < 1 else 1.0
    return Estimate(share, float(low), float(high))


def proportion(verdicts: np.ndarray) -> Estimate:
    """A share of verdicts (n,) bool with its exact interval; NaN of none."""
    return clopper_pearson(int(verdicts.sum()), len(verdicts)) if len(verdicts) else UNKNOWN


def shared_share(verdicts: np.ndarray) -> Estimate:
    """The mean of several models' verdicts on the same samples: (n, models) bool.

    Samples are drawn and models are not: the interval is for these models on further samples, and
    says nothing of models trained anew. n samples seen by s models are neither n nor n·s
    independent verdicts; Clopper and Pearson's interval is taken of as many as would vary like the
    samples' means do (Korn & Graubard, Survey Methodology 1998). With one model it is exact.
    """
    means = verdicts.mean(axis=1)
    share = float(means.mean())
    trials = float(len(means))  # where all agree, nothing tells how the models depend
    if 0 < share < 1:
        single = share * (1 - share)
        trials *= single / max(float(means.var()), single / verdicts.shape[1])
    return _beta_interval(share, trials)


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Exact two-sided p-value of McNemar's test of two verdicts on the same samples: (n,) bool.

    The null: each sample on which they differ is as likely to favour the one as the other.
    """
    only_first = int((first & ~second).sum())
    only_second = int((~first & second).sum())
    fewer, both = min(only_first, only_second), only_first + only_second
    return min(1.0, 2 * float(bdtr(fewer, both, 0.5)))


def mean_difference(first: np.ndarray, second: np.ndarray) -> Estimate:
    """How much larger the mean of `first` is, on the same samples: (n, models), (n, models) bool.

    The interval is over samples, for these models. It is Bonett & Price's (J. Educ. Behav. Stat.
    2012) for paired proportions: with one difference of +1 and one of −1 more, it does not shrink
    to a point where no sample differs. Of s models the differences are those of the samples' means
    and the two are ±1/√s, which vary as the mean over s independent models of ±1 does.
    """
    differences = first.mean(axis=1) - second.mean(axis=1)
    more = np.append(differences, np.array([1.0, -1.0]) / np.sqrt(first.shape[1]))
    width = ndtri(0.5 + LEVEL / 2) * more.std() / np.sqrt(len(more))
    low, high = np.clip([more.mean() - width, more.mean() + width], -1, 1)
    return Estimate(float(differences.mean()), float(low), float(high))


def student(values: np.ndarray) -> Estimate:
    """The mean of independent values (n,), with Student's t interval; without one below two.

    >>> student(np.array([1.0, 2.0, 3.0])).high
    4.484...
    """
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return Estimate(mean, float("nan"), float("nan"))
    width = float(stdtrit(n - 1, 0.5 + LEVEL / 2) * np.std(values, ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - width, mean + width)


def sign_flip(first: np.ndarray, second: np.ndarray) -> float:
    """Exact two-sided p-value that two groups of models do equally well: (n, models) bool both.

    The null: exchanging the groups on any sample changes nothing. Each sample's difference keeps
    its size and takes either sign, all 2ⁿ ways being counted (Fisher's paired permutation test).
    With one model on each side it is McNemar's exact test.
    """
    differences = first.sum(axis=1, dtype=int) - second.sum(axis=1, dtype=int)
    sizes = np.bincount(np.abs(differences))
    ways = np.ones(1)  # of the sum of the differences that are positive
    for size, count in enumerate(sizes[1:], start=1):
        spaced = np.zeros(size * count + 1)
        spaced[::size] = _fair_coins(int(count))
        ways = np.convolve(ways, spaced)
    sums = 2 * np.arange(len(ways)) - (len(ways) - 1)
    return min(1.0, float(ways[np.abs(sums) >= abs(differences.sum())].sum()))


def _fair_coins(tosses: int) -> np.ndarray:
    """How likely 0, 1, …, all of the tosses are heads: (tosses + 1,)."""
    heads = np.arange(tosses + 1)
    ways = gammaln(tosses + 1) - gammaln(heads + 1) - gammaln(tosses - heads + 1)
    return np.asarray(np.exp(ways - tosses * np.log(2)))


def holm(p_values: np.ndarray) -> np.ndarray:
    """p-values corrected for their number (Holm, Scand. J. Stat. 1979): (m,), in their order."""
    order = np.argsort(p_values)
    factors = np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(1, np.maximum.accumulate(factors * p_values[order]))
    return corrected


def paired_auroc(higher: np.ndarray, lower: np.ndarray) -> Estimate:
    """AUROC: how likely a value of `higher` exceeds one of `lower`, ties counted half: (n,), (n,).

    Row i of both is the same sample, so the interval is of the placements' paired sum
    (DeLong et al., Biometrics 1988, for correlated groups), on the logit scale, which keeps it
    within [0, 1]. Where the groups are parted wholly, the interval is that of no errors in n.
    """
    placed_high, placed_low = _placements(higher, lower), 1 - _placements(lower, higher)
    error = float(np.std(placed_high + placed_low, ddof=1)) / np.sqrt(len(higher))
    return _area(float(placed_high.mean()), error, len(higher))


def auroc(higher: np.ndarray, lower: np.ndarray) -> Estimate:
    """As `paired_auroc`, for two groups of different samples: (m,), (n,), at least two each.

    The interval is DeLong's for independent groups.
    """
    placed_high, placed_low = _placements(higher, lower), 1 - _placements(lower, higher)
    variances = [np.var(placed, ddof=1) / len(placed) for placed in (placed_high, placed_low)]
    fewer = min(len(higher), len(lower))
    return _area(float(placed_high.mean()), float(np.sqrt(sum(variances))), fewer)


def _area(area: float, error: float, n: int) -> Estimate:
    """An AUROC with its interval on the logit scale; that of no errors in n where none is known."""
    if area in (0.0, 1.0) or error == 0:
        exact = clopper_pearson(round(area * n), n)
        return Estimate(area, exact.low, exact.high)
    logit, width = np.log(area / (1 - area)), error / (area * (1 - area))
    z = ndtri(0.5 + LEVEL / 2)
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


def sign_share(higher: np.ndarray, lower: np.ndarray) -> Estimate:
    """Share of samples whose `higher` value is the larger one, ties counted against."""
    return proportion(higher > lower)

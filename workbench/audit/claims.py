"""Claimed accuracies against measured ones."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.special import bdtr, bdtrc

from workbench.attacks import attack, label
from workbench.errors import InputError
from workbench.statistics import Estimate, clopper_pearson

CLEAN = "clean"
AUTOATTACK = "autoattack"
CONFIRMED: Final = "confirmed"
CONTRADICTED: Final = "contradicted"
UNDECIDED: Final = "undecided"


@dataclass(frozen=True)
class Claim:
    """A claimed accuracy, a share in [0, 1]: of "clean", or under an attack."""

    of: str
    accuracy: float


@dataclass(frozen=True)
class Judged:
    """A claim beside the measurement.

    measured, p: two-sided, of so many right samples where the claim is true; None where nothing
    that speaks of the claim was measured. verdict: contradicted where the claim lies outside of
    the exact 95 % interval, confirmed where it lies within, undecided where what was measured
    cannot tell. said: why.
    """

    claim: Claim
    measured: Estimate | None
    p: float | None
    verdict: Literal["confirmed", "contradicted", "undecided"]
    said: str


def claims(text: str) -> list[Claim]:
    """The claims of a list such as clean=83.4,autoattack=52.0, in per cent.

    Raises InputError for an unknown attack, a number that is none, and one named twice.

    >>> claims("clean=50")
    [Claim(of='clean', accuracy=0.5)]
    """
    if not isinstance(text, str):
        raise InputError(f"claims are text such as clean=83.4,autoattack=52.0, not {text!r}")
    found: dict[str, Claim] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, number = part.rpartition("=")
        try:
            accuracy = float(number) / 100
        except ValueError:
            accuracy = float("nan")
        if not equals or not 0 <= accuracy <= 1:
            raise InputError(
                f"claim {part!r} is not NAME=PER CENT; write it as clean=83.4,autoattack=52.0"
            )
        if 0 < accuracy < 0.01:
            raise InputError(
                f"claim {part!r} is below one per cent; is {number} a share? 83 is 83 %"
            )
        name = name if name == CLEAN else label(attack(name))
        if name in found:
            raise InputError(f"{name} is claimed twice; name it once")
        found[name] = Claim(name, accuracy)
    return [*found.values()]


def judge(claim: Claim, right: np.ndarray, weaker: str = "") -> Judged:
    """Hold a claim against verdicts (n,) bool.

    weaker: why the attack that was run is weaker than the claim's, if it is. Then the accuracy may
    be lower than measured, so a claim that is too high is contradicted, and none is confirmed.
    """
    successes, trials = int(right.sum()), len(right)
    measured = clopper_pearson(successes, trials)
    p = _two_sided(successes, trials, claim.accuracy)
    told = (
        f"{100 * claim.accuracy:.2f} % were claimed, {100 * measured.value:.2f} % of {trials} "
        f"samples measured [{100 * measured.low:.2f}, {100 * measured.high:.2f}]"
    )
    if claim.accuracy > measured.high:
        return Judged(claim, measured, p, CONTRADICTED, f"{told}: less than claimed")
    if weaker:
        return Judged(claim, measured, p, UNDECIDED, f"{told}; {weaker}")
    if claim.accuracy < measured.low:
        return Judged(claim, measured, p, CONTRADICTED, f"{told}: more than claimed")
    return Judged(claim, measured, p, CONFIRMED, f"{told}: they agree")


def _two_sided(successes: int, trials: int, share: float) -> float:
    """Twice the smaller tail of the binomial distribution, which matches the exact interval."""
    lower = float(bdtr(successes, trials, share))
    upper = float(bdtrc(successes - 1, trials, share)) if successes else 1.0
    return min(1.0, 2 * min(lower, upper))

"""MI as a detector of adversarial samples: what it finds, and what evades it, frame -> frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from workbench.statistics import UNKNOWN, paired_auroc, proportion
from workbench.tables.accuracy import WORST_CASE, flipped
from workbench.tables.fits import with_ends

RATES = (0.01, 0.05)  # of false alarms


@dataclass(frozen=True)
class Detector:
    """A score, and what one must know to compute it.

    natural, adversarial: columns of the score for natural and adversarial samples. sign: of the
    score where it accuses; 0 accuses what is far from the median of natural samples, either way.
    oracle: it takes x or n, which no defender has.
    """

    natural: str
    adversarial: str
    sign: int
    oracle: bool = False

    @property
    def needs_critic(self) -> bool:
        """Whether its scores are a critic's."""
        return "_mi_" in self.natural

    def suspicion(self, values: np.ndarray, calibration: np.ndarray) -> np.ndarray:
        """Higher where an input is more likely adversarial: values (n,) -> (n,).

        calibration: values of natural samples that nothing is measured on.
        """
        return self.sign * values if self.sign else np.abs(values - np.median(calibration))


RECEIVED = "natural MI of x̃"
DETECTORS = {
    "natural MI of x (oracle)": Detector(
        "natural_mi_natural", "natural_mi_adversarial", -1, oracle=True
    ),
    "adversarial MI of n (oracle)": Detector(
        "adversarial_mi_natural", "adversarial_mi_adversarial", 1, oracle=True
    ),
    RECEIVED: Detector("natural_mi_natural", "natural_mi_received", -1),
    f"{RECEIVED}, two-sided": Detector("natural_mi_natural", "natural_mi_received", 0),
    "logit gap": Detector("clean_gap", "adversarial_gap", -1),
    "max softmax": Detector("clean_confidence", "adversarial_confidence", -1),
}


class Suspicions(NamedTuple):
    """Suspicions of natural samples to calibrate with, and of the samples that are measured."""

    calibration: np.ndarray
    natural: np.ndarray
    adversarial: np.ndarray


def threshold(calibration: np.ndarray, rate: float) -> float:
    """The suspicion above which an input is flagged, so that false alarms are at most `rate`.

    That holds on average over calibration samples (n,) and further ones of the same kind, whatever
    their distribution (Vovk et al. 2005): it is their ⌈(n + 1)(1 − rate)⌉-th smallest value, or
    infinite where there is none.

    >>> threshold(np.arange(1, 100), 0.05), threshold(np.arange(9), 0.05)
    (95.0, inf)
    """
    rank = int(np.ceil((len(calibration) + 1) * (1 - rate) - 1e-9))
    ordered = np.sort(calibration)
    return float(ordered[rank - 1]) if rank <= len(ordered) else float("inf")


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    """The samples that detectors are measured on: odd indices; even ones fix the thresholds."""
    return rows[rows["index"] % 2 == 1]


def suspicions(rows: pd.DataFrame, detector: Detector) -> Suspicions:
    """The suspicions of one detector, of rows that belong to one attack."""
    base = rows.loc[rows["index"] % 2 == 0, detector.natural].to_numpy(np.float64)
    half = measured(rows)
    columns = (base, half[detector.natural], half[detector.adversarial])
    return Suspicions(*(detector.suspicion(np.asarray(c, np.float64), base) for c in columns))


def detection(rows: pd.DataFrame) -> pd.DataFrame:
    """How well each detector tells adversarial samples: a line per model, critic seed, attack.

    rows: columns of records.INFORMATION_COLUMNS. Columns: model, critic_seed, attack, detector,
    oracle; among ("all" measured samples, or those that the attack "flipped" from right to wrong,
    by Eq. 6), samples; auroc, auroc_low, auroc_high; and per rate of false alarms, in per cent:
    fpr_1, _low, _high of the measured natural samples, tpr_1, … of the adversarial ones. A detector
    without scores, whose critic diverged, has no line; one without a critic has those of the first
    critic seed.
    """
    records: list[dict[str, Any]] = []
    told: set[tuple[str, str, str]] = set()
    for (model, seed, attack), part in rows.groupby(["model", "critic_seed", "attack"], sort=False):
        for name, detector in DETECTORS.items():
            if part[[detector.natural, detector.adversarial]].isna().any(axis=None):
                continue
            if not detector.needs_critic and (model, attack, name) in told:
                continue
            told.add((model, attack, name))
            what = {"model": model, "critic_seed": seed, "attack": attack}
            what |= {"detector": name, "oracle": detector.oracle}
            records += [what | line for line in _found(part, detector)]
    return pd.DataFrame(records)


def _found(part: pd.DataFrame, detector: Detector) -> Iterator[dict[str, Any]]:
    """The numbers of one detector against one attack, for all samples and for flipped ones."""
    half, found = measured(part), suspicions(part, detector)
    for among, mask in (("all", np.ones(len(half), bool)), ("flipped", flipped(half).to_numpy())):
        if mask.sum() < 2:
            continue
        natural, adversarial = found.natural[mask], found.adversarial[mask]
        line = {"among": among, "samples": int(mask.sum())}
        line |= with_ends("auroc", paired_auroc(adversarial, natural))
        for rate in RATES:
            limit = threshold(found.calibration, rate)
            for name, values in (("fpr", found.natural), ("tpr", adversarial)):
                line |= with_ends(f"{name}_{100 * rate:.0f}", proportion(values > limit))
        yield line


def evaded(rows: pd.DataFrame) -> pd.DataFrame:
    """What the detector of received images is worth against each attack, and against all of them.

    A line per model, critic seed, detector (one-sided and two-sided), rate of false alarms and
    attack; "worst case" is who tries every attack. Columns: samples; clean, the accuracy without
    attack; clean_kept, the share of samples that are classified right and not flagged; robust, the
    robust accuracy without a detector; kept, the share of samples that stay right, or whose
    adversarial samples are all flagged; flagged, of the samples that fall, the share whose
    adversarial samples are all flagged, NaN where none falls; fallen, their number; auroc of all
    measured samples, NaN for the worst case. Shares have _low and _high, 95 % intervals.
    """
    names = [name for name, found in DETECTORS.items() if found.adversarial.endswith("_received")]
    records = []
    for (model, seed), fit in rows.groupby(["model", "critic_seed"], sort=False):
        attacks = {
            name: one.sort_values("index") for name, one in fit.groupby("attack", sort=False)
        }
        for name in names:
            if fit[DETECTORS[name].adversarial].isna().any():
                continue
            what = {"model": model, "critic_seed": seed, "detector": name}
            records += [what | line for line in _worth(attacks, DETECTORS[name])]
    return pd.DataFrame(records)


class _Met(NamedTuple):
    """How measured samples (n,) bool fare where a model meets an attack: they are classified right
    without it, raise a false alarm, fall, and the samples that they fall to are flagged.
    """

    right: np.ndarray
    alarm: np.ndarray
    fallen: np.ndarray
    flagged: np.ndarray

    def shares(self) -> dict[str, float]:
        """Those of `evaded`."""
        found = {
            "clean": self.right,
            "clean_kept": self.right & ~self.alarm,
            "robust": self.right & ~self.fallen,
            "kept": self.right & (~self.fallen | self.flagged),
            "flagged": self.flagged[self.fallen],
        }
        shares = [with_ends(name, proportion(verdicts)) for name, verdicts in found.items()]
        line: dict[str, Any] = {"samples": len(self.right), "fallen": int(self.fallen.sum())}
        return {name: value for part in (line, *shares) for name, value in part.items()}


def _worth(attacks: dict[Any, pd.DataFrame], detector: Detector) -> Iterator[dict[str, Any]]:
    """What one detector is worth, for each rate of false alarms and attack."""
    scores = {name: suspicions(part, detector) for name, part in attacks.items()}
    aurocs = {name: paired_auroc(s.adversarial, s.natural) for name, s in scores.items()}
    for rate in RATES:
        met = {name: _met(part, scores[name], rate) for name, part in attacks.items()}
        if len(met) > 1:
            met[WORST_CASE] = _all_of(list(met.values()))
        for name, found in met.items():
            line = {"rate": rate, "attack": name, **found.shares()}
            yield line | with_ends("auroc", aurocs.get(name, UNKNOWN))


def _met(part: pd.DataFrame, found: Suspicions, rate: float) -> _Met:
    half, limit = measured(part), threshold(found.calibration, rate)
    right, fallen = half["clean_prediction"] == half["label"], half["verified"]
    alarms = found.natural > limit, found.adversarial > limit
    return _Met(right.to_numpy(), alarms[0], fallen.to_numpy(), alarms[1])


def _all_of(met: Sequence[_Met]) -> _Met:
    """One who tries every attack: a sample is lost by one that breaks it and is not flagged."""
    fallen = np.any([one.fallen for one in met], axis=0)
    through = np.any([one.fallen & ~one.flagged for one in met], axis=0)
    return _Met(met[0].right, met[0].alarm, fallen, fallen & ~through)

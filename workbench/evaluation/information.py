"""Per-sample mutual information: attack, fit critics to training samples, score test samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.attacks import complete_attack
from workbench.data import Dataset
from workbench.errors import InputError, whole
from workbench.evaluation.battery import attack_jobs, computed_by, describe, fill_all, rows_of
from workbench.evaluation.critics import (
    FittedCritics,
    fit_jobs,
    forget_references,
    score_jobs,
)
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.jobs import Job
from workbench.evaluation.store import Store, Stored
from workbench.information import REFERENCE_SIZE, Fit, check_enough, least_pairs
from workbench.models import Classifier, check_fits
from workbench.progress import Progress, no_progress
from workbench.specs import PAIR, STANDARD, UNIT_SIZE, settings_of
from workbench.threat import ThreatModel

FIT_SAMPLES = 10000
ATTACK = "pgd-40:stop_at_success=false"  # the paper's, every step


@dataclass(frozen=True)
class Information:
    """The MI values of a model's test samples under its critics.

    rows: one per sample (records.INFORMATION_COLUMNS, or CONTRASTED_COLUMNS where the critics'
    scores are no MI, without those of a critic that was not asked for; with STANDARD_COLUMNS where
    standard MI was). fit: facts of each critic's fit, with the bound on samples that were held out,
    or that it diverged. keys: of the units in the store. description: what was measured. warnings:
    where the numbers should not be believed, a line each.
    """

    rows: pd.DataFrame
    fit: Mapping[str, Any]
    keys: list[str]
    description: dict[str, Any]
    warnings: list[str]


@dataclass(frozen=True, eq=False)
class InformationRequest:
    """What `mutual_information` is asked: critics fitted to `train`, samples of `test` scored."""

    model: Classifier
    train: Dataset
    test: Dataset
    threat: ThreatModel
    attack_name: str
    samples: int
    fit_samples: int
    seed: int
    critic_seed: int
    fit: Fit
    unit_size: int
    critics: tuple[str, ...] = PAIR

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("critic_seed", 0), ("samples", 2), ("fit_samples", 1)):
            object.__setattr__(self, name, whole(getattr(self, name), name, least))
        known = (*PAIR, STANDARD)
        chosen = tuple(name for name in known if name in self.critics)  # in one order, for keys
        if not chosen or len(chosen) != len(self.critics):
            raise InputError(
                f"critics {', '.join(self.critics) or 'none'}: name some of {', '.join(known)}, "
                "each once"
            )
        object.__setattr__(self, "critics", chosen)

    def attack_jobs(self) -> tuple[list[Job], list[Job]]:
        """The attacks on the samples that critics are fitted to, and on those that are scored.

        Raises InputError as `mutual_information` says.
        """
        check_fits(self.model, self.test.shape, len(self.test.classes))
        if len(self.test.classes) < 2:
            raise InputError(
                f"{self.test.name} has one class, of which outputs hold no information; use two"
            )
        found = complete_attack(self.attack_name)
        first = _first_fitted(self.train, self.test, self.samples)
        if first and len(self.train) - first < (least := least_pairs(self.fit)):
            raise InputError(
                f"{self.train.name} has {len(self.train)} samples, of which {first} are scored; "
                f"critics need {least} or more of the others: score fewer (--samples), or give "
                "them training data of their own"
            )
        check_enough(self.fit_samples, self.fit)
        if (there := len(self.train) - first) < self.fit_samples:
            behind = f" behind the {first} that are scored" if first else ""
            raise InputError(
                f"critics were to be fitted to {self.fit_samples} samples, and {self.train.name} "
                f"({self.train.split}) has {max(there, 0)}{behind}; use fewer for the fit "
                "(--fit-samples)" + (", or score fewer" if first else "")
            )
        fitted_to, scored = (
            attack_jobs(
                self.model,
                data,
                self.threat,
                found,
                start=start,
                stop=stop,
                seed=self.seed,
                unit_size=self.unit_size,
            )
            for data, start, stop in (
                (self.train, first, first + self.fit_samples),
                (self.test, 0, self.samples),
            )
        )
        return fitted_to, scored

    def fit_jobs(self, fitted_to: Sequence[Stored]) -> list[Job]:
        """The fits of the critics."""
        what = self.model, self.train, fitted_to, self.fit, self.critic_seed
        return fit_jobs(self.critics, *what)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A request whose attacks, on both kinds of samples, and fits are done: their units."""

    request: InformationRequest
    fitted_to: Sequence[Stored]
    scored: Sequence[Stored]
    fits: Sequence[Stored]

    @property
    def critics(self) -> FittedCritics:
        """The critics of the fits' units."""
        asked = self.request
        return FittedCritics.of(asked.model, asked.train, self.fitted_to, self.fits, asked.fit)

    def score_jobs(self, attacked: Sequence[Stored]) -> list[Job]:
        """The scores of attacked test samples by the fitted critics."""
        return score_jobs(self.critics, self.request.test, attacked, self.request.critic_seed)

    def answer(self, units: Sequence[Stored]) -> Information:
        """What the stored units say. units: of the scores."""
        asked, everything = self.request, [*self.fitted_to, *self.scored, *self.fits, *units]
        description = describe(asked.model, asked.test, asked.threat) | {
            "attack": asked.attack_name,
            "samples": asked.samples,
            "fit_samples": asked.fit_samples,
            "seed": asked.seed,
            "critic_seed": asked.critic_seed,
            "critics": settings_of(asked.fit),
            "reference": min(REFERENCE_SIZE, asked.fit_samples),
            "computed_by": computed_by(everything),
        }
        rows, keys = rows_of(units), [unit.key for unit in everything]
        facts = {unit.info["spec"]["critic"]: unit.info["fit"] for unit in self.fits}
        warnings = _diverged(facts) + _beyond(rows, description["reference"])
        return Information(rows, facts, keys, description, warnings)


def mutual_information(
    model: Classifier,
    train: Dataset,
    test: Dataset,
    threat: ThreatModel,
    attack_name: str,
    *,
    store: Store,
    samples: int = 1000,
    fit_samples: int = FIT_SAMPLES,
    seed: int = 0,
    critic_seed: int = 0,
    fit: Fit | None = None,
    unit_size: int = UNIT_SIZE,
    critics: Sequence[str] = PAIR,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> Information:
    """Natural and adversarial MI of the first test samples; the store's results are reused.

    The critics are fitted to attacked training samples: the first `fit_samples`, or where a data
    set has no training split, those that follow the scored ones. The attack must run every step
    (stop_at_success=false), so that x̃ is not just across the boundary. critics: which, of natural,
    adversarial and standard, which is standard MI of adversarial samples. A critic whose fit
    diverges is a warning, its values are NaN.
    executor: who computes, such as Workers(4). The model's device is used.
    Raises InputError for an attack that stops at its first success, for bad names, too few
    samples, or a model that does not fit the data.
    """
    sizes = samples, fit_samples, seed, critic_seed
    request = InformationRequest(
        model, train, test, threat, attack_name, *sizes, fit or Fit(), unit_size, tuple(critics)
    )
    (found,) = mutual_information_all([request], store, progress, executor)
    return found


def mutual_information_all(
    requests: Sequence[InformationRequest],
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> list[Information]:
    """As `mutual_information`, for many requests at once: all attacks, all fits, all scores."""
    common = store, progress, executor
    fitted = fit_all(requests, *common)
    scores = fill_all([one.score_jobs(one.scored) for one in fitted], *common)
    forget_references()
    return [one.answer(units) for one, units in zip(fitted, scores, strict=True)]


def fit_all(
    requests: Sequence[InformationRequest], store: Store, progress: Progress, executor: Executor
) -> list[Fitted]:
    """All attacks, then all fits."""
    attacks = [jobs for request in requests for jobs in request.attack_jobs()]
    attacked = fill_all(attacks, store, progress, executor)
    fitted_to, scored = attacked[::2], attacked[1::2]
    fitting = [r.fit_jobs(units) for r, units in zip(requests, fitted_to, strict=True)]
    fits = fill_all(fitting, store, progress, executor)
    return list(map(Fitted, requests, fitted_to, scored, fits))


def _first_fitted(train: Dataset, test: Dataset, samples: int) -> int:
    """Where the samples begin that critics are fitted to: of one data set, behind the scored."""
    return samples if train.fingerprint == test.fingerprint else 0


def usual_fit_samples(train: Dataset, test: Dataset, samples: int, asked: int | None) -> int:
    """How many samples critics are fitted to: FIT_SAMPLES, or all that there are for it if fewer.

    asked: what was asked for, if anything was.
    """
    there = max(len(train) - _first_fitted(train, test, samples), 1)
    return min(FIT_SAMPLES, there) if asked is None else asked


def _diverged(facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The critics that gave no number."""
    return [
        f"the {name} critic gave no values: {fact['diverged']}"
        for name, fact in facts.items()
        if "diverged" in fact
    ]


def _beyond(rows: pd.DataFrame, reference: int) -> list[str]:
    """Where a reference set of this size cannot resolve the MI."""
    found = []
    own = ("natural_mi_natural", "adversarial_mi_adversarial", "standard_mi_adversarial")
    for column in filter(rows.columns.__contains__, own):
        mean, ceiling = rows[column].mean(), np.log(reference)
        if mean > ceiling - 1:
            found.append(
                f"{column} is {mean:.2f} nats on average and {reference} reference patterns "
                f"resolve up to about {ceiling:.2f}; use more --fit-samples"
            )
    return found

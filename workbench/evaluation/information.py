"""Per-sample mutual information: attack, fit critics to training samples, score test samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import torch

from workbench import seeds
from workbench.attacks import Attack, attack
from workbench.data import Dataset
from workbench.devices import device_name
from workbench.errors import InputError
from workbench.evaluation.battery import (
    Job,
    Result,
    attack_jobs,
    computed_by,
    describe,
    fill,
    rows_of,
)
from workbench.evaluation.store import Store, Stored
from workbench.evaluation.verify import logits_of
from workbench.information import (
    REFERENCE_SIZE,
    SCORING_VERSION,
    Critic,
    Fit,
    Reference,
    fit_critic,
    four_quantities,
    image_critic,
)
from workbench.models import Classifier, check_fits
from workbench.progress import Progress, no_progress
from workbench.specs import UNIT_SIZE, CriticUnit, InformationUnit, settings_of
from workbench.threat import ThreatModel

NATURAL, ADVERSARIAL = "natural", "adversarial"
COPIED = (
    *("model", "data", "attack", "norm", "epsilon", "seed"),
    *("index", "label", "clean_prediction", "clean_margin"),
    *("adversarial_prediction", "adversarial_margin"),
)


@dataclass(frozen=True)
class Information:
    """The MI values of a model's test samples under one pair of critics.

    rows: one per sample (records.INFORMATION_COLUMNS). fit: facts of the critics' fit, with the
    bound on samples that were held out. keys: of the units in the store. description: what was
    measured. warnings: where the numbers should not be believed, a line each.
    """

    rows: pd.DataFrame
    fit: Mapping[str, Any]
    keys: list[str]
    description: dict[str, Any]
    warnings: list[str]


def mutual_information(
    model: Classifier,
    train: Dataset,
    test: Dataset,
    threat: ThreatModel,
    attack_name: str,
    *,
    store: Store,
    samples: int = 1000,
    fit_samples: int = 10000,
    seed: int = 0,
    critic_seed: int = 0,
    fit: Fit | None = None,
    unit_size: int = UNIT_SIZE,
    progress: Progress = no_progress,
) -> Information:
    """Natural and adversarial MI of the first test samples; the store's results are reused.

    The critics are fitted by Eq. 4 to attacked training samples: the first `fit_samples`, or
    where a data set has no training split, those that follow the scored ones. The attack should
    run every step (stop_at_success=false), so that x̃ is not just across the boundary.
    The model's device is used.
    Raises InputError for an attack that stops at its first success, for bad names, too few
    samples, or a model that does not fit the data.
    """
    check_fits(model, test.shape, len(test.classes))
    found, fit = _complete(attack_name), fit or Fit()
    first = samples if train.fingerprint == test.fingerprint else 0

    def attacked(data: Dataset, start: int, stop: int) -> list[Stored]:
        chosen = {"start": start, "stop": stop, "seed": seed, "unit_size": unit_size}
        return fill(attack_jobs(model, data, threat, found, **chosen), store, progress)

    fitted_to = attacked(train, first, first + fit_samples)
    scored = attacked(test, 0, samples)
    (fitted,) = fill([_fit_job(model, train, fitted_to, fit, critic_seed)], store, progress)
    units = fill(_score_jobs(model, train, test, fitted_to, scored, fitted, fit), store, progress)
    keys = [unit.key for unit in (*fitted_to, *scored, fitted, *units)]
    description = describe(model, test, threat) | {
        "attack": attack_name,
        "samples": samples,
        "fit_samples": fit_samples,
        "seed": seed,
        "critic_seed": critic_seed,
        "critics": settings_of(fit),
        "reference": min(REFERENCE_SIZE, fit_samples),
        "computed_by": computed_by([*fitted_to, *scored, fitted, *units]),
    }
    rows = rows_of(units)
    warnings = _warnings(rows, description["reference"])
    return Information(rows, fitted.info["fit"], keys, description, warnings)


def _complete(attack_name: str) -> Attack:
    """The attack, where it runs every step. Raises InputError where it does not."""
    found = attack(attack_name)
    if found.stop_at_success:
        raise InputError(
            f"{attack_name} leaves samples at their first success, and the rest without a "
            "pattern n; MI needs every step: use pgd-40:stop_at_success=false"
        )
    return found


@dataclass(frozen=True)
class Attacked:
    """Attacked samples of a stored unit: x, n = x̃ − x (n, c, h, w), h(x), h(x̃) (n, classes)."""

    x: torch.Tensor
    noise: torch.Tensor
    logits: torch.Tensor
    adversarial_logits: torch.Tensor


def _attacked(model: Classifier, data: Dataset, units: Sequence[Stored]) -> Attacked:
    """What critics see of attacked samples; the target model runs once on x and once on x̃."""
    starts = [int(unit.info["spec"]["start"]) for unit in units]
    x, _ = data.batch(starts[0], int(units[-1].info["spec"]["stop"]), model.device)
    stored = np.concatenate([unit.tensors()["x_adv"] for unit in units])
    x_adv = torch.from_numpy(stored).to(model.device)
    logits, adversarial = (
        torch.from_numpy(logits_of(model, t)).to(model.device) for t in (x, x_adv)
    )
    return Attacked(x, x_adv - x, logits, adversarial)


def _critics(seen: Attacked, fit: Fit, seed: int) -> dict[str, Critic]:
    """A pair of critics with the weights they start from."""
    channels, classes = seen.x.shape[1], seen.logits.shape[1]
    return {
        name: image_critic(
            channels, classes, fit.units, seed=seeds.derive(seed, name, "weights")
        ).to(seen.x.device)
        for name in (NATURAL, ADVERSARIAL)
    }


def _fit_job(
    model: Classifier, train: Dataset, units: Sequence[Stored], fit: Fit, seed: int
) -> Job:
    """Fit the natural critic to (x, h(x)) and the adversarial critic to (n, h(x̃)) (Eq. 4)."""

    def compute() -> Result:
        seen = _attacked(model, train, units)
        critics = _critics(seen, fit, seed)
        pairs = {
            NATURAL: (seen.x, seen.logits),
            ADVERSARIAL: (seen.noise, seen.adversarial_logits),
        }
        checks = {
            name: fit_critic(critic, *pairs[name], fit, seeds.generator(seed, name, "batches"))
            for name, critic in critics.items()
        }
        weights = {
            f"{name}.{key}": value.cpu().numpy()
            for name, critic in critics.items()
            for key, value in critic.state_dict().items()
        }
        facts = {name: checks[name][-1]._asdict() for name in critics}
        return Result(None, weights, {"fit": facts, "device": device_name(model.device)})

    unit = CriticUnit(tuple(unit.key for unit in units), settings_of(fit), seed)
    samples = sum(len(unit.rows) for unit in units if unit.rows is not None)
    return Job(unit, compute, samples, f"critics for {model.origin}")


def _score_jobs(
    model: Classifier,
    train: Dataset,
    test: Dataset,
    fitted_to: Sequence[Stored],
    scored: Sequence[Stored],
    fitted: Stored,
    fit: Fit,
) -> list[Job]:
    """Score each attacked unit; critics and reference sets are loaded once, when first needed."""

    @cache
    def references() -> dict[str, Reference]:
        seen = _attacked(model, train, fitted_to)
        critics = _critics(seen, fit, 0)
        weights = {k: torch.from_numpy(v) for k, v in fitted.tensors().items()}
        for name, critic in critics.items():
            critic.load_state_dict(
                {k.partition(".")[2]: v for k, v in weights.items() if k.startswith(f"{name}.")}
            )
        return {
            NATURAL: Reference.of(critics[NATURAL], seen.x),
            ADVERSARIAL: Reference.of(critics[ADVERSARIAL], seen.noise),
        }

    def job(unit: Stored) -> Job:
        assert unit.rows is not None
        rows = unit.rows

        def compute() -> Result:
            seen = _attacked(model, test, [unit])
            pair = references()
            values = four_quantities(
                pair[NATURAL],
                pair[ADVERSARIAL],
                seen.x,
                seen.noise,
                seen.logits,
                seen.adversarial_logits,
            )
            numbers = {name: value.cpu().numpy() for name, value in values.items()}
            critic_seed = int(fitted.info["spec"]["seed"])
            return Result(
                rows[[*COPIED]].assign(critic_seed=critic_seed, **numbers),
                {},
                {"device": device_name(model.device)},
            )

        spec = InformationUnit(unit.key, fitted.key, SCORING_VERSION)
        return Job(spec, compute, len(rows), f"MI of {model.origin}")

    return [job(unit) for unit in scored]


def _warnings(rows: pd.DataFrame, reference: int) -> list[str]:
    """Where a reference set of this size cannot resolve the values."""
    found = []
    for column in ("natural_mi_natural", "adversarial_mi_adversarial"):
        mean, ceiling = rows[column].mean(), np.log(reference)
        if mean > ceiling - 1:
            found.append(
                f"{column} is {mean:.2f} nats on average and {reference} reference patterns "
                f"resolve up to about {ceiling:.2f}; use more --fit-samples"
            )
    return found

"""Natural and adversarial MI of the audited model, beside models of the zoo on the same samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench import tables
from workbench.audit.request import DEPTHS, AuditRequest
from workbench.evaluation.battery import distinct
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.information import (
    ATTACK,
    InformationRequest,
    mutual_information_all,
)
from workbench.evaluation.store import Store
from workbench.information import Fit
from workbench.models import Classifier, load_model, zoo
from workbench.models.load import ZOO
from workbench.progress import Progress, no_progress
from workbench.specs import UNIT_SIZE

LEAST = 1000  # samples that critics are fitted to
BESIDE = ("natural", "standard-at")  # of the zoo, where it has models for the same data


@dataclass(frozen=True)
class Observed:
    """The MI of a model and of the zoo's.

    rows: the audited model's (records.INFORMATION_COLUMNS), a row per sample and critic seed.
    beside: rows of the zoo's models, by reference. table: tables.observation of all of them.
    foretold: tables.foretelling of the audited model. fits: facts of its critics' fits, by critic
    seed. warnings: where its numbers should not be believed. fit_samples: that critics were fitted
    to. keys, computed_by: of the units.
    """

    rows: pd.DataFrame
    beside: Mapping[str, pd.DataFrame]
    table: pd.DataFrame
    foretold: pd.DataFrame
    fits: Mapping[int, Mapping[str, Any]]
    warnings: Sequence[str]
    fit_samples: int
    keys: Sequence[str]
    computed_by: Sequence[Mapping[str, object]]


def why_not(request: AuditRequest, why: str) -> str:
    """Why MI cannot be estimated; "" where it can. why: that the model has no gradients."""
    if why:
        return why
    if request.train is None:
        return "MI was not asked for"
    there, needed = _to_fit(request)
    if there < needed:
        return (
            f"critics are fitted to at least {needed} samples besides the {request.samples} that "
            f"are scored, and {request.data.name} has {there}"
        )
    return ""


def _to_fit(request: AuditRequest) -> tuple[int, int]:
    """How many samples there are to fit critics to, at most as many as wanted; and the least."""
    assert request.train is not None
    wanted = DEPTHS[request.depth].fit_samples
    same = request.train.fingerprint == request.data.fingerprint
    there = len(request.train) - (request.samples if same else 0)
    return min(there, wanted), min(LEAST, wanted)


def observe(
    request: AuditRequest,
    robust: pd.Series,
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> Observed:
    """Fit critics and score the samples, of the audited model and of the zoo's for the same data.

    robust: the verdicts of the audit by sample.
    """
    models = {request.model.origin: request.model} | _zoo_models(request)
    fit_samples, _ = _to_fit(request)
    seeds = DEPTHS[request.depth].critic_seeds
    wanted = {
        (name, seed): _information(request, model, fit_samples, seed)
        for name, model in models.items()
        for seed in (seeds if model is request.model else seeds[:1])
    }
    found = mutual_information_all([*wanted.values()], store, progress, executor)
    answers = dict(zip(wanted, found, strict=True))
    own = {seed: answer for (name, seed), answer in answers.items() if name == request.model.origin}
    rows = pd.concat([answer.rows for answer in own.values()], ignore_index=True)
    everything = [answer.rows.assign(model=name) for (name, _), answer in answers.items()]
    return Observed(
        rows,
        {n: a.rows for (n, _), a in answers.items() if n != request.model.origin},
        tables.observation(pd.concat(everything, ignore_index=True)),
        tables.foretelling(rows, robust),
        {seed: answer.fit for seed, answer in own.items()},
        list(dict.fromkeys(line for answer in own.values() for line in answer.warnings)),
        fit_samples,
        list(dict.fromkeys(key for answer in found for key in answer.keys)),
        distinct(fact for answer in found for fact in answer.description["computed_by"]),
    )


def _zoo_models(request: AuditRequest) -> dict[str, Classifier]:
    """The zoo's models for the same data, but for the audited one."""
    names = [name for kind in BESIDE if zoo.has(name := f"{request.data.name}/{kind}")]
    device = request.model.device
    models = {f"{ZOO}{name}": load_model(f"{ZOO}{name}", device=device) for name in names}
    audited = request.model.fingerprint
    return {name: model for name, model in models.items() if model.fingerprint != audited}


def _information(
    request: AuditRequest, model: Classifier, fit_samples: int, critic_seed: int
) -> InformationRequest:
    assert request.train is not None
    return InformationRequest(
        model,
        request.train,
        request.data,
        request.threat,
        ATTACK,
        request.samples,
        fit_samples,
        request.seed,
        critic_seed,
        Fit(),
        UNIT_SIZE,
    )

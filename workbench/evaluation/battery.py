"""Fill the store with what is missing, and read the rest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from workbench.attacks import Attack, attack, label
from workbench.data import Dataset
from workbench.devices import device_name
from workbench.errors import InputError
from workbench.evaluation.measure import MEASURE_VERSION, measure
from workbench.evaluation.store import Store, Stored
from workbench.models import Classifier, check_fits
from workbench.progress import Progress, no_progress
from workbench.provenance import provenance
from workbench.specs import UNIT_SIZE, AttackUnit, Unit, key, ranges, settings_of
from workbench.threat import ThreatModel

ORIGIN = ("versions", "commit", "machine", "device", "threads")


@dataclass(frozen=True)
class Result:
    """What computing a unit gave: its rows, its tensors, and facts for the record."""

    rows: pd.DataFrame | None
    tensors: Mapping[str, np.ndarray]
    info: Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """A unit, how to compute it, its size for the progress bar, and what to call it there."""

    unit: Unit
    compute: Callable[[], Result]
    size: int
    doing: str


def fill(jobs: Sequence[Job], store: Store, progress: Progress = no_progress) -> list[Stored]:
    """The results of all jobs, in order; only what the store lacks is computed.

    A result is stored as soon as it is there: stopped at any moment, the same call goes on.
    progress: called with (samples done, samples missing at the start, what is being done).
    """
    found = [store.read(key(job.unit)) for job in jobs]
    missing = [job for job, stored in zip(jobs, found, strict=True) if stored is None]
    total, done = sum(job.size for job in missing), 0
    results = []
    for job, stored in zip(jobs, found, strict=True):
        if stored is None:
            progress(done, total, job.doing)
            stored = _compute(job, store)
            done += job.size
            progress(done, total, job.doing)
        results.append(stored)
    return results


def _compute(job: Job, store: Store) -> Stored:
    """Compute one unit and store it."""
    result = job.compute()
    info = {**provenance(), "threads": torch.get_num_threads(), **result.info}
    spec = {"kind": type(job.unit).__name__, **asdict(job.unit)}
    return store.write(key(job.unit), spec, result.rows, result.tensors, info)


def attack_jobs(
    model: Classifier,
    data: Dataset,
    threat: ThreatModel,
    attack: Attack,
    *,
    start: int = 0,
    stop: int,
    seed: int = 0,
    unit_size: int = UNIT_SIZE,
) -> list[Job]:
    """The units of one attack on samples start..stop of a data set.

    Raises InputError when the data set is smaller, or the attack is not made for the norm.
    """
    if threat.norm not in attack.norms:
        raise InputError(
            f"{label(attack)} is an attack for {' and '.join(attack.norms)}, not for "
            f"{threat.norm}; leave it out or change --norm"
        )
    if not 0 <= start < stop <= len(data):
        raise InputError(
            f"samples {start}..{stop} were asked for and {data.name} ({data.split}) has "
            f"{len(data)}; use fewer samples"
        )
    return [
        _attack_job(model, data, threat, attack, first, last, seed)
        for first, last in ranges(start, stop, unit_size)
    ]


def _attack_job(
    model: Classifier,
    data: Dataset,
    threat: ThreatModel,
    attack: Attack,
    start: int,
    stop: int,
    seed: int,
) -> Job:
    """The unit of one attack on samples start..stop, and how it is computed."""
    unit = AttackUnit(
        model.fingerprint,
        data.fingerprint,
        start,
        stop,
        settings_of(attack),
        threat.norm,
        threat.epsilon,
        seed,
        MEASURE_VERSION,
    )

    def compute() -> Result:
        x, y = data.batch(start, stop, model.device)
        measured = measure(model, x, y, start, attack, threat, seed)
        identity = {
            "model": model.fingerprint,
            "data": data.fingerprint,
            "attack": label(attack),
            "norm": threat.norm,
            "epsilon": threat.epsilon,
            "seed": seed,
        }
        rows = pd.concat([pd.DataFrame(identity, index=measured.rows.index), measured.rows], axis=1)
        cost = {
            "forward_passes": measured.forward_passes,
            "backward_passes": measured.backward_passes,
            "seconds": measured.seconds,
            "device": device_name(model.device),
        }
        return Result(rows, {"x_adv": measured.images}, cost)

    return Job(unit, compute, stop - start, f"{label(attack)} on {model.origin}")


def rows_of(units: Sequence[Stored]) -> pd.DataFrame:
    """The rows of all units in one frame."""
    return pd.concat([unit.rows for unit in units], ignore_index=True)


def costs_of(units: Sequence[Stored]) -> pd.DataFrame:
    """A row per unit: attack, samples, forward and backward passes, seconds."""
    return pd.DataFrame(list(_costs(units)))


def _costs(units: Sequence[Stored]) -> Iterator[dict[str, Any]]:
    for unit in units:
        assert unit.rows is not None
        first = unit.rows.iloc[0]
        named = {name: first[name] for name in ("model", "attack", "seed")}
        cost = {n: unit.info[n] for n in ("forward_passes", "backward_passes", "seconds")}
        yield {**named, "samples": len(unit.rows), **cost}


@dataclass(frozen=True)
class Evaluation:
    """The records of a model under attacks, what they cost, and what was measured.

    rows: one per attack and sample (records.ATTACK_COLUMNS). costs: one per unit. keys: of the
    units in the store.
    """

    rows: pd.DataFrame
    costs: pd.DataFrame
    keys: list[str]
    description: dict[str, Any]


def evaluate(
    model: Classifier,
    data: Dataset,
    threat: ThreatModel,
    attacks: Sequence[str],
    *,
    store: Store,
    samples: int = 1000,
    seed: int = 0,
    unit_size: int = UNIT_SIZE,
    progress: Progress = no_progress,
) -> Evaluation:
    """Attack the first samples of a data set; what the store has is not computed again.

    attacks: names, with settings (see attacks.attack). unit_size: samples per stored unit. The
    model's device is used.
    Raises InputError for bad names, too many samples, or a model that does not fit the data.
    """
    chosen = {label(found): found for found in map(attack, attacks)}
    if not chosen:
        raise InputError("no attack was named; pgd-40,autoattack is a good start")
    check_fits(model, data.shape, len(data.classes))
    jobs = [
        job
        for found in chosen.values()
        for job in attack_jobs(
            model,
            data,
            threat,
            found,
            stop=samples,
            seed=seed,
            unit_size=unit_size,
        )
    ]
    units = fill(jobs, store, progress)
    description = describe(model, data, threat) | {
        "samples": samples,
        "seed": seed,
        "batch_size": unit_size,
        "computed_by": computed_by(units),
    }
    return Evaluation(rows_of(units), costs_of(units), [u.key for u in units], description)


def describe(model: Classifier, data: Dataset, threat: ThreatModel) -> dict[str, Any]:
    """What is measured, for a report: names and fingerprints, ε as given and as a number."""
    return {
        "model": {"name": model.origin, "fingerprint": model.fingerprint},
        "data": {"name": data.name, "split": data.split, "fingerprint": data.fingerprint},
        "threat": {"norm": threat.norm, "eps": threat.eps, "epsilon": threat.epsilon},
    }


def computed_by(units: Sequence[Stored]) -> list[dict[str, Any]]:
    """What computed the units, which may be older than what reads them: each kind once."""
    facts = [{name: unit.info.get(name) for name in ORIGIN} for unit in units]
    return [fact for i, fact in enumerate(facts) if fact not in facts[:i]]

"""Fill the store with what is missing, and read the rest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import torch

from workbench.attacks import Attack, attack, label
from workbench.data import Dataset
from workbench.errors import InputError, whole
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.jobs import Job, Result
from workbench.evaluation.measure import MEASURE_VERSION, check_proofs, measure
from workbench.evaluation.store import Store, Stored
from workbench.evaluation.verify import BATCH, logits_of, margins
from workbench.evaluation.watching import Watch
from workbench.models import Classifier, check_fits
from workbench.progress import Progress, no_progress
from workbench.specs import UNIT_SIZE, AttackUnit, key, ranges, settings_of
from workbench.threat import ThreatModel

SAME = 0.02  # share of a margin by which devices may differ, as with bfloat16 inside
ORIGIN = ("versions", "commit", "machine", "device", "threads")


def fill(
    jobs: Sequence[Job],
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> list[Stored]:
    """The results of all jobs, in order; only what the store lacks is computed, and once.

    A result is stored as soon as it is there: stopped at any moment, the same call goes on.
    progress: called with (samples done, samples missing at the start, what is being done).
    Raises InputError where stored results are of a model that gave other outputs.
    """
    keys = [key(job.unit) for job in jobs]
    wanted = dict(zip(keys, jobs, strict=True))
    found = {name: store.read(name) for name in wanted}
    _check(found, wanted)
    missing = {name: wanted[name] for name, stored in found.items() if stored is None}
    if missing:
        _compute(list(missing.values()), store, progress, executor)
    found |= {name: store.read(name) for name in missing}
    return [_there(found[name], wanted[name], store) for name in keys]


def _check(found: Mapping[str, Stored | None], wanted: Mapping[str, Job]) -> None:
    """Ask the first stored result of each model whether it is this model's."""
    asked: set[str] = set()
    for name, stored in found.items():
        unit, check = wanted[name].unit, wanted[name].check
        if stored and check and isinstance(unit, AttackUnit) and unit.model not in asked:
            asked.add(unit.model)
            check(stored)


def _compute(jobs: Sequence[Job], store: Store, progress: Progress, executor: Executor) -> None:
    """Have jobs computed and stored, and tell how far they are."""
    watch = Watch(jobs, progress)
    with watch.looking():
        for job in executor(jobs, store, watch.begun):
            watch.finished(job)


def _there(stored: Stored | None, job: Job, store: Store) -> Stored:
    """The result of a job; its attack may have had another name when it was stored."""
    if stored is None:
        name = key(job.unit)
        raise InputError(f"unit {name} was stored and is gone from {store.root}; is the disk ok?")
    if job.attack and stored.rows is not None and stored.attack != job.attack:
        return replace(stored, rows=stored.rows.assign(attack=job.attack))
    return stored


def fill_all(
    groups: Sequence[Sequence[Job]],
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> list[list[Stored]]:
    """The results of groups of jobs, which are computed together.

    Groups are computed in the order of their first keys, as good as random: where the slow ones
    come last, as L2 after Linf, what is done says little of the time that is left.
    """
    order = sorted(range(len(groups)), key=lambda i: [key(job.unit) for job in groups[i][:1]])
    units = iter(fill([job for i in order for job in groups[i]], store, progress, executor))
    found = {i: list(islice(units, len(groups[i]))) for i in order}
    return [found[i] for i in range(len(groups))]


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

    Raises InputError when the data set is smaller, or the attack is not made for the norm, or
    needs gradients that the model does not have.
    """
    if attack.gradients and not model.differentiable:
        raise InputError(
            f"{label(attack)} needs gradients, and {model.origin} has none; use square or "
            "random-noise, or workbench transfer from a model that has them"
        )
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
    compute = partial(_attacked, model, data, threat, attack, start, stop, seed)
    name, check = label(attack), partial(_check_outputs, model, data)
    doing = f"{name} on {model.origin}"
    return Job(unit, compute, stop - start, doing, attack=name, check=check)


def _check_outputs(model: Classifier, data: Dataset, stored: Stored) -> None:
    """Raises InputError where the model's outputs are not those that were stored.

    A fingerprint cannot see all that outputs depend on, such as a helper that forward calls. The
    last batch of the unit is looked at as `measure` did; a model that then differs from itself is
    random, which is another matter.
    """
    assert stored.rows is not None
    stop = stored.info["spec"]["stop"]
    x, y = data.batch(max(stored.info["spec"]["start"], stop - BATCH), stop, model.device)
    then = stored.rows["clean_margin"].to_numpy()[-len(x) :]
    now = _margins(model, x, y)
    if not _alike(now, then) and _alike(_margins(model, x, y), now):
        raise InputError(
            f"{model.origin} gives other outputs than when its results were stored, though its "
            "weights are the same: what its fingerprint cannot see has changed, such as a function "
            "that forward calls; name another store"
        )


def _margins(model: Classifier, x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    return margins(logits_of(model, x), y.cpu().numpy())


def _alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether margins (n,) differ by no more than rounding on another device."""
    with np.errstate(invalid="ignore"):  # of infinite ones
        return bool(np.abs(first - second).mean() <= SAME * np.abs(second).mean())


def _attacked(
    model: Classifier,
    data: Dataset,
    threat: ThreatModel,
    attack: Attack,
    start: int,
    stop: int,
    seed: int,
) -> Result:
    """Samples start..stop under one attack, each row with what it is a row of."""
    x, y = data.batch(start, stop, model.device)
    measured = measure(model, x, y, start, attack, threat, seed)
    identity = {
        "model": model.fingerprint,
        "source": model.fingerprint,
        "data": data.fingerprint,
        "attack": label(attack),
        "norm": threat.norm,
        "epsilon": threat.epsilon,
        "seed": seed,
    }
    rows = pd.concat([pd.DataFrame(identity, index=measured.rows.index), measured.rows], axis=1)
    return Result(rows, {"x_adv": measured.images}, measured.cost(model.device))


def rows_of(units: Sequence[Stored]) -> pd.DataFrame:
    """The rows of all units in one frame."""
    return pd.concat([unit.rows for unit in units], ignore_index=True)


def adversarial_image(units: Sequence[Stored], index: int) -> np.ndarray:
    """x̃ of a sample of the units of one attack: (c, h, w) float32 in [0, 1].

    Raises KeyError where no unit has the sample.
    """
    for unit in units:
        start, stop = (unit.info["spec"][name] for name in ("start", "stop"))
        if start <= index < stop:
            return unit.row("x_adv", index - start)
    raise KeyError(index)


def costs_of(units: Sequence[Stored]) -> pd.DataFrame:
    """A row per unit: attack, samples, forward and backward passes, broken gradients, seconds."""
    return pd.DataFrame(list(_costs(units)))


def _costs(units: Sequence[Stored]) -> Iterator[dict[str, Any]]:
    for unit in units:
        assert unit.rows is not None
        first = unit.rows.iloc[0]
        named = {name: first[name] for name in ("model", "attack", "seed")}
        cost = {n: unit.info[n] for n in ("forward_passes", "backward_passes", "seconds")}
        broken = unit.info.get("broken_gradients", 0)  # older units were not asked
        yield {**named, "samples": len(unit.rows), **cost, "broken_gradients": broken}


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

    @property
    def warnings(self) -> list[str]:
        """Which attacks were given gradients that cannot be followed."""
        names = ["backward_passes", "broken_gradients"]
        found = self.costs.groupby("attack", sort=False)[names].sum()
        return [
            f"{row.Index} was given NaN or infinity as the gradient in {row.broken_gradients} of "
            f"{row.backward_passes} backward passes, and what it leaves may not be robust; see "
            "AA3/I1 of workbench audit"
            for row in found[found["broken_gradients"] > 0].itertuples()
        ]


@dataclass(frozen=True, eq=False)
class EvaluationRequest:
    """What `evaluate` is asked: attack the first samples of a data set."""

    model: Classifier
    data: Dataset
    threat: ThreatModel
    attacks: Sequence[str]
    samples: int
    seed: int
    unit_size: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", whole(self.seed, "seed"))
        object.__setattr__(self, "samples", whole(self.samples, "samples", least=1))

    def jobs(self) -> list[Job]:
        """The units of all attacks. Raises InputError as `evaluate` says."""
        chosen = {label(found): found for found in map(attack, self.attacks)}
        if not chosen:
            raise InputError("no attack was named; pgd-40,autoattack is a good start")
        check_fits(self.model, self.data.shape, len(self.data.classes))
        common = {"stop": self.samples, "seed": self.seed, "unit_size": self.unit_size}
        return [
            job
            for found in chosen.values()
            for job in attack_jobs(self.model, self.data, self.threat, found, **common)
        ]

    def answer(self, units: Sequence[Stored]) -> Evaluation:
        """What the stored units of the jobs say."""
        description = describe(self.model, self.data, self.threat) | {
            "samples": self.samples,
            "seed": self.seed,
            "batch_size": self.unit_size,
            "computed_by": computed_by(units),
        }
        rows = rows_of(units)
        check_proofs(rows)
        return Evaluation(rows, costs_of(units), [unit.key for unit in units], description)


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
    executor: Executor = in_process,
) -> Evaluation:
    """Attack the first samples of a data set; what the store has is not computed again.

    attacks: names, with settings (see attacks.attack). unit_size: samples per stored unit.
    executor: who computes, such as Workers(4). The model's device is used.
    Raises InputError for bad names, too many samples, or a model that does not fit the data.
    """
    request = EvaluationRequest(model, data, threat, attacks, samples, seed, unit_size)
    return request.answer(fill(request.jobs(), store, progress, executor))


def evaluate_all(
    requests: Sequence[EvaluationRequest],
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> list[Evaluation]:
    """As `evaluate`, for many requests at once, so that no worker waits for another's request."""
    jobs = [request.jobs() for request in requests]
    return [
        request.answer(units)
        for request, units in zip(requests, fill_all(jobs, store, progress, executor), strict=True)
    ]


def describe(model: Classifier, data: Dataset, threat: ThreatModel) -> dict[str, Any]:
    """What is measured, for a report: names and fingerprints, ε as given and as a number."""
    return {
        "model": {"name": model.origin, "fingerprint": model.fingerprint},
        "data": {"name": data.name, "split": data.split, "fingerprint": data.fingerprint},
        "threat": {"norm": threat.norm, "eps": threat.eps, "epsilon": threat.epsilon},
    }


def computed_by(units: Sequence[Stored]) -> list[dict[str, Any]]:
    """What computed the units, which may be older than what reads them: each kind once."""
    return distinct({name: unit.info.get(name) for name in ORIGIN} for unit in units)


def distinct(facts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each fact once, in order."""
    found: list[dict[str, Any]] = []
    for fact in facts:
        if fact not in found:
            found.append(fact)
    return found

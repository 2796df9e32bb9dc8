"""Transfer: what an attack made on a source model is shown to a target that it never saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch

from workbench.data import Dataset
from workbench.devices import device_name
from workbench.evaluation.battery import (
    Evaluation,
    EvaluationRequest,
    computed_by,
    costs_of,
    describe,
    fill_all,
    rows_of,
)
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.jobs import Job, Result
from workbench.evaluation.measure import MEASURE_VERSION, judge
from workbench.evaluation.records import TOLD_BY_THE_ATTACK
from workbench.evaluation.store import Store, Stored
from workbench.evaluation.verify import logits_of
from workbench.models import Classifier, check_fits
from workbench.progress import Progress, no_progress
from workbench.specs import UNIT_SIZE, TransferUnit
from workbench.threat import ThreatModel

ATTACKS = "pgd-40:stop_at_success=false,ti-dim:stop_at_success=false"  # where none is named


@dataclass(frozen=True, eq=False)
class TransferRequest:
    """What `transfer_all` is asked: show the attacks on a source model to the target."""

    source: EvaluationRequest
    model: Classifier

    def jobs(self, attacked: Sequence[Stored]) -> list[Job]:
        """A unit for each unit of the source."""
        check_fits(self.model, self.source.data.shape, len(self.source.data.classes))
        data, threat = self.source.data, self.source.threat
        return [_job(self.model, data, threat, unit) for unit in attacked]

    def answer(self, attacked: Sequence[Stored], units: Sequence[Stored]) -> Evaluation:
        """What the stored units say; the costs are those of the attacks on the source."""
        source = self.source
        description = describe(self.model, source.data, source.threat) | {
            "source": {"name": source.model.origin, "fingerprint": source.model.fingerprint},
            "samples": source.samples,
            "seed": source.seed,
            "batch_size": source.unit_size,
            "computed_by": computed_by([*attacked, *units]),
        }
        keys = [unit.key for unit in (*attacked, *units)]
        return Evaluation(rows_of(units), costs_of(attacked), keys, description)


def transfer(
    sources: Sequence[Classifier],
    targets: Sequence[Classifier],
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
) -> list[Evaluation]:
    """Attacks made on every source, shown to every target: black-box accuracy, source by source.

    Attacks that stop at their first success stay close to the source's boundary and transfer
    badly: use pgd-40:stop_at_success=false. The rows' `source` is the model that was attacked.
    Raises InputError as `evaluate` does.
    """
    requests = [
        TransferRequest(
            EvaluationRequest(source, data, threat, attacks, samples, seed, unit_size), target
        )
        for source in sources
        for target in targets
    ]
    return transfer_all(requests, store, progress, executor)


def transfer_all(
    requests: Sequence[TransferRequest],
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> list[Evaluation]:
    """As `transfer`, for requests of any kind; attacks that several share are made once."""
    common = store, progress, executor
    attacked = fill_all([request.source.jobs() for request in requests], *common)
    jobs = [request.jobs(units) for request, units in zip(requests, attacked, strict=True)]
    shown = fill_all(jobs, *common)
    parts = zip(requests, attacked, shown, strict=True)
    return [request.answer(first, second) for request, first, second in parts]


def _job(model: Classifier, data: Dataset, threat: ThreatModel, unit: Stored) -> Job:
    assert unit.rows is not None
    spec = TransferUnit(unit.key, model.fingerprint, MEASURE_VERSION)
    compute = partial(_shown, model, data, threat, unit)
    doing = f"transfer to {model.origin}"
    return Job(spec, compute, len(unit.rows), doing, attack=unit.attack)


def _shown(model: Classifier, data: Dataset, threat: ThreatModel, unit: Stored) -> Result:
    """The target's verdict on the samples of a stored unit; nothing is attacked."""
    assert unit.rows is not None
    start, stop = (int(unit.info["spec"][name]) for name in ("start", "stop"))
    x, y = data.batch(start, stop, model.device)
    x_adv = torch.from_numpy(unit.tensors()["x_adv"]).to(model.device)
    found = judge(model, x, y, logits_of(model, x), x_adv, threat)
    rows = unit.rows.drop(columns=list(TOLD_BY_THE_ATTACK)).assign(model=model.fingerprint)
    rows[found.columns] = found
    return Result(rows, {}, {"device": device_name(model.device)})

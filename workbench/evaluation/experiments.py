"""Measurements that bring their own data: distributions of known MI, small discrete models."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from workbench.evaluation.battery import computed_by, fill
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.jobs import Job, Result
from workbench.evaluation.store import Store, Stored
from workbench.progress import Progress, no_progress
from workbench.specs import Experiment, ExperimentUnit, settings_of


@dataclass(frozen=True)
class Experimented:
    """What an experiment found.

    rows: its own. keys: of its unit in the store. description: its settings, and what computed it.
    """

    rows: pd.DataFrame
    keys: list[str]
    description: dict[str, Any]


@dataclass(frozen=True)
class ExperimentRequest:
    """What `experiment_all` is asked: an experiment, and what to call it while it runs."""

    experiment: Experiment
    seed: int
    name: str

    def job(self) -> Job:
        """The unit of the experiment."""
        unit = ExperimentUnit(settings_of(self.experiment), self.seed)
        return Job(unit, partial(_measured, self.experiment, self.seed), 1, self.name)

    def answer(self, unit: Stored) -> Experimented:
        """What the stored unit says."""
        assert unit.rows is not None
        facts = {"experiment": settings_of(self.experiment), "computed_by": computed_by([unit])}
        return Experimented(unit.rows, [unit.key], facts)


def experiment_all(
    requests: Sequence[ExperimentRequest],
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> list[Experimented]:
    """The answers in order; what the store has is not computed again."""
    units = fill([request.job() for request in requests], store, progress, executor)
    return [request.answer(unit) for request, unit in zip(requests, units, strict=True)]


def _measured(experiment: Experiment, seed: int) -> Result:
    return Result(experiment(seed), {}, {"device": "cpu"})

"""Experiments: measured once, told apart by settings and seed."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from workbench.evaluation.experiments import ExperimentRequest, experiment_all
from workbench.evaluation.store import Store

CALLS: list[int] = []


@dataclass(frozen=True)
class Dice:
    """Throws of a die."""

    sides: int = 6
    version: ClassVar[int] = 1

    def __call__(self, seed: int) -> pd.DataFrame:
        CALLS.append(seed)
        return pd.DataFrame({"throw": np.random.default_rng(seed).integers(1, self.sides + 1, 9)})


def test_an_experiment_is_measured_once(tmp_path) -> None:
    CALLS.clear()
    requests = [ExperimentRequest(Dice(), seed, "dice") for seed in (0, 1)]
    first = experiment_all(requests, Store(tmp_path))
    again = experiment_all([*requests, ExperimentRequest(Dice(8), 0, "dice")], Store(tmp_path))
    assert CALLS == [0, 1, 0]
    for before, after in zip(first, again, strict=False):
        pd.testing.assert_frame_equal(before.rows, after.rows)
    assert first[0].keys != first[1].keys != again[2].keys
    assert again[2].description["experiment"]["sides"] == 8

"""The samples that an audit shows: the smallest ε first, then those furthest across."""

import numpy as np
import pandas as pd

from workbench.audit.worst import SHOWN, worst
from workbench.data import Dataset

N = 40
DATA = Dataset(
    "made-up",
    "test",
    np.arange(N, dtype=np.uint8)[:, None, None, None].repeat(4, 2).repeat(4, 3),
    np.zeros(N, np.int64),
    tuple("ab"),
)


class Unit:
    """A unit in memory; x̃ of sample i is i / 100 everywhere."""

    def __init__(self, start: int, stop: int, fallen: dict[int, float]) -> None:
        index = np.arange(start, stop)
        self.info = {"spec": {"start": start, "stop": stop}}
        self.rows = pd.DataFrame(
            {
                "index": index,
                "label": 0,
                "clean_prediction": (index % 10 == 9).astype(int),
                "adversarial_prediction": 1,
                "adversarial_margin": [fallen.get(i, 1.0) for i in index],
                "verified": [i in fallen for i in index],
                "linf": 0.1,
                "l2": 1.0,
            }
        )

    def row(self, name: str, place: int) -> np.ndarray:
        assert name == "x_adv"
        return np.full((1, 4, 4), self.rows["index"][place] / 100)


def units(fallen: dict[int, float]) -> list[Unit]:
    return [Unit(0, 20, fallen), Unit(20, N, fallen)]


def test_the_smallest_epsilon_comes_first_and_then_the_margin() -> None:
    small, large = {3: -1.0, 25: -2.0, 9: -9.0}, {3: -5.0, 25: -5.0, 7: -1.0, 30: -3.0}
    found = worst(DATA, {0.2: units(large), 0.1: units(small)})
    assert [(one.index, one.epsilon) for one in found] == [(25, 0.1), (3, 0.1), (30, 0.2), (7, 0.2)]
    for one in found:  # sample 9 is wrong without attack
        assert np.allclose(one.adversarial, one.index / 100)
        assert np.allclose(one.natural, one.index / 255)
        assert one.natural.shape == one.adversarial.shape == (1, 4, 4)


def test_no_more_are_shown_than_fit_and_none_where_none_falls() -> None:
    assert len(worst(DATA, {0.1: units(dict.fromkeys(range(N), -1.0))})) == SHOWN
    assert worst(DATA, {0.1: units({})}) == []

"""The four numbers of a loss path, counted by hand."""

import numpy as np
import pytest

from workbench.evaluation.paths import summary

NAN = float("nan")


def test_by_hand() -> None:
    rising = np.arange(21.0)
    settled = np.concatenate([np.arange(6.0), np.full(15, 5.0)])
    left = np.concatenate([[1.0, 3.0, 2.0], np.full(18, NAN)])
    flat = np.full(21, 2.0)
    found = summary(np.stack([rising, settled, left, flat]))
    assert found["loss_start"].tolist() == [0, 0, 1, 2]
    assert found["loss_best"].tolist() == [20, 5, 3, 2]
    assert found["loss_end"].tolist() == [20, 5, 2, 2]
    assert found["loss_unfinished"] == pytest.approx([0.5, 0, 1, 0])


def test_what_is_not_told_is_nan() -> None:
    found = summary(np.full((3, 1), NAN))
    assert all(np.isnan(value).all() for value in found.values())

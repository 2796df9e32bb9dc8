"""The axes of accuracies and gains: nothing cut, and no room for what is not there."""

import made_up
import pandas as pd
import pytest
from matplotlib.axes import Axes

from workbench import figures, tables

NEAR = {"standard-at": (0.85, 0.75), "trades": (0.84, 0.73), "namid": (0.86, 0.76)}


def count(rows: pd.DataFrame) -> pd.DataFrame:
    """The numbers of one threat model."""
    return tables.accuracies(rows).merge(tables.by_defense(rows), on=["model", "attack"])


def panels(truth: dict[str, tuple[float, float]]) -> list[Axes]:
    """Of accuracies, and of gains."""
    rows = made_up.rows(truth, ("pgd-40",), samples=2000).assign(norm="Linf", eps="0.1")
    return list(figures.accuracy_panels(tables.by_threat(rows, count)).axes)


def spans(axes: Axes) -> tuple[float, float]:
    """The lowest and the highest that is drawn."""
    return axes.dataLim.y0, axes.dataLim.y1


@pytest.mark.parametrize("more", [{}, {"natural": (0.9, 0.0)}])
def test_nothing_is_cut(more) -> None:
    for axes in panels(NEAR | more):
        bottom, top = axes.get_ylim()
        low, high = spans(axes)
        assert bottom < low < high < top


def test_accuracies_and_gains_that_lie_together_fill_their_panels() -> None:
    accuracy, gain = panels(NEAR)
    for axes in (accuracy, gain):
        bottom, top = axes.get_ylim()
        low, high = spans(axes)
        assert high - low > 0.5 * (top - bottom)
    assert gain.get_yscale() == "linear"
    assert "log" not in gain.get_ylabel()


def test_one_that_fails_makes_gains_logarithmic_and_accuracies_whole() -> None:
    accuracy, gain = panels(NEAR | {"natural": (0.9, 0.0)})
    assert accuracy.get_ylim() == (-3, 103)
    assert gain.get_yscale() == "symlog"
    assert "log beyond ±5" in gain.get_ylabel()
    assert -50 in gain.get_yticks()


def test_panels_side_by_side_share_what_both_need() -> None:
    few = {"standard-at": (0.85, 0.75), "namid": (0.86, 0.76), "trades": (0.84, 0.1)}
    rows = made_up.rows(few, ("pgd-40",), samples=500)
    other = made_up.rows(dict.fromkeys(few, few["namid"]), ("pgd-40",), samples=500)
    both = [rows.assign(norm="Linf", eps="0.1"), other.assign(norm="L2", eps="1.5")]
    drawn = figures.accuracy_panels(tables.by_threat(pd.concat(both), count))
    for left, right in (drawn.axes[:2], drawn.axes[2:]):
        assert left.get_ylim() == right.get_ylim()
        low, high = (f(a, b) for f, a, b in zip((min, max), spans(left), spans(right), strict=True))
        assert left.get_ylim()[0] < low < high < left.get_ylim()[1]

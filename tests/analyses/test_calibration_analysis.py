"""Calibration: numbers of made-up rows are known, and a reduced run writes every file."""

import io
import math

import numpy as np
import pandas as pd
import pytest

from analyses import calibration
from workbench import analysis, figures
from workbench.evaluation.store import Store
from workbench.information import BOUNDS, AdditiveUniform, CorrelatedGaussians
from workbench.information.calibration import NUMBERS
from workbench.profiles import load_profile

NEAR, FAR, BROKEN = "infonce", "nwj", "smile"


def row(distribution: str, bound: str, seed: int, true: float, estimate: float) -> dict:
    numbers = dict.fromkeys(NUMBERS, 0.5) | {"estimate": estimate, "null": -1.0}
    names = {"distribution": distribution, "bound": bound, "seed": seed, "true_mi": true}
    return {**names, "status": "ok", "doubt": "", **numbers}


@pytest.fixture
def frame() -> pd.DataFrame:
    """One bound 0.1 off in the mean, one 1.0 off and once doubted, one that diverged."""
    rows = []
    for distribution, true in (("a", 1.0), ("b", 2.0)):
        for seed, noise in enumerate((-0.1, 0.0, 0.1)):
            rows.append(row(distribution, NEAR, seed, true, true - 0.1 + noise))
            rows.append(row(distribution, FAR, seed, true, true + 1.0))
            rows.append(row(distribution, BROKEN, seed, true, true))
    frame = pd.DataFrame(rows)
    frame.loc[(frame["bound"] == FAR) & (frame["seed"] == 0), "doubt"] = "below 0"
    diverged = (frame["bound"] == BROKEN) & ((frame["distribution"] == "a") | (frame["seed"] == 1))
    frame.loc[diverged, "status"] = "diverged"
    frame.loc[diverged, NUMBERS] = math.nan
    return frame


def test_the_table_has_what_was_put_in(frame) -> None:
    table = calibration.table(frame).set_index(["distribution", "bound"])
    near = table.loc[("a", NEAR)]
    assert (near["seeds"], near["diverged"], near["doubtful"]) == (3, 0, 0)
    assert near["estimate"] == pytest.approx(0.9)
    assert near["estimate_std"] == pytest.approx(np.std([0.8, 0.9, 1.0], ddof=1))
    assert near["difference"] == pytest.approx(-0.1)
    assert (table.loc[("b", FAR)][["difference", "doubtful"]] == [1.0, 1]).all()


def test_errors_do_not_cancel_and_the_null_is_spread_over_seeds() -> None:
    rows = [row("a", NEAR, seed, 1.0, 1.0 + off) for seed, off in enumerate((-0.5, 0.5))]
    frame = pd.DataFrame(rows).assign(null=[-1.0, -2.0], null_std=8.0)
    table = calibration.table(frame)
    line = table.iloc[0]
    assert (line["difference"], line["distance"]) == (0.0, 0.5)
    assert line["null_std"] == pytest.approx(0.5**0.5)
    assert f"in nats, {NEAR} 0.500;" in calibration.finding(table)


def test_what_diverged_is_no_number(frame) -> None:
    table = calibration.table(frame).set_index(["distribution", "bound"])
    assert table["diverged"].loc[[("a", BROKEN), ("b", BROKEN)]].tolist() == [3, 1]
    assert math.isnan(table.loc[("a", BROKEN), "estimate"])
    assert table.loc[("b", BROKEN), "estimate"] == 2.0


def test_the_layout_says_what_diverged_and_what_is_doubted(frame) -> None:
    first, *others = calibration.layout(calibration.table(frame)).values()
    assert first.columns.tolist() == ["distribution", "known MI", NEAR, FAR, BROKEN]
    cells = first.set_index("distribution").loc["a"]
    assert cells["known MI"] == "1.00"
    assert cells[NEAR] == "0.90 ± 0.10 (-0.10)"
    assert cells[FAR] == "2.00 ± 0.00 (+1.00), 1 of 3 doubtful"
    assert cells[BROKEN] == "diverged"
    assert "1 of 3 diverged" in first.set_index("distribution").loc["b", BROKEN]
    assert all(part.shape == first.shape for part in others)


def test_one_seed_has_no_spread(frame) -> None:
    alone = calibration.table(frame[frame["seed"] == 0])
    first, *_ = calibration.layout(alone).values()
    assert first.set_index("distribution").loc["a", NEAR] == "0.80 (-0.20)"


def test_the_finding_names_the_closest_bound_and_what_diverged(frame) -> None:
    """A bound that is exact, but not for all distributions, is not the closest."""
    finding = calibration.finding(calibration.table(frame))
    assert finding.startswith(f"Closest to known MI is {NEAR}: ")
    assert f"over 2 distributions is, in nats, {NEAR} 0.100, {FAR} 1.000; " in finding
    assert "of 18 fits 4 diverged and 2 are doubtful" in finding


def test_nothing_is_closest_where_all_diverged(frame) -> None:
    finding = calibration.finding(calibration.table(frame[frame["bound"] == BROKEN]))
    assert finding.startswith("Closest to known MI is none")


def test_the_figure_shows_every_mean_and_the_known_value(frame) -> None:
    drawn = calibration.figure(frame, calibration.table(frame))
    drawn.savefig(io.BytesIO(), format="pdf")
    left, right = drawn.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["a", "b"]
    (known,) = (bars for bars in left.containers if bars.get_label() == "known MI")
    assert [segment[0, 0] for segment in known.lines[2][0].get_segments()] == [1.0, 2.0]
    (near,) = (bars for bars in left.containers if bars.get_label() == NEAR)
    assert near.lines[0].get_xdata().tolist() == pytest.approx([0.9, 1.9])
    assert [text.get_text() for text in left.texts] == [f"{BROKEN} diverged"]
    markers = [bars.lines[0].get_marker() for bars in right.containers]
    assert len(set(markers)) == len(markers) == 3


def test_the_profile_asks_for_every_distribution_bound_and_seed() -> None:
    profile = load_profile("demo")
    runs = calibration.runs(profile)
    seeds = profile.information.critic_seeds
    assert len(runs) == len(calibration.DISTRIBUTIONS) * len(BOUNDS) * len(seeds)
    assert len({run.name for run in runs}) == len(calibration.DISTRIBUTIONS) * len(BOUNDS)
    assert len(BOUNDS) <= len(figures.MARKS)


def test_a_reduced_run_writes_every_file(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(
        calibration, "DISTRIBUTIONS", (CorrelatedGaussians(2, 1.0), AdditiveUniform(1))
    )
    monkeypatch.setattr(calibration, "BOUNDS", [NEAR, FAR])
    monkeypatch.setattr(calibration, "STEPS", 2)
    store = Store(tmp_path / "store")
    outcome = analysis.run(calibration, "demo", store, "cpu", tmp_path / "figures")
    assert all(path.stat().st_size for path in outcome.files)
    assert {path.name for path in outcome.files} >= {"calibration.pdf", "calibration.csv"}
    assert "of 12 fits 0 diverged" in outcome.finding
    numbers = pd.read_csv(tmp_path / "figures" / "calibration.csv")
    assert numbers["true_mi"].round(2).tolist() == [1.0, 1.0, 0.25, 0.25]

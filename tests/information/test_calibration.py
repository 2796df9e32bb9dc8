"""Calibration: known MI is found, the null is none, and what diverges has no number."""

import math

import numpy as np
import pandas as pd
import pytest

from workbench.errors import InputError
from workbench.information import (
    BOUNDS,
    Calibration,
    CorrelatedGaussians,
    Fit,
)
from workbench.information.calibration import NUMBERS, doubt_of
from workbench.specs import ExperimentUnit, canonical, settings_of

KNOWN = CorrelatedGaussians(2, 1.0)
FIT = Fit(units=32, steps=200, batch=128, lr=1e-2)


def small(fit: Fit = FIT, known=KNOWN, **sizes: int) -> Calibration:
    return Calibration(known, fit, **({"pairs": 10_000, "scored": 1000, "references": 500} | sizes))


def measured(fit: Fit = FIT, known=KNOWN, seed: int = 0, **sizes: int) -> pd.Series:
    rows = small(fit, known, **sizes)(seed)
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_good_estimator_is_found_good(bound: str) -> None:
    row = measured(Fit(bound=bound, units=32, steps=200, batch=128, lr=1e-2))
    assert (row.status, row.doubt, row.bound, row.true_mi) == ("ok", "", bound, 1.0)
    assert row.estimate == pytest.approx(1.0, abs=4 * row.standard_error + 0.1)
    assert row.correlation > 0.9
    assert row.rmse < 0.5
    assert row.null < -0.5


def test_shuffled_and_independent_pairs_look_alike() -> None:
    row = measured(known=CorrelatedGaussians(2, 0.0))
    assert row.doubt == ""
    assert row.estimate == pytest.approx(row.null, abs=6 * row.standard_error)
    assert row.null_std < 0.2
    assert math.isnan(row.correlation)


def test_an_estimator_that_diverges_has_no_number() -> None:
    row = measured(Fit(units=8, steps=30, batch=32, lr=1e30))
    assert (row.status, row.true_mi) == ("diverged", 1.0)
    assert row[NUMBERS].isna().all()


def test_ok_and_diverged_rows_have_the_same_columns() -> None:
    good, bad = (small(Fit(units=8, steps=2, batch=32, lr=lr))(0) for lr in (1e-3, 1e30))
    assert set(good) == set(bad)
    assert good[NUMBERS].drop(columns="correlation").notna().all(axis=None)


def test_a_fit_without_enough_pairs_is_no_divergence() -> None:
    with pytest.raises(InputError, match="too few"):
        small(pairs=50)(0)


@pytest.mark.parametrize("sizes", [{"scored": 1}, {"references": 0}])
def test_too_little_to_measure_is_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(InputError, match="no estimate"):
        small(**sizes)


def test_an_estimate_that_the_reference_cannot_resolve_is_doubted() -> None:
    row = measured(known=CorrelatedGaussians(5, 4.0), references=8)
    assert row.estimate > math.log(8)
    assert row.doubt == "above log of the reference size"


def test_a_critic_that_knows_its_pairs_by_heart_is_doubted() -> None:
    row = measured(Fit(units=64, steps=400, batch=32), CorrelatedGaussians(2, 0.0), pairs=60)
    assert row.estimate < 0
    assert row.doubt == "below 0"


@pytest.mark.parametrize(
    ("estimate", "held_out", "doubt"),
    [
        (4.6, 4.0, ""),
        (4.7, 4.0, "above log of the reference size"),
        (-0.03, 0.0, ""),
        (-0.05, 0.0, "below 0"),
        (0.5, -0.07, ""),
        (0.5, -0.09, "held-out bound below 0"),
    ],
)
def test_what_is_doubted(estimate: float, held_out: float, doubt: str) -> None:
    assert doubt_of(estimate, 0.01, held_out, references=100) == doubt


def test_equal_seeds_give_equal_rows() -> None:
    calibration = small(Fit(units=8, steps=30, batch=32))
    first, again, other = (calibration(seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first, again)
    assert first["estimate"].item() != other["estimate"].item()


def test_smile_and_jensen_shannon_are_one_critic_with_two_values() -> None:
    rows = [
        measured(Fit(bound=bound, units=8, steps=30, batch=32))
        for bound in ("smile", "jensen-shannon")
    ]
    assert rows[0].estimate == rows[1].estimate
    assert rows[0].held_out != rows[1].held_out


def test_numbers_are_those_of_an_independent_computation(monkeypatch) -> None:
    """With scores that are the exact values plus 1, every number is known beforehand."""
    calibration = small(Fit(units=8, steps=2, batch=32))

    def scored(reference, x, outputs, partner):
        exact = KNOWN.pointwise(x, outputs["z"])
        return {"z": exact + 1, "z_null": KNOWN.pointwise(x, outputs["z"][partner])}

    monkeypatch.setattr("workbench.information.calibration.with_null", scored)
    row = calibration(0).iloc[0]
    assert row.rmse == pytest.approx(1, abs=1e-5)
    assert row.correlation == pytest.approx(1, abs=1e-5)
    assert row.estimate == pytest.approx(2.0, abs=4 * row.standard_error)
    ρ2 = KNOWN.correlation**2
    assert row.null == pytest.approx(KNOWN.mutual_information - 2 * ρ2 / (1 - ρ2), abs=0.5)


@pytest.mark.parametrize("name", ["z", "z_null"])
def test_scores_that_are_not_finite_are_no_number(name: str, monkeypatch) -> None:
    def scored(reference, x, outputs, partner):
        return {"z": x[:, 0], "z_null": x[:, 0]} | {name: x[:, 0] / 0}

    monkeypatch.setattr("workbench.information.calibration.with_null", scored)
    row = measured(Fit(units=8, steps=2, batch=32))
    assert row.status == "diverged"
    assert row[NUMBERS].isna().all()


def test_settings_tell_calibrations_apart() -> None:
    one, same, other = (
        canonical(ExperimentUnit(settings_of(small(known=known)), 0))
        for known in (KNOWN, CorrelatedGaussians(2, 1.0), CorrelatedGaussians(3, 1.0))
    )
    assert one == same != other


def test_what_a_version_gives() -> None:
    """Stored rows are reused by version: raise it when this fails on purpose."""
    row = measured(Fit(units=8, steps=30, batch=32))
    found = [row.estimate, row.correlation, row.null]
    np.testing.assert_allclose(found, GOLDEN[Calibration.version], atol=2e-3)


GOLDEN = {1: [0.1184, 0.3919, -0.0171]}

"""Tables of an audit: two models, classes, and what natural MI foretells, on made-up records."""

import numpy as np
import pandas as pd
import pytest

from workbench import tables
from workbench.statistics import mcnemar


def attacked(model: str, attack: str, robust: list[int], clean: list[int]) -> pd.DataFrame:
    """Samples of classes 0, 0, 1, 1, …; those that fall are taken for the class 2."""
    n = len(robust)
    right, stands = np.array(clean, bool), np.array(robust, bool)
    label = np.arange(n) // 2 % 2
    return pd.DataFrame(
        {
            "model": model,
            "attack": attack,
            "index": np.arange(n),
            "label": label,
            "clean_prediction": np.where(right, label, 9),
            "adversarial_prediction": np.where(stands, label, 2),
            "verified": ~stands,
            "robust": stands & right,
        }
    )


def test_a_duel_by_hand() -> None:
    rows = pd.concat(
        [
            attacked("a", "pgd", [1, 1, 1, 0], [1, 1, 1, 1]),
            attacked("a", "square", [1, 1, 0, 1], [1, 1, 1, 1]),
            attacked("b", "pgd", [1, 0, 0, 1], [1, 1, 1, 0]),
            attacked("b", "square", [1, 0, 1, 1], [1, 1, 1, 0]),
        ]
    )
    found = tables.duel(rows, "a", "b").set_index("attack")
    assert list(found.index) == ["none", "pgd", "square", "worst case"]
    pgd = found.loc["pgd"]
    assert (pgd["first"], pgd["second"], pgd["difference"]) == (0.75, 0.25, 0.5)
    assert (pgd["only_first"], pgd["only_second"]) == (2, 0)
    assert pgd["p"] == mcnemar(np.array([1, 1, 1, 0], bool), np.array([1, 0, 0, 0], bool)) == 0.5
    worst = found.loc["worst case"]
    assert (worst["first"], worst["second"]) == (0.5, 0.25)
    assert pgd["low"] < 0.5 < pgd["high"]


def test_classes_by_hand() -> None:
    rows = pd.concat(
        [
            attacked("a", "pgd", [1, 0, 1, 1], [1, 1, 1, 0]),
            attacked("a", "square", [0, 1, 1, 1], [1, 1, 1, 0]),
        ]
    )
    found = tables.by_class(rows, ("zero", "one")).set_index("class")
    assert list(found["samples"]) == [2, 2]
    assert list(found["clean"]) == [1.0, 0.5]
    assert list(found["robust"]) == [0.0, 0.5]
    assert list(found["taken_for"]) == ["output 2", ""]
    assert found.loc["zero", "clean_low"] == pytest.approx(0.025**0.5)


def test_what_foretells_falling_is_found_and_the_margin_is_told_once() -> None:
    rng = np.random.default_rng(0)
    robust = pd.Series(rng.random(2000) < 0.6)
    rows = pd.concat(
        pd.DataFrame(
            {
                "critic_seed": seed,
                "index": np.arange(2000),
                "label": 0,
                "clean_prediction": (np.arange(2000) % 10 == 0).astype(int),
                "natural_mi_natural": rng.normal(size=2000) + robust,
                "clean_gap": 1.0,
            }
        )
        for seed in (0, 1)
    )
    found = tables.foretelling(rows, robust)
    assert list(found["quantity"]) == ["natural MI", "logit gap", "natural MI"]
    told = found[found["quantity"] == "natural MI"]
    assert told["auroc"].to_numpy() == pytest.approx(0.760, abs=0.03)  # Φ(1 / √2)
    assert ((told["auroc_low"] < 0.760) & (told["auroc_high"] > 0.760)).all()
    assert found.loc[1, "auroc"] == 0.5
    assert found["fallen"].iloc[0] + found["standing"].iloc[0] == 1800


def test_nothing_is_foretold_where_nobody_falls_or_a_critic_diverged() -> None:
    rows = pd.DataFrame(
        {
            "critic_seed": 0,
            "index": range(4),
            "label": 0,
            "clean_prediction": 0,
            "natural_mi_natural": np.nan,
            "clean_gap": [1.0, 2, 3, 4],
        }
    )
    assert tables.foretelling(rows, pd.Series([True] * 4)).empty
    found = tables.foretelling(rows, pd.Series([False, False, True, True]))
    assert list(found["quantity"]) == ["logit gap"]
    assert found["auroc"].iloc[0] == 1.0

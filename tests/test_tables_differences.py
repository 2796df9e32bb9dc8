"""Differences from one defense: by hand, and against by_defense where that is the baseline."""

import made_up
import numpy as np
import pandas as pd
import pytest

from workbench import tables


def test_the_baseline_as_reference_gives_the_gains() -> None:
    rows = made_up.rows(samples=300)
    gains = tables.by_defense(rows).drop_duplicates(["attack", "defense"])
    found = tables.differences(rows, "standard-at").merge(gains, on=["attack", "defense"])
    assert len(found) == 7 * 7
    ends = ("low", "high", "trained_low", "trained_high")
    ours = ["difference", "difference_std", *(f"difference_{end}" for end in ends)]
    theirs = ["mean_gain", "std_gain", *(f"gain_{end}" for end in ends)]
    assert np.allclose(found[ours], found[theirs])
    assert np.allclose(found["difference_p"], found["mean_p"])
    assert np.allclose(found["difference_holm"], found["holm_p"])


def test_only_seeds_that_both_have_are_paired() -> None:
    verdicts = {"a@0": [1, 1, 0], "a@1": [1, 1, 1], "b@1": [1, 0, 0], "c@2": [1, 1, 1]}
    rows = pd.DataFrame(
        [
            {"model": m, "attack": "x", "index": i, "label": 0, "clean_prediction": 0, "robust": r}
            for m, robust in verdicts.items()
            for i, r in enumerate(map(bool, robust))
        ]
    )
    found = tables.differences(rows, "a").query("attack == 'x'")
    assert found["defense"].tolist() == ["b"]
    assert found["paired"].tolist() == [1]
    assert found["difference"].tolist() == pytest.approx([-2 / 3])
    table = tables.compared(rows, "a").assign(norm="Linf", eps="0.1")
    assert table.query("defense == 'c'")["difference"].isna().all()
    (texts,) = tables.difference_texts(table, "a").values()
    assert set(texts["defense"]) == {"b"}


def test_a_reference_that_shares_no_seed_has_no_differences() -> None:
    rows = made_up.rows({"a": (0.9, 0.5)}, ("x",), seeds=1, samples=20)
    table = tables.compared(rows, "b").assign(norm="Linf", eps="0.1")
    assert table["difference"].isna().all()
    assert tables.difference_texts(table, "b") == {}


def test_models_that_saw_other_samples_are_no_pair() -> None:
    rows = made_up.rows({"standard-at": (0.9, 0.8), "namid": (0.9, 0.8)}, ("pgd-40",), samples=20)
    fewer = rows[(rows["model"] != "namid@0") | (rows["index"] < 19)]
    with pytest.raises(ValueError, match="same samples"):
        tables.differences(fewer, "standard-at")
    with pytest.raises(ValueError, match="same samples"):
        tables.duel(fewer, "standard-at@0", "namid@0")

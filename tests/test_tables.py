"""Tables, recomputed with bare pandas and plain Python."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import tables

verdict_lists = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1)


def rows(verdicts: list[tuple[bool, bool, bool]], model: str = "m") -> pd.DataFrame:
    """Records of two attacks: (classified right, withstands a, withstands b) per sample."""
    return pd.DataFrame(
        [
            {
                "model": model,
                "attack": attack,
                "index": index,
                "label": 1,
                "clean_prediction": int(clean),
                "robust": clean and withstands[i],
            }
            for i, attack in enumerate("ab")
            for index, (clean, *withstands) in enumerate(verdicts)
        ]
    )


@given(verdict_lists)
def test_the_worst_case_is_the_mean_of_minima(verdicts) -> None:
    table = tables.accuracies(rows(verdicts)).set_index("attack")
    n = len(verdicts)
    assert list(table.index) == ["none", "a", "b", "worst case"]
    assert table.loc["none", "accuracy"] == sum(c for c, _, _ in verdicts) / n
    assert table.loc["a", "accuracy"] == sum(c and a for c, a, _ in verdicts) / n
    assert table.loc["worst case", "accuracy"] == sum(all(v) for v in verdicts) / n
    assert (table["samples"] == n).all()
    assert (table["low"] <= table["accuracy"]).all()
    assert (table["accuracy"] <= table["high"]).all()


def test_the_worst_case_lies_below_every_single_attack() -> None:
    table = tables.accuracies(rows([(True, True, False), (True, False, True)]))
    assert table.set_index("attack")["accuracy"].to_dict() == {
        "none": 1.0,
        "a": 0.5,
        "b": 0.5,
        "worst case": 0.0,
    }


def test_proofs_bound_the_accuracy_from_below() -> None:
    verdicts = [(True, True, True), (True, True, True), (True, True, False), (False, True, True)]
    proofs = {("a", 0): True, ("b", 1): True}
    frame = rows(verdicts)
    frame["certified"] = [
        proofs.get(k, False) for k in zip(frame["attack"], frame["index"], strict=True)
    ]
    table = tables.bracketed(frame).set_index("attack")
    assert np.isnan(table.loc["none", "certified"])
    assert table["certified"].drop("none").to_dict() == {"a": 0.25, "b": 0.25, "worst case": 0.5}
    assert table.loc["worst case", "accuracy"] == 0.5


def test_models_are_kept_apart() -> None:
    both = pd.concat([rows([(True, True, True)], "m"), rows([(False, True, True)], "k")])
    clean = tables.accuracies(both).query("attack == 'none'").set_index("model")["accuracy"]
    assert clean.to_dict() == {"m": 1.0, "k": 0.0}


def test_attacks_on_different_samples_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same samples"):
        tables.accuracies(rows([(True, True, True)] * 3).iloc[:-1])


def test_costs_are_sums() -> None:
    costs = pd.DataFrame(
        {
            "model": "m",
            "attack": ["a", "a", "b"],
            "seed": 0,
            "samples": [2, 3, 5],
            "forward_passes": [4, 6, 10],
            "backward_passes": [2, 3, 5],
            "seconds": [0.5, 0.25, 1.0],
        }
    )
    total = tables.total_costs(costs).set_index("attack")
    assert total.loc["a", ["samples", "forward_passes", "seconds"]].tolist() == [5, 10, 0.75]


def test_markdown_aligns_numbers_right() -> None:
    table = pd.DataFrame({"attack": ["pgd"], "samples": [5], "share": np.array([0.5])})
    assert tables.markdown(table).splitlines() == [
        "| attack | samples | share |",
        "| --- | ---: | ---: |",
        "| pgd | 5 | 0.5 |",
    ]


def test_latex_has_booktabs_rules_and_escapes() -> None:
    table = pd.DataFrame({"AUROC [95 % CI]": ["50 % & more"], "n_x": [1]})
    text = tables.latex(table, "A title")
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{A title}", r"50 \% \& more"):
        assert part in text
    assert r"n\_x" in text


def test_latex_keeps_the_sign_of_small_p_values() -> None:
    assert "$<$0.001 &" in tables.latex(pd.DataFrame({"p": ["<0.001"], "n": [1]}), "A title")

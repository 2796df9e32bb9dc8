"""Defenses over seeds: numbers by hand, and made-up records whose truth is known."""

from dataclasses import dataclass

import made_up
import numpy as np
import pandas as pd
import pytest

from workbench import tables
from workbench.statistics import clopper_pearson, mcnemar

NULL = ("mart", "autoattack")  # as good as standard AT


@dataclass(frozen=True)
class Model:
    title: str


def records(robust: dict[str, list[int]]) -> pd.DataFrame:
    """One attack on a few samples, all of which are classified right."""
    return pd.DataFrame(
        [
            {"model": m, "attack": "a", "index": i, "label": 0, "clean_prediction": 0, "robust": r}
            for m, verdicts in robust.items()
            for i, r in enumerate(map(bool, verdicts))
        ]
    )


@pytest.fixture(scope="module")
def made() -> pd.DataFrame:
    """Eight defenses, three seeds, five attacks, as by_defense tells them."""
    return tables.by_defense(made_up.rows(samples=2000))


def test_a_defense_by_hand() -> None:
    found = tables.by_defense(
        records(
            {
                "standard-at@0": [1, 1, 0, 0, 0],
                "standard-at@1": [1, 0, 0, 0, 0],
                "namid@0": [1, 1, 1, 1, 0],
                "namid@1": [1, 1, 0, 0, 1],
            }
        )
    )
    line = found.query("model == 'namid@1' and attack == 'a'").iloc[0]
    assert (line["defense"], line["seed"], line["seeds"]) == ("namid", "1", 2)
    assert line["mean"] == pytest.approx(0.7)
    assert line["std"] == pytest.approx(np.std([0.8, 0.6], ddof=1))
    assert line["gain"] == pytest.approx(0.4)
    assert line["p"] == pytest.approx(0.5)  # 2 of 2 samples differ for namid: 2 · ½²
    assert line["mean_gain"] == pytest.approx(0.4)
    assert line["std_gain"] == pytest.approx(0)
    # the samples' differences 0, 1, 1, 1, 1 of two models each: 2 of 2⁴ sums are as large
    assert line["mean_p"] == line["holm_p"] == pytest.approx(2 / 16)
    base = found.query("defense == 'standard-at'")
    assert base[["gain", "p", "mean_gain", "mean_p", "holm_p"]].isna().all(axis=None)


def test_an_interval_over_trainings_needs_two_seeds() -> None:
    verdicts = {f"standard-at@{seed}": [1, 1, 0, 0] for seed in range(3)}
    verdicts |= {"namid@0": [1, 1, 1, 0], "namid@1": [1, 1, 1, 0], "namid@2": [1, 1, 1, 1]}
    verdicts |= {"mart@1": [1, 1, 1, 1]}
    found = tables.by_defense(records(verdicts)).query("attack == 'a'").set_index("model")
    half = 4.30265 * np.std([0.25, 0.25, 0.5], ddof=1) / np.sqrt(3)  # Student's t, two degrees
    ends = found.loc["namid@0", ["gain_trained_low", "gain_trained_high"]]
    assert tuple(ends) == pytest.approx((1 / 3 - half, 1 / 3 + half), abs=1e-5)
    assert np.isnan(found.loc["mart@1", "gain_trained_low"])
    (text,) = tables.gain_texts(found.reset_index().assign(norm="Linf", eps="0.1")).values()
    assert text["95 % over trainings"].tolist() == ["[-2.5, 69.2]", ""]
    alone = tables.by_defense(records({m: v for m, v in verdicts.items() if m.endswith("1")}))
    (text,) = tables.gain_texts(alone.assign(norm="Linf", eps="0.1")).values()
    assert "95 % over samples" in text
    assert "95 % over trainings" not in text


def test_one_model_without_a_seed_is_a_defense_of_its_own() -> None:
    verdicts = {"standard-at": [1, 1, 1, 0], "mine": [1, 0, 0, 0]}
    found = tables.by_defense(records(verdicts)).query("attack == 'a'").set_index("model")
    line, exact = found.loc["mine"], clopper_pearson(1, 4)
    assert (line["mean"], line["mean_low"]) == pytest.approx((exact.value, exact.low))
    assert np.isnan(line["std"])
    assert line["p"] == line["mean_p"] == pytest.approx(0.5)
    assert found.loc["standard-at", "mean"] == 0.75


def test_seeds_that_only_one_of_both_has_are_not_compared() -> None:
    found = tables.by_defense(
        records({"standard-at@0": [1, 0], "namid@0": [1, 1], "namid@1": [0, 0], "mart@5": [1, 1]})
    )
    lines = found.query("attack == 'a'").set_index("model")
    assert lines.loc["namid@1", "mean_gain"] == pytest.approx(0.5)
    assert np.isnan(lines.loc["namid@1", "gain"])
    assert np.isnan(lines.loc["mart@5", "mean_gain"])


def test_without_the_baseline_nothing_is_compared() -> None:
    found = tables.by_defense(records({"a@0": [1, 0], "b@0": [1, 1]}))
    assert found[["gain", "mean_gain", "holm_p"]].isna().all(axis=None)
    assert tables.gain_texts(found.assign(norm="Linf", eps="0.1")) == {}


def test_models_on_different_samples_are_refused() -> None:
    rows = records({"a": [1, 0, 1], "b": [1, 1, 0]})
    with pytest.raises(ValueError, match="same samples"):
        tables.by_defense(rows[(rows["model"] == "a") | (rows["index"] < 2)])


def test_the_lines_of_accuracies_come_in_the_order_of_the_models() -> None:
    rows = records({"b@0": [1], "a@0": [1], "b@1": [0]})
    assert tables.accuracies(rows)["model"].unique().tolist() == ["b@0", "a@0", "b@1"]


def test_accuracies_over_seeds_cover_the_truth(made) -> None:
    once = made.drop_duplicates(["defense", "attack"])
    columns = ["none", *made_up.ATTACKS, "worst case"]
    truth = {d: (*values, min(values)) for d, values in made_up.DEFENSES.items()}
    expected = np.array([truth[r.defense][columns.index(r.attack)] for r in once.itertuples()])
    assert np.abs(once["mean"] - expected).max() < 0.04
    inside = (once["mean_low"] <= expected) & (expected <= once["mean_high"])
    assert inside.mean() >= 0.9


def test_gains_over_standard_at_cover_the_truth(made) -> None:
    once = made.drop_duplicates(["defense", "attack"]).dropna(subset="mean_gain")
    base = dict(zip(("none", *made_up.ATTACKS), made_up.DEFENSES["standard-at"], strict=True))
    shown = once[once["attack"] != "worst case"]
    truth = np.array(
        [
            dict(zip(base, made_up.DEFENSES[r.defense], strict=True))[r.attack] - base[r.attack]
            for r in shown.itertuples()
        ]
    )
    inside = (shown["gain_low"] <= truth) & (truth <= shown["gain_high"])
    assert inside.mean() >= 0.9
    line = shown.set_index(["defense", "attack"])["holm_p"]
    assert line["namid-m", "autoattack"] < 0.01  # three points better
    assert line["natural", "autoattack"] < 1e-9
    assert line[NULL] > 0.05
    assert (shown["holm_p"] >= shown["mean_p"]).all()


def test_mcnemar_is_of_the_same_seed() -> None:
    rows = made_up.rows(samples=200, seeds=2)
    found = tables.by_defense(rows).set_index(["model", "attack"])
    wide = rows[rows["attack"] == "pgd-40"].pivot(index="index", columns="model", values="robust")
    expected = mcnemar(wide["wmim@1"].to_numpy(), wide["standard-at@1"].to_numpy())
    assert found.loc[("wmim@1", "pgd-40"), "p"] == pytest.approx(expected)


def test_models_named_for_l2_are_kept_to_l2() -> None:
    both = [Model(name) for name in ("natural@0", "namid@0", "namid-l2@0")]
    assert [m.title for m in tables.trained_under("Linf", both)] == ["natural@0", "namid@0"]
    assert [m.title for m in tables.trained_under("L2", both)] == ["namid-l2@0"]
    assert tables.trained_under("L2", both[:2]) == both[:2]


def test_the_layout_has_mean_std_and_interval() -> None:
    rows = made_up.rows(samples=100, seeds=3).query("model != 'natural@1' and model != 'natural@2'")
    table = tables.accuracies(rows).merge(tables.by_defense(rows), on=["model", "attack"])
    table = table.assign(norm="Linf", eps="0.1")
    ((title, texts),) = tables.accuracy_texts(table).items()
    assert title == "Linf 0.1, 100 samples"
    assert texts["defense"].tolist() == list(made_up.DEFENSES)
    assert list(texts) == ["defense", "none", *made_up.ATTACKS, "worst case"]
    cell = table.query("defense == 'namid' and attack == 'pgd-40'").iloc[0]
    expected = (cell["mean"], cell["std"], cell["mean_low"], cell["mean_high"])
    text = "{:.1f} ± {:.1f} [{:.1f}, {:.1f}]".format(*(100 * value for value in expected))
    assert texts.set_index("defense").loc["namid", "pgd-40"] == text
    assert "±" not in texts.set_index("defense").loc["natural", "pgd-40"]


def test_the_gains_are_printed_by_attack() -> None:
    table = tables.by_defense(made_up.rows(samples=100)).assign(norm="Linf", eps="0.1")
    ((title, texts),) = tables.gain_texts(table).items()
    assert title == "Linf 0.1, gain over standard-at in points"
    compared = [name for name in made_up.DEFENSES if name != "standard-at"]
    assert texts["defense"].tolist() == compared * 7
    assert texts["attack"].unique().tolist() == ["none", *made_up.ATTACKS, "worst case"]
    line = texts.query("defense == 'natural' and attack == 'pgd-40'").iloc[0]
    assert line["p"] == line["p, Holm"] == "<0.001"
    assert line["McNemar's p by seed"] == "<0.001, <0.001, <0.001"
    assert line["gain"].startswith("-7")


def test_the_standing_sorts_by_what_is_sure() -> None:
    said = tables.standing(
        tables.by_defense(made_up.rows(samples=2000)).assign(norm="Linf", eps="0.1")
    )
    better, rest = said.split("; worse ")
    worse, undecided = rest.split("; undecided ")
    assert "namid-m +" in better
    assert "natural -7" in worse
    assert "mart " in undecided

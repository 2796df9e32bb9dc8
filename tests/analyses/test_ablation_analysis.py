"""The ablation: made-up models whose true accuracies are known, and digits from end to end."""

import io

import made_up
import made_up_scores
import pandas as pd
import pytest

from analyses import ablation
from workbench import analysis
from workbench.errors import InputError
from workbench.evaluation.store import Store
from workbench.profiles import Profile, load_profile

# the true accuracy of each, clean and under two attacks; without natural MI it is 15 points worse
TRUTH = {
    "namid": (0.85, 0.78, 0.76),
    "namid-no-adversarial": (0.85, 0.78, 0.76),
    "namid-no-natural": (0.70, 0.63, 0.61),
    "namid-lambda-0": (0.85, 0.78, 0.76),
    "standard-at": (0.85, 0.78, 0.76),
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rows = made_up.rows(TRUTH, ("pgd-40", "autoattack"), samples=1000)
    return rows.assign(name=rows["model"], norm="Linf", eps="0.1")


def test_what_was_left_out_costs_what_was_put_in(frame) -> None:
    table = ablation.table(frame)
    worst = table[table["attack"] == "worst case"].drop_duplicates("defense").set_index("defense")
    assert worst.loc["namid-no-natural", "difference"] == pytest.approx(-0.15, abs=0.03)
    assert worst.loc["namid-no-natural", "difference_high"] < 0
    assert worst.loc["namid-no-natural", "difference_holm"] < 0.001
    for name in ("namid-no-adversarial", "namid-lambda-0", "standard-at"):
        assert worst.loc[name, "difference_low"] < 0 < worst.loc[name, "difference_high"]
    assert pd.isna(worst.loc["namid", "difference"])


def test_tables_figure_and_finding(frame) -> None:
    table = ablation.table(frame)
    found = ablation.layout(table)
    assert list(found) == [
        "Linf 0.1, 1000 samples",
        "Linf 0.1, gain over standard-at in points",
        "Linf 0.1, difference from namid in points",
    ]
    accuracy, _, difference = found.values()
    assert accuracy["defense"].tolist() == list(TRUTH)
    assert len(difference) == 4 * 4
    drawn = ablation.figure(frame, table)
    drawn.savefig(io.BytesIO(), format="pdf")
    assert [ax.get_ylabel() for ax in drawn.axes] == [
        "accuracy (%)",
        "difference from\nnamid (points,\nlog beyond ±5)",
    ]
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == list(TRUTH)
    finding = ablation.finding(table)
    assert "namid-no-natural -1" in finding
    assert "\n" not in finding


def profile(names: list[str]) -> Profile:
    content = load_profile("demo").model_dump()
    content["models"] = [{"reference": f"zoo:fashion-mnist/{name}"} for name in names]
    return Profile.model_validate(content)


def test_threat_models_without_all_models_are_left_out() -> None:
    linf = [f"{name}@{seed}" for name in TRUTH for seed in range(2)]
    runs = ablation.runs(
        profile([*linf, "natural@0", "trades@0", "namid-l2@0", "standard-at-l2@0"])
    )
    assert {run.norm for run in runs} == {"Linf"}
    assert [run.name for run in runs] == [
        f"{name}@{seed}" for name in ablation.DEFENSES for seed in range(2)
    ]


def test_a_profile_without_the_models_is_told_which() -> None:
    with pytest.raises(InputError, match="no model of namid-no-adversarial, namid-l") as error:
        ablation.runs(profile(["standard-at@0", "namid@0", "namid-no-natural@0"]))
    assert "\n" not in str(error.value)


def test_digits_from_end_to_end(tmp_path) -> None:
    names = tuple(TRUTH)
    own = made_up_scores.write_profile(tmp_path, "ablation", names)
    found = analysis.run(ablation, str(own), Store(tmp_path / "store"), "cpu", tmp_path / "figures")
    assert all(path.stat().st_size for path in found.files)
    numbers = pd.read_csv(tmp_path / "figures" / "ablation.csv")
    assert set(numbers["norm"]) == {"L2", "Linf"}
    # all names are of one model
    others = numbers[numbers["defense"] != "namid"]
    assert (others["difference"] == 0).all()
    assert (others["difference_p"] == 1).all()

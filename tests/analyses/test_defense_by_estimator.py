"""NAMID by either estimator: made-up models of known accuracy, and digits from end to end."""

import io

import made_up
import made_up_scores
import pandas as pd
import pytest

from analyses import defense_by_estimator
from workbench import analysis
from workbench.errors import InputError
from workbench.evaluation.store import Store
from workbench.profiles import Profile, load_profile

ATTACKS = ("pgd-40", "autoattack", "ti-dim")
# the true accuracy of each; critics by contrast make it 8 points better under attack
TRUTH = {
    "namid": (0.85, 0.66, 0.64, 0.68),
    "namid-contrast": (0.85, 0.74, 0.72, 0.76),
    "standard-at": (0.85, 0.66, 0.64, 0.68),
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rows = made_up.rows(TRUTH, ATTACKS, samples=1000)
    return rows.assign(name=rows["model"], norm="Linf", eps="0.1")


def test_the_gain_that_was_put_in_is_found(frame) -> None:
    table = defense_by_estimator.table(frame).drop_duplicates(["defense", "attack"])
    found = table.set_index(["defense", "attack"])
    for attack in (*ATTACKS, "worst case"):
        assert found.loc[("namid-contrast", attack), "difference"] == pytest.approx(0.08, abs=0.03)
        assert found.loc[("namid-contrast", attack), "difference_holm"] < 0.01
        assert found.loc[("standard-at", attack), "difference"] == pytest.approx(0, abs=0.03)
        assert found.loc[("standard-at", attack), "difference_holm"] > 0.01
    assert "namid-contrast +" in defense_by_estimator.finding(table)


def test_tables_and_figure(frame) -> None:
    table = defense_by_estimator.table(frame)
    accuracy, gain, difference = defense_by_estimator.layout(table).values()
    assert set(gain["defense"]) == {"namid", "namid-contrast"}
    assert list(accuracy) == ["defense", "none", *ATTACKS, "worst case"]
    assert set(difference["defense"]) == {"namid-contrast", "standard-at"}
    drawn = defense_by_estimator.figure(frame, table)
    drawn.savefig(io.BytesIO(), format="pdf")
    assert len(drawn.axes) == 2
    ticks = [tick.get_text() for tick in drawn.axes[1].get_xticklabels()]
    assert ticks == ["none", *ATTACKS, "worst case"]


def profile(**changes: object) -> Profile:
    content = load_profile("demo").model_dump()
    content["models"] = [{"reference": f"zoo:fashion-mnist/{name}@0"} for name in TRUTH]
    return Profile.model_validate(content | changes)


def test_only_the_attacks_of_the_figure_are_asked_for() -> None:
    runs = defense_by_estimator.runs(profile())
    assert {run.attacks for run in runs if run.norm == "Linf"} == {ATTACKS}
    assert {run.name for run in runs} == {f"{name}@0" for name in TRUTH}


def test_a_profile_without_models_or_attacks_is_told_so() -> None:
    with pytest.raises(InputError, match="no model of namid, namid-contrast for Linf"):
        defense_by_estimator.runs(load_profile("demo"))
    square = [{"norm": "Linf", "eps": "0.1", "attacks": ["square"]}]
    with pytest.raises(InputError, match="none of the attacks PGD-40, AA, TI-DIM"):
        defense_by_estimator.runs(profile(threats=square))


def test_digits_from_end_to_end(tmp_path) -> None:
    own = made_up_scores.write_profile(tmp_path, "defense_by_estimator", tuple(TRUTH))
    own.write_text(own.read_text().replace('"pgd-40:steps=4"', '"pgd-40"'))
    found = analysis.run(
        defense_by_estimator, str(own), Store(tmp_path / "store"), "cpu", tmp_path / "figures"
    )
    assert all(path.stat().st_size for path in found.files)
    numbers = pd.read_csv(tmp_path / "figures" / "defense_by_estimator.csv")
    assert set(numbers["attack"]) == {"none", "pgd-40", "worst case"}
    assert (numbers.dropna(subset="difference")["difference"] == 0).all()

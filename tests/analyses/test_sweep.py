"""The sweep: made-up models whose true accuracies are known, and a profile's own models."""

import io
import math

import made_up
import pandas as pd
import pytest

from analyses import sweep
from workbench.errors import InputError
from workbench.profiles import Profile, load_profile

# the true accuracy of each, clean and under two attacks; with α = 1 it is 9 points worse
TRUTH = {
    "standard-at": (0.85, 0.78, 0.76),
    "standard-at-longer": (0.85, 0.79, 0.78),
    "namid-a0.2-l0": (0.85, 0.78, 0.76),
    "namid-a1-l0": (0.76, 0.69, 0.67),
    "namid-a0.2-l0.1": (0.86, 0.83, 0.82),
    "namid-a1-l0.1": (0.76, 0.69, 0.67),
    "namid-contrast": (0.84, 0.80, 0.79),
    "namid-warmup": (0.80, 0.70, 0.70),
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rows = made_up.rows(TRUTH, ("pgd-40", "cascade-exact"), samples=2000)
    return rows.assign(name=rows["model"], norm="Linf", eps="0.1")


def test_what_was_put_in_is_found_at_its_place(frame) -> None:
    table = sweep.table(frame)
    worst = table[table["attack"] == "worst case"].drop_duplicates("defense").set_index("defense")
    good, bad = worst.loc["namid-a0.2-l0.1"], worst.loc["namid-a1-l0"]
    assert (good["alpha"], good["lam"], bad["alpha"], bad["lam"]) == (0.2, 0.1, 1.0, 0.0)
    assert good["mean_gain"] == pytest.approx(0.06, abs=0.02)
    assert good["difference"] == pytest.approx(0.04, abs=0.02)
    assert bad["gain_high"] < 0
    outside = ["standard-at", "standard-at-longer", "namid-contrast", "namid-warmup"]
    assert worst.loc[outside, "alpha"].isna().all()
    assert worst["alpha"].isna().sum() == len(outside)


def test_tables_figure_and_finding(frame) -> None:
    table = sweep.table(frame)
    accuracy, gains, differences = sweep.layout(table).values()
    assert accuracy["defense"].tolist() == list(TRUTH)
    assert len(gains) == len(differences) == 7 * 4
    drawn = sweep.figure(frame, table)
    drawn.savefig(io.BytesIO(), format="pdf")
    ticks = [[tick.get_text() for tick in axes.get_xticklabels()] for axes in drawn.axes]
    assert ticks == [["0.2", "1"], ["contrast", "warmup"]]
    labels = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert labels == ["standard-at", "standard-at-longer", "λ = 0", "λ = 0.1"]
    finding = sweep.finding(table)
    assert "the best NAMID of 6 settings is namid-a0.2-l0.1: +" in finding
    assert "\n" not in finding


@pytest.mark.parametrize(
    ("without", "ticks"), [("contrast|warmup", ["0.2", "1"]), ("-a", ["contrast", "warmup"])]
)
def test_a_grid_or_other_settings_alone_have_one_panel(frame, without, ticks) -> None:
    part = frame[~frame["model"].str.contains(f"^namid.*(?:{without})")]
    (axes,) = sweep.figure(part, sweep.table(part)).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ticks
    assert axes.get_title() == "Linf, ε = 0.1, 2000 samples"
    assert axes.get_ylabel() == sweep.LABEL


def test_models_far_below_standard_at_are_told_in_words_and_leave_the_scale_alone() -> None:
    fell = {"namid-a1-l0.1": (0.1, 0.1, 0.1), "namid-warmup": (0.1, 0.1, 0.1)}
    truth = TRUTH | fell | {"namid-contrast": (0.97, 0.96, 0.96)}
    rows = made_up.rows(truth, ("pgd-40", "cascade-exact"), samples=2000)
    frame = rows.assign(name=rows["model"], norm="Linf", eps="0.1")
    table = sweep.table(frame)
    at_worst = table["attack"] == "worst case"
    worst = table[at_worst].drop_duplicates("defense").set_index("defense")
    grid, others = sweep.figure(frame, table).axes
    each = {name: rows["accuracy"] for name, rows in table[at_worst].groupby("defense")}
    told = {name: ", ".join(f"{100 * a:.0f}" for a in each[name]) for name in fell}
    assert [text.get_text() for text in grid.texts] == [f"λ = 0.1 ↓ {told['namid-a1-l0.1']} %"]
    assert [text.get_text() for text in others.texts] == [f"↓ {told['namid-warmup']} %"]
    bottom, top = grid.get_ylim()
    assert -1.5 * sweep.FAR < bottom < 100 * worst.loc["namid-a1-l0", "gain_low"]
    assert top > 100 * worst.loc["namid-contrast", "gain_high"]
    assert [tick.get_text() for tick in others.get_xticklabels()] == ["contrast", "warmup"]


def test_the_figure_shows_gains_and_the_longer_standard_at_as_a_line(frame) -> None:
    table = sweep.table(frame)
    worst = table[table["attack"] == "worst case"].drop_duplicates("defense").set_index("defense")
    grid = sweep.figure(frame, table).axes[0]
    heights = {line.get_label(): set(line.get_ydata()) for line in grid.lines}
    assert heights["standard-at"] == {0}
    assert heights["standard-at-longer"] == {100 * worst.loc["standard-at-longer", "mean_gain"]}


def defenses(profile: str) -> list[str]:
    """Of the sweep's runs, each with three seeds."""
    runs = sweep.runs(load_profile(profile))
    names = list(dict.fromkeys(run.name.partition("@")[0] for run in runs))
    assert len(runs) == 3 * len(names)
    return names


def test_the_profile_has_the_whole_grid_and_both_baselines() -> None:
    alphas = ("0.05", "0.2", "1", "5")
    grid = [f"namid-a{alpha}-l{lam}" for lam in ("0", "0.1") for alpha in alphas]
    assert defenses("namid-sweep") == [*sweep.LINES, *grid, "namid-a0.2-l1"]


def test_other_settings_have_both_baselines_and_the_namid_that_they_differ_from() -> None:
    assert defenses("namid-settings") == [
        *sweep.LINES,
        "namid",
        "namid-warmup",
        "namid-refresh",
        "namid-gap",
        "namid-all-pairs",
        "namid-no-natural",
        "namid-no-adversarial",
        "namid-contrast",
        "namid-contrast-a1",
        "namid-contrast-no-adversarial",
    ]


def test_a_profile_without_namids_or_baselines_is_told_what_is_missing() -> None:
    with pytest.raises(InputError, match="namid-aALPHA-lLAMBDA") as error:
        sweep.runs(load_profile("demo"))
    assert "\n" not in str(error.value)
    content = load_profile("namid-sweep").model_dump()
    content["models"] = [model for model in content["models"] if "longer" not in model["reference"]]
    with pytest.raises(InputError, match="standard-at-longer"):
        sweep.runs(Profile.model_validate(content))


def test_a_longer_standard_at_that_shares_no_seed_is_drawn_nowhere(frame) -> None:
    apart = frame["model"].str.replace("longer@", "longer@7", regex=False)
    moved = frame.assign(model=apart, name=apart)
    (grid, _) = sweep.figure(moved, sweep.table(moved)).axes
    heights = {line.get_label(): line.get_ydata()[0] for line in grid.lines}
    assert heights["standard-at"] == 0
    assert math.isnan(heights["standard-at-longer"])

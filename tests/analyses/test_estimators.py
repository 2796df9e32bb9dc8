"""MIM against contrast: made-up scores whose separation is known, and digits from end to end."""

import io
from functools import partial

import made_up_scores
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from analyses import estimators
from workbench import analysis, figures
from workbench.errors import InputError
from workbench.evaluation.store import Store
from workbench.information import Fit
from workbench.profiles import Profile, load_profile

# natural MI or contrast of natural and adversarial outputs, adversarial MI or contrast of them
LEVELS = {
    ("natural", "mim"): (4.0, 2.5, 2.0, 3.0),
    ("natural", "contrast"): (2.0, -1.0, -5.0, -3.0),
    ("standard-at", "mim"): (4.0, 4.0, 3.0, 3.0),
    ("standard-at", "contrast"): (2.0, 1.5, 2.0, 2.5),
}


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two models of each defense, two critics of each objective."""
    parts = [
        made_up_scores.scored(f"{defense}@{model}", seed, objective, levels)
        for (defense, objective), levels in LEVELS.items()
        for model in range(2)
        for seed in range(2)
    ]
    return pd.concat(parts, ignore_index=True)


def test_levels_and_separation_are_those_that_were_put_in(frame) -> None:
    table = estimators.table(frame)
    assert len(table) == 16
    for (defense, objective), part in table.groupby(["defense", "objective"]):
        levels = np.array(LEVELS[defense, objective])
        assert part["mean"].to_numpy() == pytest.approx(levels, abs=0.07)
        assert part["above_least"].to_numpy() == pytest.approx(levels - levels.min(), abs=0.1)
        assert part["above_least"].min() == 0
        apart = np.repeat([levels[0] - levels[1], levels[3] - levels[2]], 2)
        assert part["auroc"].to_numpy() == pytest.approx(norm.cdf(apart / np.sqrt(2)), abs=0.02)
        assert part["cohens_d"].to_numpy() == pytest.approx(apart, abs=0.1)
        assert set(part["fits"]) == {4}


def test_contrast_scores_are_never_called_mi(frame) -> None:
    table = estimators.table(frame)
    named = table.groupby("objective")["quantity"].unique()
    assert named["mim"].tolist() == ["natural MI", "adversarial MI"]
    assert named["contrast"].tolist() == ["natural contrast score", "adversarial contrast score"]
    with figures.style():
        drawn = estimators.figure(frame, table)
        drawn.savefig(io.BytesIO(), format="pdf")
    labels = [
        [ax.get_ylabel() or ax.get_xlabel() for ax in drawn.axes[row : row + 3]] for row in (0, 3)
    ]
    assert labels[0][0] == "score (nats), least at 0"
    assert labels[1][0] == "contrast, least at 0"
    below = [ax.get_xlabel() for ax in drawn.axes]
    assert below[:3] == ["", "natural MI (nats)", "adversarial MI (nats)"]
    assert below[3:6] == ["", "natural contrast score", "adversarial contrast score"]


def test_what_diverged_has_no_number_and_no_panel(frame) -> None:
    lost = (frame["objective"] == "contrast") & frame["name"].str.startswith("natural")
    scores = ["natural_contrast_natural", "natural_contrast_adversarial"]
    frame.loc[lost, scores] = np.nan
    table = estimators.table(frame)
    part = table.query("defense == 'natural' and quantity == 'natural contrast score'")
    assert set(part["diverged"]) == {4}
    assert part[["mean", "auroc"]].isna().all(axis=None)
    (texts,) = estimators.layout(table).values()
    assert texts.loc[2, ["natural outputs", "AUROC"]].tolist() == ["diverged", "diverged"]
    drawn = estimators.figure(frame, table)
    drawn.savefig(io.BytesIO(), format="pdf")
    assert drawn.axes[4].get_title() == "natural contrast score: diverged"
    assert "natural contrast score diverged" in estimators.finding(table)


def test_a_figure_without_any_value_says_so(frame) -> None:
    frame.loc[:, [name for name in frame if "_mi_" in name or "_contrast_" in name]] = np.nan
    drawn = estimators.figure(frame, estimators.table(frame))
    drawn.savefig(io.BytesIO(), format="pdf")
    assert sum(ax.get_title().endswith("diverged") for ax in drawn.axes) == 8


def test_one_critic_that_diverged_is_left_out(frame) -> None:
    lost = (frame["name"] == "natural@0") & (frame["critic_seed"] == 0)
    frame.loc[lost, ["natural_mi_natural", "natural_mi_adversarial"]] = np.nan
    line = (
        estimators.table(frame).query("defense == 'natural' and quantity == 'natural MI'").iloc[0]
    )
    assert (line["fits"], line["diverged"]) == (3, 1)
    assert line["auroc"] == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.02)


def test_the_finding_names_every_estimator(frame) -> None:
    finding = estimators.finding(estimators.table(frame))
    assert "natural: natural MI 0.8" in finding
    assert "standard-at: natural MI 0." in finding
    assert finding.count("contrast score") == 4
    assert "\n" not in finding


def test_both_estimators_are_asked_for() -> None:
    profile = load_profile("demo")
    runs = estimators.runs(profile)
    assert len(runs) == 2 * 2 * len(profile.information.critic_seeds)
    assert {run.objective for run in runs} == {"mim", "contrast"}


def test_a_profile_without_the_models_is_told_so() -> None:
    content = load_profile("demo").model_dump()
    content["models"] = [{"reference": "zoo:fashion-mnist/natural"}]
    with pytest.raises(InputError, match="no model of standard-at for Linf"):
        estimators.runs(Profile.model_validate(content))


def test_digits_from_end_to_end(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(analysis, "Fit", partial(Fit, units=8, steps=3, batch=16))
    names = ("natural", "standard-at")
    profile = made_up_scores.write_profile(tmp_path, "estimators", names)
    found = analysis.run(
        estimators, str(profile), Store(tmp_path / "store"), "cpu", tmp_path / "figures"
    )
    assert all(path.stat().st_size for path in found.files)
    numbers = pd.read_csv(tmp_path / "figures" / "estimators.csv").set_index("defense")
    # both names are of one model
    assert numbers.loc["natural", "mean"].tolist() == numbers.loc["standard-at", "mean"].tolist()
    assert set(numbers["fits"]) == {2}

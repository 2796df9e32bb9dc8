"""Standard MI under each attack: made-up levels come back, and digits run from end to end."""

import io
from functools import partial

import made_up_scores
import numpy as np
import pandas as pd
import pytest

from analyses import standard_mi
from workbench import analysis
from workbench.attacks import attack
from workbench.errors import InputError
from workbench.evaluation.store import Store
from workbench.information import Fit
from workbench.profiles import Profile, load_profile

ATTACKS = {"pgd-10": 3.0, "pgd-40": 2.5, "fwa-10": 3.8, "fwa-40": 3.6}
LEVELS = (4.0, 1.5, 2.0, 3.0)


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two models with two critics each; the standard MI of adversarial samples as in ATTACKS."""
    parts = [
        made_up_scores.scored(
            f"natural@{model}", seed, "mim", LEVELS, f"{name}:stop_at_success=false", standard
        )
        for model in range(2)
        for seed in range(2)
        for name, standard in ATTACKS.items()
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_levels_that_were_put_in_lie_in_the_intervals(frame) -> None:
    table = standard_mi.table(frame)
    assert list(table["attack"].unique()) == list(ATTACKS)
    assert table[["fits", "diverged", "samples"]].drop_duplicates().values.tolist() == [
        [4, 0, 1000]
    ]
    truth = {"Î(x; h(x))": lambda name: 4.0, "Î(x; h(x̃))": lambda name: 1.5}
    truth["Î(x̃; h(x̃))"] = ATTACKS.get
    for row in table.itertuples():
        assert row.mean == pytest.approx(truth[row.quantity](row.attack), abs=0.07)
        # four independent scores of standard deviation 1 for each of 1000 samples
        assert row.high - row.low == pytest.approx(2 * 1.96 / np.sqrt(4 * 1000), rel=0.1)
        assert row.null == pytest.approx(made_up_scores.NULL, abs=0.1)
        assert row.misclassified == pytest.approx(0.9)


def test_the_spread_is_over_models_and_critics(frame) -> None:
    line = standard_mi.table(frame).query("attack == 'fwa-10' and quantity == 'Î(x̃; h(x̃))'").iloc[0]
    own = frame[frame["attack"] == "fwa-10:stop_at_success=false"]
    means = own.groupby(["name", "critic_seed"])["standard_mi_adversarial"].mean()
    assert line["std"] == pytest.approx(means.std())
    assert line["mean"] == pytest.approx(means.mean())


def test_a_critic_that_diverged_is_counted_and_left_out(frame) -> None:
    lost = (frame["name"] == "natural@0") & (frame["critic_seed"] == 0)
    frame.loc[lost, "standard_mi_adversarial"] = np.nan
    table = standard_mi.table(frame).set_index("quantity")
    assert set(table.loc["Î(x̃; h(x̃))", "fits"]) == {3}
    assert set(table.loc["Î(x̃; h(x̃))", "diverged"]) == {1}
    assert set(table.loc["Î(x; h(x))", "fits"]) == {4}
    frame["standard_mi_adversarial"] = np.nan
    texts, _ = standard_mi.layout(standard_mi.table(frame)).values()
    assert set(texts["Î(x̃; h(x̃))"]) == {"diverged"}


def test_tables_figure_and_finding(frame) -> None:
    table = standard_mi.table(frame)
    means, nulls = standard_mi.layout(table).values()
    names = ["Î(x; h(x))", "Î(x̃; h(x̃))", "Î(x; h(x̃))"]
    assert list(means) == ["attack", "misclassified %", *names]
    assert list(nulls) == ["attack", *names]
    assert means["Î(x; h(x))"].str.fullmatch(r"[\d.]+ ± [\d.]+ \[[\d.]+, [\d.]+\]").all()
    drawn = standard_mi.figure(frame, table)
    drawn.savefig(io.BytesIO(), format="pdf")
    above, below = drawn.axes
    assert [ax.get_ylabel() for ax in (above, below)] == ["standard MI (nats)", "score (nats)"]
    assert [tick.get_text() for tick in below.get_xticklabels()] == list(ATTACKS)
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == names
    finding = standard_mi.finding(table)
    assert finding.count("(") == len(ATTACKS)
    assert "\n" not in finding


def test_natural_models_under_attacks_that_run_every_step() -> None:
    profile = load_profile("fashion-mnist")
    runs = standard_mi.runs(profile)
    wanted = profile.information
    assert len(runs) == 3 * len(wanted.compared) * len(wanted.critic_seeds)
    assert {run.name for run in runs} == {"natural@0", "natural@1", "natural@2"}
    assert all("standard" in run.critics and not attack(run.attack).stop_at_success for run in runs)


def test_a_profile_without_natural_models_is_told_so() -> None:
    content = load_profile("demo").model_dump()
    content["models"] = [{"reference": "zoo:fashion-mnist/standard-at"}]
    with pytest.raises(InputError, match="no model of natural for Linf") as error:
        standard_mi.runs(Profile.model_validate(content))
    assert "\n" not in str(error.value)


def test_digits_from_end_to_end(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(analysis, "Fit", partial(Fit, units=8, steps=3, batch=16))
    profile = made_up_scores.write_profile(tmp_path, "standard_mi", ("natural",))
    found = analysis.run(
        standard_mi, str(profile), Store(tmp_path / "store"), "cpu", tmp_path / "figures"
    )
    assert all(path.stat().st_size for path in found.files)
    numbers = pd.read_csv(tmp_path / "figures" / "standard_mi.csv")
    assert numbers["attack"].unique().tolist() == ["pgd-10", "fwa-10:steps=2,stop_at_success=false"]
    # the natural sample's MI is asked of critics that saw no attack
    natural = numbers[numbers["quantity"] == "Î(x; h(x))"]["mean"]
    assert natural.nunique() == 1

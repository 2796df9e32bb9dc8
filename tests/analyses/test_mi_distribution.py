"""The observation: effect sizes of made-up MI values whose answer is known."""

import io

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from analyses import mi_distribution
from workbench.profiles import load_profile

SHIFT = 1.5


@pytest.fixture
def frame() -> pd.DataFrame:
    """Natural MI falls by SHIFT standard deviations under attack; adversarial MI stays."""
    parts = []
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        n = 3000
        natural, wrong = rng.normal(size=n), rng.integers(0, 2, n)
        part = pd.DataFrame(
            {
                "name": "m",
                "critic_seed": seed,
                "label": 0,
                "clean_prediction": 0,
                "adversarial_prediction": wrong,
                "verified": wrong == 1,
                "clean_gap": 1.0,
                "adversarial_gap": -1.0,
                "natural_mi_natural": natural,
                "natural_mi_adversarial": rng.normal(size=n) - SHIFT,
                "adversarial_mi_natural": rng.normal(size=n),
                "adversarial_mi_adversarial": rng.normal(size=n),
            }
        )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def test_effects_are_those_that_were_put_in(frame) -> None:
    effects = mi_distribution.table(frame).set_index(["quantity", "critic_seed"])
    parted = effects.loc[("natural MI", 0)]
    assert parted["auroc"] == pytest.approx(norm.cdf(SHIFT / np.sqrt(2)), abs=0.02)
    assert parted["cohens_d"] == pytest.approx(SHIFT, abs=0.08)
    assert parted["in_order"] == pytest.approx(norm.cdf(SHIFT / np.sqrt(2)), abs=0.03)
    nothing = effects.loc[("adversarial MI", 1)]
    assert nothing["auroc_low"] < 0.5 < nothing["auroc_high"]


def test_the_sign_is_that_of_the_observation(frame) -> None:
    turned = frame.rename(
        columns={
            "natural_mi_natural": "natural_mi_adversarial",
            "natural_mi_adversarial": "natural_mi_natural",
        }
    )
    effects = mi_distribution.table(turned).set_index(["quantity", "critic_seed"])
    assert effects.loc[("natural MI", 0), "auroc"] < 0.2


def test_the_table_has_every_seed_and_mean_and_std(frame) -> None:
    numbers = mi_distribution.table(frame)
    (table,) = mi_distribution.layout(numbers).values()
    assert table["critic seed"].tolist() == ["0", "1", "mean ± std"] * 2 + [""]
    values = numbers[numbers["quantity"] == "natural MI"]["auroc"]
    expected = f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}"
    assert table.iloc[2]["AUROC"] == expected


def test_the_figure_has_a_panel_per_quantity_with_the_interval(frame) -> None:
    drawn = mi_distribution.figure(frame, mi_distribution.table(frame))
    drawn.savefig(io.BytesIO(), format="pdf")
    axes = drawn.axes
    assert [ax.get_xlabel() for ax in axes] == ["natural MI (nats)", "adversarial MI (nats)"]
    assert all(ax.get_title().startswith("AUROC") for ax in axes)
    assert axes[0].get_ylabel().startswith("m\n(5")


def test_the_finding_names_each_model_and_quantity(frame) -> None:
    finding = mi_distribution.finding(mi_distribution.table(frame))
    assert "m: natural MI 0.8" in finding
    assert "adversarial MI 0.5" in finding
    assert "\n" not in finding


def test_the_profile_asks_for_every_critic_seed() -> None:
    profile = load_profile("demo")
    runs = mi_distribution.runs(profile)
    assert len(runs) == len(profile.models) * len(profile.information.critic_seeds)


def test_the_gap_is_there_for_comparison_and_flipped_samples_are_counted(frame) -> None:
    table = mi_distribution.table(frame).set_index(["quantity", "critic_seed"])
    assert table.loc[("logit gap", 0), "auroc"] == 1
    flips = (frame["adversarial_prediction"] != 0)[frame["critic_seed"] == 0]
    assert table.loc[("natural MI", 0), "flipped"] == flips.sum()
    parted = table.loc[("natural MI", 0), "flipped_auroc"]
    assert parted == pytest.approx(norm.cdf(SHIFT / np.sqrt(2)), abs=0.03)

"""The three dropped terms: from rows whose terms are made up, and records whose bound is known."""

import io
from itertools import product

import numpy as np
import pandas as pd
import pytest

from analyses import assumption
from workbench.profiles import load_profile
from workbench.specs import EvaluationRun, ExperimentRun

OUTPUTS = ("predicted class", "quantised logits", "sampled class")
TWICE = {"random": -0.1, "worst": 0.3}  # I(X;N;Z) of seed 0 at radius 1; that of seed 1 is double


@pytest.fixture
def frame() -> pd.DataFrame:
    """Terms that obey Eq. 2, of two seeds; and a model whose noise's length tells its output."""
    rows = []
    for model, output, radius, attack, seed in product(
        ("natural", "robust"), OUTPUTS, (0, 1), TWICE, (0, 1)
    ):
        twice = TWICE[attack] * radius * (1 + seed)
        rest = 0.4 if output == "sampled class" else 0.0
        rows.append(
            {
                "name": "three pixels",
                "model": model,
                "attack": attack,
                "radius": radius,
                "output": output,
                "accuracy": 0.5,
                "whole": 1.0,
                "natural": 0.9,
                "adversarial": 0.1 + twice,
                "interaction": twice,
                "given_parts": rest,
                "given_whole": rest,
                "interaction_low": twice - 0.5,
                "interaction_high": 1.0,
            }
        )
    real = pd.DataFrame(
        {
            "name": "net",
            "model": "fingerprint",
            "attack": assumption.ATTACK,
            "norm": "Linf",
            "eps": "8/255",
            "label": [0, 1, 0, 1] * 10,
            "adversarial_prediction": [1, 0, 0, 1] * 10,
            "l2": [2.0, 1.0, 1.0, 2.0] * 10,
        }
    )
    return pd.concat([pd.DataFrame(rows), real], ignore_index=True)


def test_runs_are_the_experiment_per_seed_and_one_attack_per_model() -> None:
    profile = load_profile("demo")
    runs = assumption.runs(profile)
    small = [run for run in runs if isinstance(run, ExperimentRun)]
    real = [run for run in runs if isinstance(run, EvaluationRun)]
    assert [run.seed for run in small] == list(profile.information.critic_seeds)
    assert [run.name for run in real] == [model.title for model in profile.models]
    assert len(runs) == len(small) + len(real)


def test_dropped_is_the_mean_over_seeds_of_the_three_terms(frame) -> None:
    table = assumption.table(frame)
    line = ["model", "output", "eps", "attack"]
    found = table.set_index(line).loc[("robust", "sampled class", "1/8", "worst")]
    assert found["dropped"] == pytest.approx(-0.45)
    assert found["dropped_std"] == pytest.approx(0.15 * np.sqrt(2))
    assert found["share"] == pytest.approx(-0.45)
    assert found["dropped_low"] == pytest.approx(-1.0)
    assert found["dropped_high"] == pytest.approx(0.05)
    assert found["seeds"] == 2
    assert found["given_parts"] == pytest.approx(0.4)


def test_a_real_model_is_bounded_by_what_the_length_of_the_noise_tells(frame) -> None:
    """Here the length tells the prediction in full, so both ends of the bound are −log 2."""
    real = assumption.table(frame).set_index("model").loc["net"]
    assert real["dropped_low"] == pytest.approx(-np.log(2))
    assert real["dropped_high"] == pytest.approx(-np.log(2))
    assert real["whole"] == pytest.approx(np.log(2))
    assert real["chance"] == pytest.approx(1 / 80)
    assert real["accuracy"] == 0.5
    assert np.isnan(real["adversarial"])


def test_noise_of_one_length_tells_nothing(frame) -> None:
    real = assumption.table(frame.assign(l2=0.5)).set_index("model").loc["net"]
    assert real["dropped_high"] == pytest.approx(0)
    assert real["chance"] == 0


def test_the_tables_have_a_column_per_attack_and_a_line_per_real_model(frame) -> None:
    dropped, bounds = assumption.layout(assumption.table(frame)).values()
    assert list(dropped) == ["model", "output", "ε", "random", "worst"]
    assert len(dropped) == 6
    assert dropped["random"].unique().tolist() == ["+0.150 (+15 %)"]
    assert dropped["worst"].unique().tolist() == ["-0.450 (-45 %)"]
    assert bounds["model"].tolist() == ["net"]
    assert bounds["ε"].tolist() == ["Linf 8/255"]
    assert bounds["dropped"].tolist() == ["-0.693 to -0.693"]


def test_in_the_figure_the_bars_add_up_to_the_distance_of_the_lines(frame) -> None:
    drawn = assumption.figure(frame, assumption.table(frame))
    drawn.savefig(io.BytesIO(), format="pdf")
    assert [ax.get_title() for ax in drawn.axes[:2]] == ["random", "worst"]
    for ax in drawn.axes:
        heights = np.array([bar.get_height() for bar in ax.patches]).reshape(3, 2)
        tops = np.array([bar.get_y() + bar.get_height() for bar in ax.patches]).reshape(3, 2)
        np.testing.assert_allclose(tops.max(0), heights.clip(min=0).sum(0), atol=1e-12)
        np.testing.assert_allclose(tops.min(0), heights.clip(max=0).sum(0), atol=1e-12)
        whole, kept = (line.get_ydata() for line in ax.lines[:2])
        np.testing.assert_allclose(heights.sum(0), whole - kept, atol=1e-12)
        assert abs(heights).max(1) == pytest.approx([abs(heights[0]).max(), 0.4, 0.4])


def test_the_finding_has_the_shares_and_the_bounds(frame) -> None:
    finding = assumption.finding(assumption.table(frame))
    assert "natural model, random +15 to +15 %" in finding
    assert "robust model, worst -45 to -45 %" in finding
    assert finding.endswith("net -0.69 to -0.69.")

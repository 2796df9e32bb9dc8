"""The accuracy table: numbers recomputed by hand from made-up records."""

import io

import pandas as pd
import pytest

from analyses import white_box
from workbench.profiles import load_profile


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two models, two threat models, ten samples: robust as long as the index is below a bound."""
    bounds = {
        ("a", "Linf", "pgd-40"): 6,
        ("a", "Linf", "autoattack"): 5,
        ("a", "L2", "cw"): 7,
        ("b", "Linf", "pgd-40"): 3,
        ("b", "Linf", "autoattack"): 2,
        ("b", "L2", "cw"): 8,
    }
    return pd.DataFrame(
        [
            {
                "model": f"fingerprint of {name}",
                "name": name,
                "norm": norm,
                "eps": "8/255",
                "attack": attack,
                "index": index,
                "label": 0,
                "clean_prediction": int(index == 9),
                "robust": index < bound,
                "certified": False,
            }
            for (name, norm, attack), bound in bounds.items()
            for index in range(10)
        ]
    )


def test_the_table_has_a_line_per_threat_and_model(frame) -> None:
    found = white_box.layout(white_box.table(frame))
    assert list(found) == ["Linf 8/255, 10 samples", "L2 8/255, 10 samples"]
    first, second = found.values()
    assert first["model"].tolist() == second["model"].tolist() == ["a", "b"]
    assert list(first) == ["model", "none", "pgd-40", "autoattack", "worst case"]
    assert list(second) == ["model", "none", "cw", "worst case"]
    line = first.iloc[0]
    assert line["none"] == "90.0 [55.5, 99.7]"
    assert line["pgd-40"].startswith("60.0 [")
    assert line["worst case"].startswith("50.0 [")


def test_what_is_proved_stands_behind_the_worst_case(frame) -> None:
    frame["certified"] = frame["index"] < 2
    first, _ = white_box.layout(white_box.table(frame)).values()
    assert list(first)[-2:] == ["worst case", "proved"]
    assert first["proved"].tolist() == ["20.0", "20.0"]


def test_the_finding_is_the_worst_case_of_each(frame) -> None:
    finding = white_box.finding(white_box.table(frame))
    assert "a 50.0 [" in finding
    assert "b 80.0 [" in finding
    assert "\n" not in finding


def test_the_figure_has_a_panel_per_threat_model(frame) -> None:
    drawn = white_box.figure(frame, white_box.table(frame))
    drawn.savefig(io.BytesIO(), format="pdf")
    axes = drawn.axes
    assert [ax.get_title() for ax in axes] == [
        "Linf, ε = 8/255, 10 samples",
        "L2, ε = 8/255, 10 samples",
    ]
    assert [label.get_text() for label in axes[1].get_xticklabels()] == ["none", "cw", "worst case"]


def test_the_profile_asks_for_every_model_under_every_threat() -> None:
    profile = load_profile("demo")
    runs = white_box.runs(profile)
    assert len(runs) == len(profile.models) * len(profile.threats)
    assert {run.model for run in runs} == {model.reference for model in profile.models}

"""The accuracy table: numbers recomputed by hand from made-up records."""

import io

import made_up
import pandas as pd
import pytest

from analyses import white_box
from workbench import published
from workbench.profiles import Profile, load_profile


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
    assert first["defense"].tolist() == second["defense"].tolist() == ["a", "b"]
    assert list(first) == ["defense", "none", "pgd-40", "autoattack", "worst case"]
    assert list(second) == ["defense", "none", "cw", "worst case"]
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


def test_models_trained_under_a_norm_are_attacked_under_it() -> None:
    content = load_profile("demo").model_dump()
    names = ("natural@0", "namid@0", "namid@1", "namid-l2@0")
    content["models"] = [{"reference": f"zoo:fashion-mnist/{name}"} for name in names]
    runs = white_box.runs(Profile.model_validate(content))
    assert [(run.norm, run.name) for run in runs] == [
        *(("Linf", name) for name in names[:3]),
        ("L2", "namid-l2@0"),
    ]


@pytest.fixture(scope="module")
def trained() -> pd.DataFrame:
    """Eight defenses, three seeds each, under Linf; two defenses, trained so, under L2."""
    linf = made_up.rows(samples=200).assign(norm="Linf", eps="0.1")
    few = {name: made_up.DEFENSES[name][:2] for name in ("standard-at", "namid")}
    l2 = made_up.rows(few, ("cw",), samples=200, suffix="-l2").assign(norm="L2", eps="1.5")
    rows = pd.concat([linf, l2], ignore_index=True)
    return rows.assign(name=rows["model"])


def test_over_seeds_gains_and_published_numbers_follow(trained) -> None:
    table = white_box.table(trained)
    found = white_box.layout(table)
    assert list(found) == [
        "Linf 0.1, 200 samples",
        "L2 1.5, 200 samples",
        "Linf 0.1, gain over standard-at in points",
        "L2 1.5, gain over standard-at in points",
        "Linf 0.1, published beside ours",
        "L2 1.5, published beside ours",
    ]
    assert found["L2 1.5, 200 samples"]["defense"].tolist() == ["standard-at", "namid"]
    assert len(found["Linf 0.1, published beside ours"]) == len(published.DEFENSES) * 5
    assert len(table) == 8 * 3 * 7 + 2 * 3 * 3
    one = table.query("model == 'namid@2' and attack == 'cascade'").iloc[0]
    rows = trained.query("name == 'namid@2' and attack == 'cascade' and norm == 'Linf'")
    assert one["accuracy"] == rows["robust"].mean()
    assert "Against standard-at under L2 1.5" in white_box.finding(table)


def test_many_defenses_have_panels_of_their_own_and_their_gains(trained) -> None:
    drawn = white_box.figure(trained, white_box.table(trained))
    drawn.savefig(io.BytesIO(), format="pdf")
    assert [ax.get_ylabel().split("\n")[0] for ax in drawn.axes] == [
        "accuracy (%)",
        "gain over",
    ] * 2
    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == list(made_up.DEFENSES)
    assert "standard deviation over seeds" in legend.get_title().get_text()


def test_a_threat_model_without_a_baseline_is_drawn_without_gains(trained) -> None:
    rows = trained[(trained["norm"] == "Linf") | trained["name"].str.startswith("namid")]
    table = white_box.table(rows)
    drawn = white_box.figure(rows, table)
    drawn.savefig(io.BytesIO(), format="pdf")
    assert "L2 1.5, gain over standard-at in points" not in white_box.layout(table)
    assert len(drawn.axes) == 3

"""The black-box table: pairs of models, from made-up records of transferred samples."""

import io

import made_up
import pandas as pd
import pytest

from analyses import black_box
from workbench.profiles import Profile, load_profile

EVERY_STEP = ":stop_at_success=false"


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two pairs, two attacks, ten samples: robust as long as the index is below a bound."""
    bounds = {
        ("a", "b", f"pgd-40{EVERY_STEP}"): 6,
        ("a", "b", "autoattack"): 8,
        ("b", "a", f"pgd-40{EVERY_STEP}"): 3,
        ("b", "a", "autoattack"): 2,
    }
    return pd.DataFrame(
        [
            {
                "model": f"fingerprint of {target}",
                "source": f"fingerprint of {source}",
                "name": target,
                "source_name": source,
                "norm": "Linf",
                "eps": "8/255",
                "attack": attack,
                "index": index,
                "label": 0,
                "clean_prediction": int(index == 9),
                "robust": index < bound,
                "linf": 0.03 * (index < bound - 1),
            }
            for (source, target, attack), bound in bounds.items()
            for index in range(10)
        ]
    )


def test_a_line_per_source_and_target(frame) -> None:
    (title, table), (below, moved) = black_box.layout(black_box.table(frame)).items()
    assert title == "Linf 8/255, 10 samples"
    assert list(table) == ["source → target", "none", "pgd-40", "autoattack", "worst case"]
    assert table["source → target"].tolist() == ["a → b", "b → a"]
    assert table["pgd-40"].str.startswith(("60.0 [", "30.0 [")).all()
    assert table["worst case"].str.startswith(("60.0 [", "20.0 [")).all()
    assert below == "Linf 8/255, moved by the attack on the source, %"
    assert moved.to_numpy().tolist() == [["a", "50.0", "70.0"], ["b", "20.0", "10.0"]]


def test_the_finding_names_what_is_left(frame) -> None:
    finding = black_box.finding(black_box.table(frame))
    assert "a → b 90.0 to 60.0 %" in finding
    assert "b → a 90.0 to 20.0 %" in finding


def test_the_figure_is_drawn(frame) -> None:
    drawn = black_box.figure(frame, black_box.table(frame))
    drawn.savefig(io.BytesIO(), format="pdf")
    titles = [ax.get_title() for ax in drawn.axes]
    assert titles == [f"Linf, ε = 8/255, 10 samples\nattacks made on {name}" for name in "ab"]
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["b", "a"]


def pairs(runs) -> set[tuple[str, str]]:
    return {(run.source_name, run.name) for run in runs}


def test_without_surrogates_every_model_is_a_target_of_all_others() -> None:
    assert pairs(black_box.runs(load_profile("demo"))) == {
        ("natural", "standard-at"),
        ("standard-at", "natural"),
    }


def test_surrogates_alone_are_attacked_where_there_are_some() -> None:
    content = load_profile("demo").model_dump()
    content["surrogates"] = [{"reference": "surrogate.safetensors", "arch": "medium-cnn"}]
    assert pairs(black_box.runs(Profile.model_validate(content))) == {
        ("surrogate", "natural"),
        ("surrogate", "standard-at"),
    }


def test_surrogates_and_targets_are_of_the_same_norm() -> None:
    content = load_profile("demo").model_dump()
    names = ("namid@0", "namid-l2@0")
    content["models"] = [{"reference": f"zoo:fashion-mnist/{name}"} for name in names]
    content["surrogates"] = [{"reference": f"vgg{end}.pt", "arch": "a"} for end in ("", "-l2")]
    content["transfers"] += ({**content["transfers"][0], "norm": "L2"},)
    runs = black_box.runs(Profile.model_validate(content))
    assert [(run.norm, run.source_name, run.name) for run in runs] == [
        ("Linf", "vgg", "namid@0"),
        ("L2", "vgg-l2", "namid-l2@0"),
    ]


@pytest.fixture(scope="module")
def transferred() -> pd.DataFrame:
    """Three defenses, three seeds each, shown the samples of one surrogate."""
    few = {name: made_up.DEFENSES[name] for name in ("standard-at", "wmim", "namid")}
    rows = made_up.rows(few, samples=200).drop(columns="certified")
    rows = rows.assign(name=rows["model"], source_name="vgg", norm="Linf", eps="0.1")
    return rows.assign(attack=rows["attack"].replace("pgd-40", f"pgd-40{EVERY_STEP}"))


def test_beside_a_surrogate_stand_gains_and_published_numbers(transferred) -> None:
    found = black_box.layout(black_box.table(transferred))
    assert list(found) == [
        "Linf 0.1, 200 samples",
        "Linf 0.1, gain over standard-at in points",
        "Linf 0.1, published beside ours",
        "Linf 0.1, moved by the attack on the source, %",
    ]
    accuracy, gain, beside, _ = found.values()
    names = ["vgg → standard-at", "vgg → wmim", "vgg → namid"]
    assert accuracy["source → target"].tolist() == names
    assert gain["source → target"].unique().tolist() == names[1:]
    assert black_box.finding(black_box.table(transferred)).startswith(
        "Accuracy under transferred attacks, clean to worst case: vgg → standard-at "
    )
    line = beside[beside["source → target"] == "vgg → namid"].set_index("attack")
    assert line.loc["pgd-40 = PGD-40", "CIFAR-10"] == "69.6 ± 0.7"
    assert line.loc["pgd-40 = PGD-40", "CIFAR-10 gain"] == "+3.7"


def test_a_source_that_is_a_target_too_is_not_the_papers_surrogate(frame) -> None:
    named = {"a": "natural", "b": "standard-at"}
    frame["name"], frame["source_name"] = frame["name"].map(named), frame["source_name"].map(named)
    titles = list(black_box.layout(black_box.table(frame)))
    assert titles == ["Linf 8/255, 10 samples", "Linf 8/255, moved by the attack on the source, %"]


def test_panels_side_by_side_share_an_axis_that_holds_all_gains(transferred) -> None:
    near = transferred.assign(norm="L2")
    first = transferred.assign(robust=transferred["robust"] & (transferred["name"] != "namid@0"))
    both = pd.concat([first, near], ignore_index=True)
    table = black_box.table(both)
    drawn = black_box.figure(both, table)
    low, high = drawn.axes[2].get_ylim()
    assert low < 100 * table["gain_low"].min()
    assert high > 100 * table["gain_high"].max()


def test_targets_of_l2_are_named_alike_and_sources_are_not(transferred) -> None:
    l2 = transferred.assign(norm="L2", source_name="vgg-l2")
    l2["name"] = l2["name"].str.replace("@", "-l2@")
    found = black_box.layout(black_box.table(pd.concat([transferred, l2], ignore_index=True)))
    first, second = list(found.values())[:2]
    expected = first["source → target"].str.replace("vgg →", "vgg-l2 →")
    assert second["source → target"].tolist() == expected.tolist()

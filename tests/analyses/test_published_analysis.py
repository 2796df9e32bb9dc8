"""Reported against measured: pairs from made-up records, and which are asked for."""

import io

import made_up
import pandas as pd
import pytest

from analyses import published
from workbench.errors import InputError
from workbench.profiles import Profile, load_profile


def profile(**changes: object) -> Profile:
    return Profile.model_validate(load_profile("demo").model_dump() | changes)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Published defenses, three seeds, white-box and by one surrogate, under Linf."""
    truth = {k: v for k, v in made_up.DEFENSES.items() if k != "natural"}
    white = made_up.rows(truth, samples=200)
    black = made_up.rows(truth, samples=200, seed=1).assign(source_name="vgg")
    black["attack"] = black["attack"].replace("autoattack", "apgd-ce")
    rows = pd.concat([white, black], ignore_index=True)
    return rows.assign(name=rows["model"], norm="Linf", eps="0.1")


def test_a_line_per_published_number(frame) -> None:
    table = published.table(frame)
    by = table.groupby(["setting", "dataset"]).size().to_dict()
    assert by == {
        ("white-box", "CIFAR-10"): 35,
        ("white-box", "Tiny-ImageNet"): 35,
        ("black-box", "CIFAR-10"): 15,
        ("black-box", "Tiny-ImageNet"): 15,
    }
    assert set(table["source"]) == {"", "vgg"}
    one = table[
        (table["setting"] == "black-box")
        & (table["dataset"] == "CIFAR-10")
        & (table["defense"] == "wmim")
        & (table["attack"] == "apgd-ce")
    ].iloc[0]
    rows = frame[(frame["source_name"] == "vgg") & (frame["attack"] == "apgd-ce")]
    ours = rows[rows["name"].str.startswith("wmim")]["robust"].mean()
    theirs = rows[rows["name"].str.startswith("standard-at")]["robust"].mean()
    assert one["measured"] == pytest.approx(ours)
    assert one["measured_gain"] == pytest.approx(ours - theirs)
    assert one["reported"] == pytest.approx(0.5786)
    assert one["reported_gain"] == pytest.approx(0.5786 - 0.6093)


def test_the_finding_counts_equal_signs() -> None:
    table = pd.DataFrame(
        {
            "dataset": "CIFAR-10",
            "norm": ["Linf", "L2", "L2", "Linf", "Linf", "L2", "Linf"],
            "reported_attack": ["AA", "AA", "AA", "AA", "none", "CW", "FWA-40"],
            "reported_gain": [0.01, 0.02, 0.03, None, 0.01, 0.01, 0.01],
            "measured_gain": [0.02, 0.04, -0.01, None, -0.5, 0.1, 0.1],
            "holm_p": [0.2, 0.01, 0.001, None, 0.001, 0.001, 0.001],
        }
    )
    said = published.finding(table)
    assert (
        "2 of 3 have the same sign here (1 of 2 under L2, 1 of 1 under Linf;"
        " 1 beyond chance, and 1 of the other sign)" in said
    )
    assert "correlation -0.50" in said


def test_the_layout_and_the_figure(frame) -> None:
    table = published.table(frame)
    assert list(published.layout(table)) == [
        "white-box Linf 0.1, published beside ours",
        "black-box Linf 0.1, published beside ours",
    ]
    drawn = published.figure(frame, table)
    drawn.savefig(io.BytesIO(), format="pdf")
    assert [ax.get_xlabel() for ax in drawn.axes] == [
        "reported accuracy (%)",
        "reported gain (points)",
    ]


def test_only_published_pairs_are_asked_for() -> None:
    runs = published.runs(profile(surrogates=[{"reference": "vgg.pt", "arch": "a"}]))
    assert {run.name for run in runs} == {"standard-at"}
    assert [run.attacks for run in runs] == [
        ("pgd-40", "autoattack", "fwa-40", "ti-dim"),
        ("pgd-40", "cw", "ddn"),
        (
            "pgd-40:stop_at_success=false",
            "apgd-ce:stop_at_success=false",
            "fwa-40:stop_at_success=false",
            "ti-dim:stop_at_success=false",
        ),
    ]


def test_a_profile_without_a_published_pair_is_told_so() -> None:
    with pytest.raises(InputError, match="no published defense"):
        published.runs(profile(models=[{"reference": "zoo:fashion-mnist/natural"}]))

"""Published numbers beside ours: which stand beside which, and by how much they differ."""

import made_up
import numpy as np
import pandas as pd
import pytest

from workbench import tables


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Made-up defenses under both norms."""
    rows = {
        "Linf": made_up.rows(samples=100),
        "L2": made_up.rows(samples=100, attacks=("pgd-40", "cw", "cascade"), truth=_four()),
    }
    parts = [tables.by_defense(part).assign(norm=norm, eps="1") for norm, part in rows.items()]
    return tables.beside(pd.concat(parts, ignore_index=True), "white-box")


def _four() -> dict[str, tuple[float, ...]]:
    return {name: values[:4] for name, values in made_up.DEFENSES.items()}


def line(table: pd.DataFrame, **case: str) -> pd.Series:
    for column, value in case.items():
        table = table[table[column] == value]
    return table.iloc[0]


def test_numbers_of_the_paper_stand_beside_the_same_case(table) -> None:
    found = line(table, norm="Linf", defense="trades", attack="autoattack")
    assert found["reported_attack"] == "AA"
    assert found["CIFAR-10 accuracy"] == pytest.approx(0.4271)
    assert found["Tiny-ImageNet std"] == pytest.approx(0.0051)
    assert found["CIFAR-10 gain"] == pytest.approx(0.4271 - 0.3901)
    assert found["CIFAR-10 difference"] == pytest.approx(found["mean"] - 0.4271)
    assert line(table, norm="L2", defense="namid-m", attack="cw")[
        "CIFAR-10 accuracy"
    ] == pytest.approx(0.3619)


def test_what_is_not_published_has_no_number(table) -> None:
    for case in (
        {"norm": "Linf", "defense": "natural", "attack": "pgd-40"},
        {"norm": "Linf", "defense": "namid", "attack": "worst case"},
        {"norm": "Linf", "defense": "namid", "attack": "cascade"},  # autoattack is there
        {"norm": "L2", "defense": "namid", "attack": "cascade"},  # no AA in Table 4
    ):
        assert np.isnan(line(table, **case)["CIFAR-10 accuracy"]), case


def test_no_line_is_lost_or_doubled(table) -> None:
    assert len(table) == 8 * 3 * (7 + 5)
    assert not table.duplicated(["norm", "model", "attack"]).any()


def test_a_pair_per_published_number(table) -> None:
    pairs = tables.pairs(table)
    assert len(pairs) == 2 * 7 * (5 + 3)  # both data sets: none, PGD-40, AA, FWA-40, TI-DIM; CW
    found = line(pairs, norm="Linf", defense="wmim", attack="fwa-40", dataset="CIFAR-10")
    ours = line(table, norm="Linf", defense="wmim", attack="fwa-40")
    assert found["reported"] == pytest.approx(0.1214)
    assert found["reported_gain"] == pytest.approx(0.1214 - 0.1544)
    assert found["measured"] == ours["mean"]
    assert found["measured_gain"] == ours["mean_gain"]
    assert found["difference"] == pytest.approx(ours["mean"] - 0.1214)


def test_the_layout_names_the_data_and_signs_the_differences(table) -> None:
    found = tables.pair_texts(tables.pairs(table))
    assert list(found) == ["Linf 1, published beside ours", "L2 1, published beside ours"]
    texts = found["Linf 1, published beside ours"]
    shown = line(texts, defense="trades", attack="autoattack = AA")
    ours = line(table, norm="Linf", defense="trades", attack="autoattack")
    assert shown["CIFAR-10"] == "42.7 ± 0.5"
    assert shown["ours"] == f"{100 * ours['mean']:.1f} ± {100 * ours['std']:.1f}"
    assert shown["ours − CIFAR-10"] == f"{100 * ours['mean'] - 42.71:+.1f}"
    assert shown["CIFAR-10 gain"] == "+3.7"
    assert line(texts, defense="standard-at")["our gain"] == ""


def test_where_nothing_is_published_there_is_no_table(table) -> None:
    natural = table[table["defense"] == "natural"]
    assert tables.pair_texts(tables.pairs(natural)) == {}

"""The paper's tables: facts copied from it, and names that must exist here."""

import pandas as pd
import pytest
from conftest import SHARED

from workbench import attacks, defenses, published


def line(**case: str) -> pd.Series:
    """The one published line of a case."""
    table = published.accuracies()
    for column, value in case.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_a_published_number_and_its_gain() -> None:
    namid = line(
        dataset="CIFAR-10", norm="Linf", setting="white-box", defense="namid", attack="PGD-40"
    )
    assert (namid["accuracy"], namid["std"]) == pytest.approx((0.4479, 0.0050))
    assert namid["gain"] == pytest.approx(0.4479 - 0.4238)
    transferred = line(
        dataset="Tiny-ImageNet", norm="L2", setting="black-box", defense="wmim", attack="DDN"
    )
    assert transferred["table"] == 6
    assert transferred["gain"] == pytest.approx(0.3025 - 0.3279)


def test_only_the_baseline_has_no_gain() -> None:
    table = published.accuracies()
    assert (table["gain"].isna() == (table["defense"] == published.BASELINE)).all()


def test_every_name_of_the_paper_is_known_here() -> None:
    table = pd.read_csv(published.FILE)
    assert set(table["defense"]) == set(published.DEFENSES)
    assert set(table["attack"]) == set(published.ATTACKS)
    assert set(table["dataset"]) == set(published.DATASETS)
    assert set(published.DEFENSES.values()) <= set(defenses.DEFENSES)
    named = (published.ATTACKS, published.TRANSFERRED)
    ours = {name for found in named for names in found.values() for name in names}
    assert ours <= set(attacks.ATTACKS)


def test_each_table_has_each_defense_under_each_attack() -> None:
    cases = published.accuracies().groupby("table")
    shapes = {t: part.groupby(["dataset", "defense"]).size().tolist() for t, part in cases}
    assert shapes == {3: [5] * 14, 4: [4] * 14, 5: [5] * 6, 6: [4] * 6}


def test_of_attacks_that_stand_for_one_the_nearest_is_taken() -> None:
    assert published.counterparts(["cascade", "cascade-exact"]) == {"cascade-exact": "AA"}
    assert published.counterparts(["square", "pgd-40:restarts=5"]) == {}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared folder is not there")
def test_the_file_is_the_shared_one() -> None:
    shared = SHARED / "data" / "paper_tables.csv"
    assert published.FILE.read_bytes() == shared.read_bytes()

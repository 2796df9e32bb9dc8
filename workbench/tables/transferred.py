"""Accuracies of models under attacks that were made on others: frame -> frame."""

from collections.abc import Mapping

import pandas as pd

from workbench.tables.accuracy import CLEAN, WORST_CASE, accuracies
from workbench.tables.text import percent


def transferred(rows: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """A line per source, target and attack, with the columns of `accuracies`.

    rows: of records.ATTACK_COLUMNS with source. names: of the models, by their fingerprints.
    Columns: source, target, attack, samples, accuracy, low, high.
    """
    parts = [
        accuracies(part).assign(source=names[source], target=names[target])
        for (source, target), part in rows.groupby(["source", "model"], sort=False)
    ]
    columns = ["source", "target", "attack", "samples", "accuracy", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns]


def transfer_texts(table: pd.DataFrame) -> pd.DataFrame:
    """`transferred` as a matrix of texts: a line per attack and source, a column per target."""
    clean = table["attack"] == CLEAN
    shown = table.assign(source=table["source"].mask(clean, ""))
    shown = shown[shown["attack"] != WORST_CASE]
    values = shown[["accuracy", "low", "high"]].to_numpy()
    texts = shown.assign(text=[percent(*row) for row in values])
    wide = texts.pivot_table(
        index=["attack", "source"], columns="target", values="text", aggfunc="first", sort=False
    )
    return wide.reset_index().rename_axis(columns=None)

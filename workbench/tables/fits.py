"""Numbers of many fits, of models and critics trained anew, as one line per defense."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

from workbench.statistics import Estimate
from workbench.tables.defenses import Titled, named, trained_under
from workbench.tables.text import estimate, percent

T = TypeVar("T", bound=Titled)


def one_of_each(norm: str, models: Sequence[T]) -> list[T]:
    """The first model of each defense, of those that belong to a norm."""
    found: dict[str, T] = {}
    for model in trained_under(norm, models):
        found.setdefault(named(model.title)[0], model)
    return list(found.values())


def over_fits(table: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Mean and standard deviation of a value over fits: a line per defense and group.

    table: a line per fit, with model, and value, value_low, value_high. Columns: defense, `by`;
    fits, those that have the value; mean, std (NaN of one fit); low, high, the means of the fits'
    own 95 % intervals over samples, which are no narrower than the mean's.
    """
    named_too = table.assign(defense=[named(model)[0] for model in table["model"]])
    return (
        named_too.groupby(["defense", *by], sort=False)
        .agg(
            fits=(value, "count"),
            mean=(value, "mean"),
            std=(value, "std"),
            low=(f"{value}_low", "mean"),
            high=(f"{value}_high", "mean"),
        )
        .reset_index()
    )


def fit_texts(table: pd.DataFrame, by: Sequence[str], values: Mapping[str, str]) -> pd.DataFrame:
    """`over_fits` of several values as text: a line per defense and group.

    values: by their headings; shares in per cent where that ends in %.
    """
    columns = {}
    for heading, value in values.items():
        lines = over_fits(table, by, value)
        write = percent if heading.endswith("%") else _number
        numbers = zip(lines["mean"], lines["low"], lines["high"], lines["std"], strict=True)
        columns[heading] = ["none" if np.isnan(line[0]) else write(*line) for line in numbers]
    return lines[["defense", *by]].assign(**columns)


def _number(mean: float, low: float, high: float, std: float) -> str:
    return estimate(mean, std, low, high, 3)


def with_ends(name: str, found: Estimate) -> dict[str, float]:
    """A value and its interval as columns: NAME, NAME_low, NAME_high."""
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}

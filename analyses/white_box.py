"""White-box accuracy under each attack (Tables 1, 3 and 4 of the paper).

Accuracies are per cent with exact 95 % intervals. "none" is the clean accuracy; "worst case" counts
a sample as robust when it withstands every attack of its threat model. "proved" is the share of
samples that a sound bound certifies, so that proved ≤ true robust accuracy ≤ worst case.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import EvaluationRun


def runs(profile: Profile) -> list[EvaluationRun]:
    """Every model under every threat model of the profile."""
    return [
        EvaluationRun(
            model.reference,
            model.arch,
            model.title,
            profile.data,
            battery.norm,
            battery.eps,
            battery.attacks,
            profile.samples,
            profile.seed,
            profile.unit_size,
        )
        for battery in profile.threats
        for model in profile.models
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per threat model, model and attack (see tables.bracketed), with norm and eps."""
    return tables.by_threat(frame.assign(model=frame["name"]), tables.bracketed)


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A table per threat model, a line per model, a column per attack: "78.0 [74.1, 81.6]"."""
    return tables.accuracy_texts(table)


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A panel per threat model: accuracy with its interval under each attack."""
    del frame
    return figures.accuracy_panels(table)


def finding(table: pd.DataFrame) -> str:
    """The headline: worst-case accuracy of each model under each threat model."""
    worst = table[table["attack"] == tables.WORST_CASE]
    parts = [
        f"{row.model} {tables.percent(row.accuracy, row.low, row.high)} % ({row.norm} {row.eps}"
        + (f", {100 * row.certified:.1f} % proved)" if row.certified else ")")
        for row in worst.itertuples()
    ]
    return "Robust accuracy, worst case over attacks: " + "; ".join(parts) + "."


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

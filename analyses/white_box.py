"""White-box accuracy under each attack (Tables 1, 3 and 4 of the paper).

Accuracies are per cent with exact 95 % intervals. "none" is the clean accuracy; "worst case" counts
a sample as robust when it withstands every attack of its threat model.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.pyplot import subplots

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
    """A line per threat model, model and attack (see tables.accuracies), with norm and eps."""
    parts = []
    for (norm, eps), part in frame.groupby(["norm", "eps"], sort=False):
        found = tables.accuracies(part.assign(model=part["name"]))
        found.insert(0, "norm", norm)
        found.insert(1, "eps", eps)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def layout(table: pd.DataFrame) -> pd.DataFrame:
    """A line per threat model and model, a column per attack: "78.0 [74.1, 81.6]"."""
    lines = []
    for (norm, eps, model), part in table.groupby(["norm", "eps", "model"], sort=False):
        line = {"threat": f"{norm} {eps}", "model": model, "samples": part["samples"].iloc[0]}
        for row in part.itertuples():
            line[row.attack] = tables.percent(row.accuracy, row.low, row.high)
        lines.append(line)
    texts = pd.DataFrame(lines).fillna("")
    worst = texts.pop(tables.WORST_CASE)
    return texts.assign(**{tables.WORST_CASE: worst})


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A panel per threat model: accuracy with its interval under each attack."""
    del frame
    models = list(dict.fromkeys(table["model"]))
    threats = list(table.groupby(["norm", "eps"], sort=False))
    size = (figures.PAGE, 2.2)
    drawn, axes = subplots(1, len(threats), figsize=size, sharey=True, squeeze=False)
    for ax, ((norm, eps), part) in zip(axes[0], threats, strict=True):
        figures.accuracy_dots(ax, part, models)
        ax.set_title(f"{norm}, ε = {eps}, {part['samples'].iloc[0]} samples")
    for ax in axes[0][1:]:
        ax.set_ylabel("")
    handles, labels = axes[0][0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside upper center", ncols=len(models))
    return drawn


def finding(table: pd.DataFrame) -> str:
    """The headline: worst-case accuracy of each model under each threat model."""
    worst = table[table["attack"] == tables.WORST_CASE]
    parts = [
        f"{row.model} {tables.percent(row.accuracy, row.low, row.high)} % ({row.norm} {row.eps})"
        for row in worst.itertuples()
    ]
    return "Robust accuracy, worst case over attacks: " + "; ".join(parts) + "."


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

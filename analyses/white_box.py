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
            model,
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


def accuracies(frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each model under each attack, with norm and eps: shares in [0, 1]."""
    parts = []
    for (norm, eps), part in frame.groupby(["norm", "eps"], sort=False):
        rows = part.assign(model=part["name"])
        parts.append(tables.accuracies(rows).assign(norm=norm, eps=eps))
    return pd.concat(parts, ignore_index=True)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per threat model and model, a column per attack: "78.0 [74.1, 81.6]"."""
    long = accuracies(frame)
    long["text"] = [tables.percent(*row) for row in long[["accuracy", "low", "high"]].to_numpy()]
    parts = []
    for (norm, eps), part in long.groupby(["norm", "eps"], sort=False):
        wide = part.pivot(index=["model", "samples"], columns="attack", values="text")
        wide = wide.loc[list(dict.fromkeys(zip(part["model"], part["samples"], strict=True)))]
        wide = wide[list(dict.fromkeys(part["attack"]))].reset_index()
        wide.insert(0, "threat", f"{norm} {eps}")
        parts.append(wide)
    merged = pd.concat(parts, ignore_index=True).fillna("")
    merged.columns.name = None
    last = merged.pop(tables.WORST_CASE)
    return merged.assign(**{tables.WORST_CASE: last})


def figure(frame: pd.DataFrame) -> Figure:
    """A panel per threat model: accuracy with its interval under each attack."""
    long = accuracies(frame)
    models = list(dict.fromkeys(long["model"]))
    threats = list(long.groupby(["norm", "eps"], sort=False))
    drawn, axes = subplots(1, len(threats), figsize=(figures.PAGE, 2.1), sharey=True, squeeze=False)
    for ax, ((norm, eps), part) in zip(axes[0], threats, strict=True):
        figures.accuracy_dots(ax, part, models)
        ax.set_title(f"{norm}, ε = {eps}, {part['samples'].iloc[0]} samples")
    axes[0][-1].set_ylabel("")
    axes[0][-1].legend()
    return drawn


def finding(frame: pd.DataFrame) -> str:
    """The headline: worst-case accuracy of each model under each threat model."""
    worst = accuracies(frame).query("attack == @tables.WORST_CASE")
    parts = [
        f"{row.model} {tables.percent(row.accuracy, row.low, row.high)} % ({row.norm} {row.eps})"
        for row in worst.itertuples()
    ]
    return "Robust accuracy, worst case over attacks: " + "; ".join(parts) + "."


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

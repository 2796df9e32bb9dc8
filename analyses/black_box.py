"""Black-box accuracy: attacks made on one model, shown to another (Tables 2, 5 and 6 of the paper).

Accuracies are per cent with exact 95 % intervals, a line per source and target. Attacks run every
step on the source: those that stop at a first success end too close to its boundary to transfer.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import TransferRun

EVERY_STEP = ":stop_at_success=false"


def runs(profile: Profile) -> list[TransferRun]:
    """Every model as a target of every other one, and of the surrogates."""
    return [
        TransferRun(
            source.reference,
            source.arch,
            source.title,
            target.reference,
            target.arch,
            target.title,
            profile.data,
            battery.norm,
            battery.eps,
            battery.attacks,
            profile.samples,
            profile.seed,
            profile.unit_size,
        )
        for battery in profile.transfers
        for source in (*profile.surrogates, *profile.models)
        for target in profile.models
        if source.reference != target.reference
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per threat model, pair of models and attack (see tables.accuracies)."""
    pairs = frame["source_name"] + " → " + frame["name"]
    short = frame["attack"].str.removesuffix(EVERY_STEP)
    return tables.by_threat(frame.assign(model=pairs, attack=short), tables.accuracies)


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A table per threat model, a line per pair, a column per attack: "78.0 [74.1, 81.6]"."""
    parts = tables.accuracy_texts(table).items()
    return {name: part.rename(columns={"model": "source → target"}) for name, part in parts}


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A panel per threat model: the target's accuracy with its interval under each attack."""
    del frame
    return figures.accuracy_panels(table)


def finding(table: pd.DataFrame) -> str:
    """The headline: what each pair leaves of the target's clean accuracy."""
    wide = table.pivot(index=["norm", "eps", "model"], columns="attack", values="accuracy")
    shares = 100 * wide[[tables.CLEAN, tables.WORST_CASE]]
    parts = [
        f"{model} {clean:.1f} to {worst:.1f} % ({norm} {eps})"
        for (norm, eps, model), (clean, worst) in zip(shares.index, shares.values, strict=True)
    ]
    return "Accuracy under transferred attacks, clean to worst case: " + "; ".join(parts) + "."


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

"""Defenses against one of them, on the same samples, seed by seed: frame -> frame."""

import pandas as pd

from workbench.statistics import holm
from workbench.tables.accuracy import WORST_CASE, accuracies, by_model, verdicts
from workbench.tables.defenses import by_defense, named, over_pairs
from workbench.tables.layout import THREAT, comparison, without_empty
from workbench.tables.text import ends, percent, points

DIFFERENCE = (  # as defenses.GAIN
    *("difference", "difference_std", "difference_low", "difference_high"),
    *("difference_trained_low", "difference_trained_high", "difference_p"),
)


def compared(rows: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Accuracies (`accuracies`, `by_defense`) with the differences from one defense.

    A line per model and attack; the reference's own differences are NaN.
    """
    found = accuracies(rows).merge(by_defense(rows), on=["model", "attack"])
    return found.merge(differences(rows, reference), "left", on=["attack", "defense"])


def differences(rows: pd.DataFrame, reference: str) -> pd.DataFrame:
    """A line per attack and other defense: its accuracy minus the reference's.

    Columns: attack, defense; paired, the number of seeds that both have; difference,
    difference_std: mean and standard deviation over these; difference_low, difference_high: 95 %
    interval of the mean over samples; difference_trained_low, difference_trained_high: over
    trainings; difference_p: exact p-value over samples (see `over_pairs`); difference_holm: the
    same corrected for the number of defenses.
    Shares in [0, 1]. A defense that shares no seed with the reference has no line.
    Raises ValueError where the models were not attacked on the same samples.
    """
    parts = []
    for attack, column in verdicts(rows).items():
        wide = by_model(column)
        pairs = _pairs([str(model) for model in wide], reference)
        lines = [_line(wide, models) | {"defense": name} for name, models in pairs.items()]
        found = pd.DataFrame(lines, columns=["defense", "paired", *DIFFERENCE])
        corrected = holm(found["difference_p"].to_numpy(float))
        parts.append(found.assign(attack=attack, difference_holm=corrected))
    return pd.concat(parts, ignore_index=True)


def _pairs(models: list[str], reference: str) -> dict[str, list[tuple[str, str]]]:
    """The models of each other defense, each with the reference's of the same seed."""
    by_seed = {named(m)[1]: m for m in models if named(m)[0] == reference}
    found: dict[str, list[tuple[str, str]]] = {}
    for model in models:
        defense, seed = named(model)
        if defense != reference and seed in by_seed:
            found.setdefault(defense, []).append((model, by_seed[seed]))
    return found


def _line(wide: pd.DataFrame, models: list[tuple[str, str]]) -> dict[str, float]:
    """How the first models of all pairs compare with the second ones."""
    first, second = (wide[list(side)].to_numpy() for side in zip(*models, strict=True))
    return {"paired": len(models)} | dict(zip(DIFFERENCE, over_pairs(first, second), strict=True))


def difference_texts(table: pd.DataFrame, reference: str) -> dict[str, pd.DataFrame]:
    """A table per threat model: a line per attack and defense, differences in points.

    table: `differences`, by_threat. ± is the standard deviation over seeds of training; p-values
    are over samples.
    """
    once = table.dropna(subset="difference").drop_duplicates([*THREAT, "attack", "defense"])
    return {
        f"{norm} {eps}, difference from {reference} in points": without_empty(
            pd.DataFrame(
                {"attack": row["attack"], "defense": row["defense"]}
                | comparison("difference", row[[*DIFFERENCE, "difference_holm"]])
                for _, row in part.iterrows()
            )
        )
        for (norm, eps), part in once.groupby(THREAT, sort=False)
    }


def difference_sentence(table: pd.DataFrame, reference: str) -> str:
    """Per threat model in a sentence: worst-case accuracy, and the differences in points.

    table: `compared`, by_threat.
    """
    worst = table[table["attack"] == WORST_CASE].drop_duplicates([*THREAT, "defense"])
    return " ".join(
        _sentence(f"{norm} {eps}", part.set_index("defense"), reference)
        for (norm, eps), part in worst.groupby(THREAT, sort=False)
    )


def _sentence(threat: str, worst: pd.DataFrame, reference: str) -> str:
    own = worst.loc[reference]
    parts = [
        f"{row.Index} {points(row.difference, row.difference_std)} "
        + ends(row.difference_low, row.difference_high)
        for row in worst.dropna(subset="difference").itertuples()
    ]
    accuracy = percent(*own[["mean", "mean_low", "mean_high", "std"]])
    against = f"; against it in points: {', '.join(parts)}" if parts else ""
    return f"Worst case under {threat}: {reference} {accuracy} %{against}."

"""From records to accuracies: frame -> frame."""

from collections.abc import Callable

import pandas as pd

from workbench.statistics import proportion

WORST_CASE = "worst case"
CLEAN = "none"


def verdicts(rows: pd.DataFrame) -> pd.DataFrame:
    """One column of verdicts per attack, one row per model and sample (True is robust).

    The column "none" says whether the natural sample is classified right, "worst case" whether
    the sample withstands every attack: the mean of minima, never the minimum of means (AUDIT
    C13). Raises ValueError where a sample lacks the verdict of an attack.
    """
    wide = rows.pivot(index=["model", "index"], columns="attack", values="robust")
    if wide.isna().any(axis=None):
        raise ValueError("the attacks did not see the same samples of each model")
    wide = wide.astype(bool)[rows["attack"].unique()]
    wide = wide.reindex(rows["model"].unique(), level="model")
    wide = wide.drop(columns=CLEAN, errors="ignore")
    clean = rows.drop_duplicates(["model", "index"]).set_index(["model", "index"])
    wide.insert(0, CLEAN, (clean["clean_prediction"] == clean["label"]).reindex(wide.index))
    wide[WORST_CASE] = wide.all(axis=1)
    return wide


def flipped(rows: pd.DataFrame) -> pd.Series:
    """Which records are of samples that the attack turned from right to wrong (Eq. 6): bool."""
    return rows["verified"] & (rows["clean_prediction"] == rows["label"])


def by_model(verdict: pd.Series) -> pd.DataFrame:
    """A column of `verdicts` with a row per sample and a column per model (True is robust).

    Raises ValueError where a model lacks a sample that another has.
    """
    wide = verdict.unstack("model")
    if wide.isna().any(axis=None):
        raise ValueError("the models did not see the same samples")
    return wide.astype(bool)


def accuracies(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy under each attack with its exact 95 % interval.

    Columns: model, attack ("none" is the clean accuracy, "worst case" the headline), samples,
    accuracy, low, high; accuracies are shares in [0, 1].
    """
    records = []
    for model, part in verdicts(rows).groupby(level="model", sort=False):
        for attack in part.columns:
            estimate = proportion(part[attack])
            interval = {"accuracy": estimate.value, "low": estimate.low, "high": estimate.high}
            records.append({"model": model, "attack": attack, "samples": len(part), **interval})
    return pd.DataFrame(records)


def bracketed(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracies, and the share of samples that a sound bound proves robust ("certified").

    Of these samples' true robust accuracy, certified ≤ true ≤ accuracy. The bound is that of each
    attack; the worst case has what any of them proved; the clean accuracy has none (NaN).
    """
    by_attack = rows.groupby(["model", "attack"])["certified"].mean()
    anyhow = rows.groupby(["model", "index"])["certified"].any().groupby(level="model").mean()
    worst = {(model, WORST_CASE): share for model, share in anyhow.items()}
    shares = by_attack.drop(CLEAN, level="attack", errors="ignore").to_dict() | worst
    table = accuracies(rows)
    pairs = zip(table["model"], table["attack"], strict=True)
    return table.assign(certified=[shares.get(pair, float("nan")) for pair in pairs])


def by_threat(
    frame: pd.DataFrame,
    count: Callable[[pd.DataFrame], pd.DataFrame],
    keys: tuple[str, ...] = ("norm", "eps"),
) -> pd.DataFrame:
    """A table of each threat model's records, one below the other, with norm and eps in front.

    keys: what else parts the records, and stands in front.
    """
    parts = []
    for values, part in frame.groupby(list(keys), sort=False):
        found = count(part)
        for place, (key, value) in enumerate(zip(keys, values, strict=True)):
            found.insert(place, key, value)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def total_costs(costs: pd.DataFrame) -> pd.DataFrame:
    """Passes (in images) and seconds of each model and attack, summed over units."""
    columns = ["samples", "forward_passes", "backward_passes", "seconds"]
    return costs.groupby(["model", "attack"], sort=False)[columns].sum().reset_index()

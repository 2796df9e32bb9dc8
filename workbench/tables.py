"""From records to tables: frame -> frame, and the forms in which a table is written."""

import pandas as pd

from workbench.statistics import clopper_pearson

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
    wide = wide.astype(bool)[list(dict.fromkeys(rows["attack"]))]
    clean = rows.drop_duplicates(["model", "index"]).set_index(["model", "index"])
    wide.insert(0, CLEAN, (clean["clean_prediction"] == clean["label"]).reindex(wide.index))
    wide[WORST_CASE] = wide.all(axis=1)
    return wide


def accuracies(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy under each attack with its exact 95 % interval.

    Columns: model, attack ("none" is the clean accuracy, "worst case" the headline), samples,
    accuracy, low, high; accuracies are shares in [0, 1].
    """
    records = []
    for model, part in verdicts(rows).groupby(level="model", sort=False):
        for attack in part.columns:
            estimate = clopper_pearson(int(part[attack].sum()), len(part))
            interval = {"accuracy": estimate.value, "low": estimate.low, "high": estimate.high}
            records.append({"model": model, "attack": attack, "samples": len(part), **interval})
    return pd.DataFrame(records)


def total_costs(costs: pd.DataFrame) -> pd.DataFrame:
    """Passes (in images) and seconds of each model and attack, summed over units."""
    columns = ["samples", "forward_passes", "backward_passes", "seconds"]
    return costs.groupby(["model", "attack"], sort=False)[columns].sum().reset_index()


def percent(accuracy: float, low: float, high: float) -> str:
    """An accuracy with its interval as text, in percent.

    >>> percent(0.5, 0.4, 0.6)
    '50.0 [40.0, 60.0]'
    """
    return f"{100 * accuracy:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def markdown(table: pd.DataFrame) -> str:
    """A table of texts and numbers in Markdown; numbers are aligned right."""
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]
    rule = ["---:" if right else "---" for right in numeric]
    lines = [
        list(table.columns),
        rule,
        *([str(v) for v in row] for row in table.itertuples(index=False)),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def latex(table: pd.DataFrame, caption: str) -> str:
    """A table in LaTeX with booktabs rules; special characters are escaped."""
    return (
        table.style.hide(axis="index")
        .format(escape="latex")
        .format_index(escape="latex", axis="columns")
        .to_latex(hrules=True, caption=caption, position="t", position_float="centering")
    )

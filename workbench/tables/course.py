"""MI over ε or over epochs of training, frame -> frame."""

from typing import Any

import numpy as np
import pandas as pd

from workbench.tables.defenses import named
from workbench.tables.observation import DIVERGED, QUANTITIES, observation
from workbench.tables.text import interval


def course(frame: pd.DataFrame, by: str) -> pd.DataFrame:
    """A line per model, quantity and value of the column `by`, in rising order.

    frame: records with model, critic_seed and `by`. Columns: `by`, and those of `observation`.
    """
    parts = [
        observation(part).assign(**{by: value}) for value, part in frame.groupby(by, sort=False)
    ]
    found = pd.concat(parts, ignore_index=True)
    found = found[found["quantity"].isin(QUANTITIES)]
    return found.sort_values(by, kind="stable").reset_index(drop=True)


def course_texts(table: pd.DataFrame, by: str, heading: str) -> dict[str, pd.DataFrame]:
    """`course` as it is printed: for each quantity, a line per defense and value of `by`."""
    return {
        f"critic of {quantity}, scores in nats": pd.DataFrame(
            {
                "defense": named(row.model)[0],
                heading: f"{getattr(row, by):.3g}",
                "misclassified %": f"{100 * row.misclassified:.1f}",
                **_scores(row),
            }
            for _, own in part.groupby("model", sort=False)
            for row in own.itertuples()
        ).fillna("")
        for quantity, part in table.groupby("quantity", sort=False)
    }


def _scores(row: Any) -> dict[str, str]:
    """The scores of one line, or that there are none."""
    if np.isnan(row.auroc):
        return {"AUROC": DIVERGED}
    return {
        "natural outputs": f"{row.natural_mean:.2f} ± {row.natural_std:.2f}",
        "adversarial outputs": f"{row.adversarial_mean:.2f} ± {row.adversarial_std:.2f}",
        "AUROC": interval(row.auroc, row.auroc_low, row.auroc_high),
    }


def course_sentence(table: pd.DataFrame, by: str, heading: str) -> str:
    """How AUROC of both quantities goes from the smallest to the largest value of `by`."""
    parts = []
    for model, own in table.groupby("model", sort=False):
        ways = [
            f"{quantity} {_told(part['auroc'].iloc[0])} to {_told(part['auroc'].iloc[-1])}"
            for quantity, part in own.groupby("quantity", sort=False)
        ]
        parts.append(f"{named(str(model))[0]}: " + ", ".join(ways))
    smallest, largest = table[by].min(), table[by].max()
    return f"AUROC of MI from {heading} {smallest:g} to {largest:g}: " + "; ".join(parts) + "."


def _told(auroc: float) -> str:
    return DIVERGED if np.isnan(auroc) else f"{auroc:.2f}"

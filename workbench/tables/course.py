"""MI over ε or over epochs of training, frame -> frame."""

import pandas as pd

from workbench.tables.defenses import named
from workbench.tables.observation import QUANTITIES, observation
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
        f"{quantity} (nats)": pd.DataFrame(
            {
                "defense": named(row.model)[0],
                heading: f"{getattr(row, by):.3g}",
                "misclassified %": f"{100 * row.misclassified:.1f}",
                "natural outputs": f"{row.natural_mean:.2f} ± {row.natural_std:.2f}",
                "adversarial outputs": f"{row.adversarial_mean:.2f} ± {row.adversarial_std:.2f}",
                "AUROC": interval(row.auroc, row.auroc_low, row.auroc_high),
            }
            for _, own in part.groupby("model", sort=False)
            for row in own.itertuples()
        )
        for quantity, part in table.groupby("quantity", sort=False)
    }


def course_sentence(table: pd.DataFrame, by: str, heading: str) -> str:
    """How AUROC of both quantities goes from the smallest to the largest value of `by`."""
    parts = []
    for model, own in table.groupby("model", sort=False):
        ways = [
            f"{quantity} {part['auroc'].iloc[0]:.2f} to {part['auroc'].iloc[-1]:.2f}"
            for quantity, part in own.groupby("quantity", sort=False)
        ]
        parts.append(f"{named(str(model))[0]}: " + ", ".join(ways))
    smallest, largest = table[by].min(), table[by].max()
    return f"AUROC of MI from {heading} {smallest:g} to {largest:g}: " + "; ".join(parts) + "."

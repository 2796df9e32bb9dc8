"""The paper's observation: how far MI tells adversarial from natural outputs, frame -> frame."""

from typing import Any

import numpy as np
import pandas as pd

from workbench.statistics import cohens_d, paired_auroc, sign_share
from workbench.tables.accuracy import flipped
from workbench.tables.text import interval, mean_std, percent

# quantity: the columns of natural and of adversarial outputs, and where the paper sees the latter;
# contrast scores are no MI
QUANTITIES = {
    "natural MI": ("natural_mi_natural", "natural_mi_adversarial", -1),
    "adversarial MI": ("adversarial_mi_natural", "adversarial_mi_adversarial", 1),
    "natural contrast score": ("natural_contrast_natural", "natural_contrast_adversarial", -1),
    "adversarial contrast score": (
        "adversarial_contrast_natural",
        "adversarial_contrast_adversarial",
        1,
    ),
}
DIVERGED = "diverged"
EFFECT = (
    *("natural_mean", "natural_std", "adversarial_mean", "adversarial_std"),
    *("auroc", "auroc_low", "auroc_high", "cohens_d"),
    *("in_order", "in_order_low", "in_order_high"),
)
# what a reader can have without a critic; as MI it knows no label, unlike the margin
BASELINE = {"logit gap": ("clean_gap", "adversarial_gap", -1)}


def observation(rows: pd.DataFrame) -> pd.DataFrame:
    """How far the paper's observation holds: a line per model, critic seed and quantity.

    Columns: model, critic_seed, quantity ("logit gap", of the largest logit to the
    second, is a baseline without a critic), samples;
    misclassified, the share of adversarial samples that are; natural_mean, natural_std,
    adversarial_mean, adversarial_std of the outputs' values (nats; the gap in logits); auroc,
    auroc_low, auroc_high of telling adversarial from natural outputs, above 0.5 where the
    observation holds; cohens_d; in_order, in_order_low, in_order_high, the share of samples whose
    own two values are in the observation's order; flipped, the number of samples that the attack
    flips from right to wrong (Eq. 6), and flipped_auroc, _low, _high over those alone (NaN below
    two). Numbers of a critic whose fit diverged are NaN.
    """
    told = {name: columns for name, columns in QUANTITIES.items() if columns[0] in rows}
    records = []
    for (model, seed), part in rows.groupby(["model", "critic_seed"], sort=False):
        wrong = part["adversarial_prediction"] != part["label"]
        turned = part[flipped(part)]
        for quantity, columns in (told | BASELINE).items():
            names = {"model": model, "critic_seed": seed, "quantity": quantity}
            counts = {"samples": len(part), "misclassified": float(wrong.mean())}
            few = {f"flipped_{k}": v for k, v in _effect(turned, columns).items() if "auroc" in k}
            effect = _effect(part, columns)
            records.append({**names, **counts, **effect, "flipped": len(turned), **few})
    return pd.DataFrame(records)


def _effect(part: pd.DataFrame, columns: tuple[str, str, int]) -> dict[str, float]:
    """Means, AUROC, effect size and order of one quantity over some samples."""
    natural, adversarial, sign = columns
    if len(part) < 2 or part[[natural, adversarial]].isna().any(axis=None):
        return dict.fromkeys(EFFECT, float("nan"))
    high = sign * part[adversarial].to_numpy(np.float64)
    low = sign * part[natural].to_numpy(np.float64)
    auroc, share = paired_auroc(high, low), sign_share(high, low)
    numbers = (
        *(part[natural].mean(), part[natural].std()),
        *(part[adversarial].mean(), part[adversarial].std()),
        *(auroc.value, auroc.low, auroc.high, cohens_d(high, low)),
        *(share.value, share.low, share.high),
    )
    return dict(zip(EFFECT, map(float, numbers), strict=True))


def observation_texts(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of `observation` as they are printed, and mean ± std over critic seeds.

    AUROCs carry their 95 % interval, the lines over seeds their standard deviation.
    """
    lines = []
    for (model, quantity), part in table.groupby(["model", "quantity"], sort=False):
        name = {"model": model, "quantity": quantity}
        if quantity in BASELINE:
            part = part.head(1).assign(critic_seed="")
        lines += [name | _observation_text(row) for row in part.itertuples()]
        part = part.dropna(subset="auroc")
        if len(part) > 1:
            lines.append(
                name
                | {
                    "critic seed": "mean ± std",
                    "AUROC": mean_std(part["auroc"], 4),
                    "Cohen's d": mean_std(part["cohens_d"], 2),
                    "AUROC, flipped": mean_std(part["flipped_auroc"], 4),
                }
            )
    return pd.DataFrame(lines).fillna("")


def _observation_text(row: Any) -> dict[str, str]:
    """One line of `observation` as text."""
    if np.isnan(row.auroc):
        return {"critic seed": str(row.critic_seed), "AUROC": DIVERGED}
    turned = "none"
    if row.flipped >= 2:
        turned = interval(row.flipped_auroc, row.flipped_auroc_low, row.flipped_auroc_high)
    return {
        "critic seed": str(row.critic_seed),
        "natural outputs": f"{row.natural_mean:.2f} ± {row.natural_std:.2f}",
        "adversarial outputs": f"{row.adversarial_mean:.2f} ± {row.adversarial_std:.2f}",
        "AUROC": interval(row.auroc, row.auroc_low, row.auroc_high),
        "Cohen's d": f"{row.cohens_d:.2f}",
        "in order %": percent(row.in_order, row.in_order_low, row.in_order_high),
        "AUROC, flipped": f"{turned} ({row.flipped})",
    }

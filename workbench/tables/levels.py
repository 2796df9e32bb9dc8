"""Per-sample scores over samples, models and critics: frame -> frame."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from workbench.statistics import LEVEL
from workbench.tables.defenses import named
from workbench.tables.observation import DIVERGED, QUANTITIES, observation
from workbench.tables.text import estimate

PAIR = ["name", "critic_seed"]  # a model and the critics that were fitted to it


def levels(
    rows: pd.DataFrame, by: Sequence[str], scores: Mapping[str, Mapping[str, str]]
) -> pd.DataFrame:
    """The mean of each score: a line per group and score.

    rows: of records.INFORMATION_COLUMNS, with name and the columns `by`. scores: what stands in the
    line of each score's column.
    Columns: `by`, those of `scores`; samples; misclassified, the share of adversarial samples that
    are; fits, of critics that gave values, one per model and critic seed; diverged, of those that
    gave none; mean; std over fits; low, high: 95 % interval over samples, of each sample's mean
    over fits, so that it holds for these models and critics on further samples; null, the mean of
    the score's null. NaN where every fit diverged.
    """
    lines = []
    for keys, part in rows.groupby(list(by), sort=False):
        wrong = float((part["adversarial_prediction"] != part["label"]).mean())
        group = dict(zip(by, keys, strict=True)) | {"misclassified": wrong}
        lines += [{**group, **names, **_level(part, column)} for column, names in scores.items()]
    return pd.DataFrame(lines)


def _level(part: pd.DataFrame, column: str) -> dict[str, float]:
    """The mean of one score over samples and fits."""
    wide = part.pivot(index="index", columns=PAIR, values=column)
    fitted = wide.dropna(axis=1, how="all")
    own = fitted.mean(axis=1)
    mean, width = own.mean(), ndtri(0.5 + LEVEL / 2) * own.std() / np.sqrt(len(own))
    return {
        "samples": len(wide),
        "fits": fitted.shape[1],
        "diverged": wide.shape[1] - fitted.shape[1],
        "mean": mean,
        "std": fitted.mean().std(),
        "low": mean - width,
        "high": mean + width,
        "null": part[f"{column}_null"].mean(),
    }


def level_text(line: Mapping[str, float]) -> str:
    """A line of `levels` as text: "4.01 ± 0.10 [3.95, 4.08]"; "diverged" where every fit did.

    Where some did: "4.01 ± 0.10 [3.95, 4.08] of 7 of 9 fits".
    """
    if np.isnan(line["mean"]):
        return DIVERGED
    text = estimate(line["mean"], line["std"], line["low"], line["high"], 2)
    fits, lost = line["fits"], line["diverged"]
    return f"{text} of {fits} of {fits + lost} fits" if lost else text


def separation(rows: pd.DataFrame) -> pd.DataFrame:
    """How far scores tell adversarial from natural outputs: a line per defense and quantity.

    rows: of any critics, with name. Columns: defense, quantity, and of the fits that gave values
    the means and standard deviations of what `observation` says of each: auroc, auroc_std,
    cohens_d, cohens_d_std, in_order, in_order_std, flipped, flipped_auroc, flipped_auroc_std;
    auroc_low, auroc_high: means of the ends of the fits' own 95 % intervals, which are no narrower
    than the mean's.
    """
    objectives = rows.groupby("objective", sort=False)
    parts = [observation(part.assign(model=part["name"])) for _, part in objectives]
    found = pd.concat(parts, ignore_index=True).dropna(subset="auroc")
    found = found[found["quantity"].isin(QUANTITIES)]
    values = ("auroc", "cohens_d", "in_order", "flipped_auroc")
    means = {name: (name, "mean") for name in (*values, "auroc_low", "auroc_high", "flipped")}
    spreads = {f"{name}_std": (name, "std") for name in values}
    found = found.assign(defense=[named(model)[0] for model in found["model"]])
    groups = found.groupby(["defense", "quantity"], sort=False)
    return groups.agg(**means, **spreads).reset_index()

"""Whether what is known of a natural sample foretells that it will fall, frame -> frame."""

import pandas as pd

from workbench.statistics import auroc
from workbench.tables.observation import BASELINE, QUANTITIES

# quantity: its column of natural outputs
FORETELLERS = {name: (QUANTITIES | BASELINE)[name][0] for name in ("natural MI", *BASELINE)}
AREA = ("auroc", "auroc_low", "auroc_high")


def foretelling(rows: pd.DataFrame, robust: pd.Series) -> pd.DataFrame:
    """How well low values of natural samples tell those that an attack breaks from the others.

    rows: of records.INFORMATION_COLUMNS. robust: verdicts (bool) by the samples' index. Only
    samples that are classified right count. A line per critic seed and quantity, the logit gap
    once: critic_seed, quantity, fallen and standing (numbers of samples), auroc, auroc_low,
    auroc_high: above 0.5 where those that fall have the lower values. None where fewer than two
    fall or stand, or where the critic diverged.
    """
    right = rows[rows["clean_prediction"] == rows["label"]]
    right = right.assign(stands=robust.reindex(right["index"]).to_numpy(bool))
    lines = []
    for seed, part in right.groupby("critic_seed", sort=False):
        stands, falls = part[part["stands"]], part[~part["stands"]]
        if min(len(stands), len(falls)) < 2:
            continue
        for quantity, column in FORETELLERS.items():
            if part[column].isna().any():
                continue
            found = auroc(stands[column].to_numpy(), falls[column].to_numpy())
            numbers = dict(zip(AREA, (found.value, found.low, found.high), strict=True))
            counts = {"fallen": len(falls), "standing": len(stands)}
            lines.append({"critic_seed": seed, "quantity": quantity, **counts, **numbers})
    columns = ["critic_seed", "quantity", "fallen", "standing", *AREA]
    table = pd.DataFrame(lines, columns=columns)
    again = table["quantity"].isin(BASELINE) & table.duplicated("quantity")
    return table[~again].reset_index(drop=True)

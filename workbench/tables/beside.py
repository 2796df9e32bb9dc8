"""Our numbers beside the published ones: frame -> frame."""

import pandas as pd

from workbench import published
from workbench.published import DATASETS


def beside(table: pd.DataFrame, setting: str) -> pd.DataFrame:
    """The table with the published numbers of the same norm, setting, defense and attack.

    table: columns norm, defense, attack, mean and more. New columns: reported_attack, the paper's
    name of the attack; and for each of the paper's data sets, named before the word: accuracy and
    std as published, difference (ours minus theirs), and gain over standard AT as published.
    Shares in [0, 1], NaN where nothing is published.
    """
    theirs = published.accuracies()
    theirs = theirs[theirs["setting"] == setting]
    table = table.assign(reported_attack=_reported(table, setting))
    case = ["norm", "defense", "reported_attack"]
    for name in DATASETS:
        part = theirs[theirs["dataset"] == name].rename(columns={"attack": "reported_attack"})
        part = part[[*case, "accuracy", "std", "gain"]]
        columns = {kind: f"{name} {kind}" for kind in ("accuracy", "std", "gain")}
        table = table.merge(part.rename(columns=columns), "left", on=case)
        table[f"{name} difference"] = table["mean"] - table[f"{name} accuracy"]
    return table


def _reported(table: pd.DataFrame, setting: str) -> pd.Series:
    """The paper's name of each line's attack, "" where it has none."""
    found = pd.Series("", index=table.index)
    for _, part in table.groupby("norm"):
        names = published.counterparts(set(part["attack"]), setting)
        found[part.index] = part["attack"].map(names).fillna("")
    return found


def pairs(table: pd.DataFrame) -> pd.DataFrame:
    """A line per published number and ours: reported against measured.

    table: of `by_defense` and `beside`. Columns: the table's own that name the case (norm, eps,
    setting and source where it has them, defense, attack, reported_attack), dataset; reported,
    reported_std, measured, measured_std, low, high, difference; reported_gain, measured_gain,
    std_gain, gain_low, gain_high, mean_p, holm_p.
    """
    ours = {"mean": "measured", "std": "measured_std", "mean_low": "low", "mean_high": "high"}
    accuracy = [*ours.values()]
    ours["mean_gain"] = "measured_gain"
    gains = ["measured_gain", "std_gain", "gain_low", "gain_high", "mean_p", "holm_p"]
    case = ["setting", "source", "norm", "eps", "defense", "attack", "reported_attack"]
    once = [name for name in case if name in table]
    parts = []
    for name in DATASETS:
        theirs = {f"{name} {k}": f"reported_{k}" for k in ("std", "gain")}
        theirs |= {f"{name} accuracy": "reported", f"{name} difference": "difference"}
        part = table.rename(columns=ours | theirs).dropna(subset="reported")
        part = part.drop_duplicates(once).assign(dataset=name)
        theirs_and_ours = ["dataset", "reported", "reported_std", *accuracy, "difference"]
        parts.append(part[[*once, *theirs_and_ours, "reported_gain", *gains]])
    return pd.concat(parts, ignore_index=True)

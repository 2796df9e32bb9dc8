"""Accuracies, gains and published numbers as they are printed: frame -> frames of text."""

from collections.abc import Iterable
from math import isnan
from typing import Any

import pandas as pd

from workbench.published import BASELINE
from workbench.tables.accuracy import WORST_CASE, bracketed, total_costs
from workbench.tables.defenses import GAIN
from workbench.tables.text import ends, p_text, percent, points, spread

CERTIFIED = "proved"
OVER_SAMPLES, OVER_TRAININGS = "95 % over samples", "95 % over trainings"
THREAT = ["norm", "eps"]
SURE = 0.05  # a p-value below it, corrected, decides


def accuracy_texts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A table per threat model, a line per defense, a column per attack: "62.8 ± 1.1 [60.9, 64.5]".

    table: `accuracies` or `bracketed`, with `by_defense`, by_threat. ± is the standard deviation
    over seeds of training, the interval is over samples. The worst case comes last, and behind it,
    where something was proved, the share that a bound certifies, mean over seeds.
    """
    return {
        f"{norm} {eps}, {part['samples'].iloc[0]} samples": _accuracy_lines(part)
        for (norm, eps), part in table.groupby(THREAT, sort=False)
    }


def _accuracy_lines(table: pd.DataFrame) -> pd.DataFrame:
    lines = []
    for defense, part in table.groupby("defense", sort=False):
        cells = part.drop_duplicates("attack").set_index("attack")
        order = [*cells.index.drop(WORST_CASE), WORST_CASE]
        columns = ["mean", "mean_low", "mean_high", "std"]
        texts = {name: percent(*cells.loc[name, columns]) for name in order}
        worst = part[part["attack"] == WORST_CASE]
        proved = worst["certified"].mean() if "certified" in part else 0.0
        texts[CERTIFIED] = f"{100 * proved:.1f}" if proved else ""
        lines.append({"defense": defense, **texts})
    found = pd.DataFrame(lines).fillna("")
    return found if found[CERTIFIED].any() else found.drop(columns=CERTIFIED)


def gain_texts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A table per threat model of gains over standard AT, a line per attack and defense.

    table: `by_defense`, by_threat. Gains are in percentage points, ± their standard deviation over
    seeds of training; p-values are over samples. "p" is of the mean over seeds, "p,
    Holm" corrects it for the number of defenses; McNemar's exact p-values follow, one per seed.
    Beside the interval over samples stands Student's over trainings, where there are some.
    """
    compared = table.dropna(subset="mean_gain")
    return {
        f"{norm} {eps}, gain over {BASELINE} in points": _gain_lines(part)
        for (norm, eps), part in compared.groupby(THREAT, sort=False)
    }


def _gain_lines(table: pd.DataFrame) -> pd.DataFrame:
    lines = []
    for (attack, defense), part in _by_attack(table, "attack"):
        row = part.iloc[0]
        seeds = part.dropna(subset="p")
        lines.append(
            {"attack": attack, "defense": defense}
            | comparison("gain", row[[*GAIN, "holm_p"]])
            | {"McNemar's p by seed": ", ".join(map(p_text, seeds["p"]))}
        )
    return without_empty(pd.DataFrame(lines))


def comparison(heading: str, numbers: Iterable[float]) -> dict[str, str]:
    """Cells of a comparison in points; numbers: of `over_pairs`, and the p-value after Holm."""
    mean, std, low, high, trained_low, trained_high, p, corrected = numbers
    trained = "" if isnan(trained_low) else ends(trained_low, trained_high)
    cells = {heading: points(mean, std), OVER_SAMPLES: ends(low, high), OVER_TRAININGS: trained}
    return cells | {"p": p_text(p), "p, Holm": p_text(corrected)}


def without_empty(lines: pd.DataFrame) -> pd.DataFrame:
    """Without the column of intervals over trainings, where no line has one."""
    return lines if lines[OVER_TRAININGS].any() else lines.drop(columns=OVER_TRAININGS)


def _by_attack(table: pd.DataFrame, attack: str) -> list[tuple[Any, pd.DataFrame]]:
    """The parts of a table by attack and defense, attacks first, both in the table's order."""
    order = {name: place for place, name in enumerate(table[attack].unique())}
    placed = table.sort_values(attack, key=lambda names: names.map(order), kind="stable")
    return list(placed.groupby([attack, "defense"], sort=False))


def pair_texts(pairs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A table per threat model: ours beside the published numbers, accuracy and gain.

    pairs: of `pairs`. Accuracies in per cent, gains over standard AT in points, ± over seeds.
    """
    by = ["setting", *THREAT] if "setting" in pairs else THREAT
    return {
        f"{' '.join(case)}, published beside ours": pd.DataFrame(
            [_pair_line(line) for _, line in _by_attack(part, "reported_attack")]
        ).fillna("")
        for case, part in pairs.groupby(by, sort=False)
    }


def _pair_line(line: pd.DataFrame) -> dict[str, Any]:
    """One defense under one attack; line: a row per data set of the paper."""
    row = line.iloc[0]
    names = dict.fromkeys([row["attack"], row["reported_attack"]])
    own = {"attack": " = ".join(names), "defense": row["defense"]}
    own["ours"] = spread(100 * row["measured"], 100 * row["measured_std"], 1)
    gains = {"our gain": _points(row["measured_gain"], row["std_gain"])}
    for theirs in line.itertuples():
        own[str(theirs.dataset)] = spread(100 * theirs.reported, 100 * theirs.reported_std, 1)
        own[f"ours − {theirs.dataset}"] = f"{100 * theirs.difference:+.1f}"
        gains[f"{theirs.dataset} gain"] = _points(theirs.reported_gain)
    return own | gains


def _points(gain: float, std: float = float("nan")) -> str:
    return "" if pd.isna(gain) else points(gain, std)


def standing(table: pd.DataFrame) -> str:
    """Per threat model in a sentence: which defenses do better than standard AT in the worst case.

    table: `by_defense`, by_threat. Better or worse is what the corrected p-value is sure of, over
    samples, for these models; gains in points. Empty where nothing is compared.
    """
    worst = table[table["attack"] == WORST_CASE].dropna(subset="holm_p")
    once = worst.drop_duplicates([*THREAT, "defense"])
    return " ".join(
        f"Against {BASELINE} under {norm} {eps}, worst case, these models: {_standings(part)}."
        for (norm, eps), part in once.groupby(THREAT, sort=False)
    )


def _standings(table: pd.DataFrame) -> str:
    sure, better = table["holm_p"] < SURE, table["mean_gain"] > 0
    parts = {"better": sure & better, "worse": sure & ~better, "undecided": ~sure}
    return "; ".join(
        f"{name} " + ", ".join(map(_standing, table[chosen].itertuples()))
        for name, chosen in parts.items()
        if chosen.any()
    )


def _standing(row: Any) -> str:
    gain = points(row.mean_gain, row.std_gain)
    return f"{row.defense} {gain} {ends(row.gain_low, row.gain_high)}"


def evaluation_texts(rows: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """Of one model, a line per attack: accuracy in per cent, passes and milliseconds per image."""
    table = bracketed(rows)
    spent = total_costs(costs).set_index("attack").reindex(table["attack"])
    interval = table[["accuracy", "low", "high"]].to_numpy()
    shown = pd.DataFrame(
        {
            "attack": table["attack"],
            "accuracy % [95 % CI]": [percent(*row) for row in interval],
        }
    )
    if (table["certified"] > 0).any():
        shown["proved %"] = [f"{100 * p:.1f}" if p > 0 else "" for p in table["certified"]]
    for title, column, factor in (
        ("forwards / image", "forward_passes", 1),
        ("backwards / image", "backward_passes", 1),
        ("ms / image", "seconds", 1000),
    ):
        values = factor * spent[column] / spent["samples"]
        shown[title] = ["" if pd.isna(value) else f"{value:.1f}" for value in values]
    return shown

"""From records to tables: frame -> frame, and the forms in which a table is written."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from workbench.statistics import clopper_pearson, cohens_d, paired_auroc, sign_share

WORST_CASE = "worst case"
CLEAN = "none"
CERTIFIED = "proved"

# quantity: the columns of natural and of adversarial outputs, and where the paper sees the latter;
# the margin is no MI: it is what a reader can have without any critic
QUANTITIES = {
    "natural MI": ("natural_mi_natural", "natural_mi_adversarial", -1),
    "adversarial MI": ("adversarial_mi_natural", "adversarial_mi_adversarial", 1),
}
BASELINE = {"logit margin": ("clean_margin", "adversarial_margin", -1)}


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
    wide = wide.drop(columns=CLEAN, errors="ignore")
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


def by_threat(frame: pd.DataFrame, count: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """A table of each threat model's records, one below the other, with norm and eps in front."""
    parts = []
    for (norm, eps), part in frame.groupby(["norm", "eps"], sort=False):
        found = count(part)
        found.insert(0, "norm", norm)
        found.insert(1, "eps", eps)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def accuracy_texts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A table per threat model, a line per model, a column per attack: "78.0 [74.1, 81.6]".

    table: `accuracies` or `bracketed`, by_threat. The worst case comes last, and behind it, where
    something was proved, the share that a bound certifies.
    """
    groups = table.groupby(["norm", "eps"], sort=False)
    return {
        f"{norm} {eps}, {part['samples'].iloc[0]} samples": _accuracy_lines(part)
        for (norm, eps), part in groups
    }


def _accuracy_lines(table: pd.DataFrame) -> pd.DataFrame:
    lines = []
    for model, part in table.groupby("model", sort=False):
        cells = part.set_index("attack")
        order = [*cells.index.drop(WORST_CASE), WORST_CASE]
        texts = {n: percent(*cells.loc[n, ["accuracy", "low", "high"]]) for n in order}
        proved = cells["certified"].get(WORST_CASE, 0.0) if "certified" in cells else 0.0
        texts[CERTIFIED] = f"{100 * proved:.1f}" if proved else ""
        lines.append({"model": model, **texts})
    found = pd.DataFrame(lines).fillna("")
    return found if found[CERTIFIED].any() else found.drop(columns=CERTIFIED)


def observation(rows: pd.DataFrame) -> pd.DataFrame:
    """How far the paper's observation holds: a line per model, critic seed and quantity.

    Columns: model, critic_seed, quantity ("logit margin" is a baseline without a critic), samples;
    misclassified, the share of adversarial samples that are; natural_mean, natural_std,
    adversarial_mean, adversarial_std of the outputs' values (nats; the margin in logits); auroc,
    auroc_low, auroc_high of telling adversarial from natural outputs, above 0.5 where the
    observation holds; cohens_d; in_order, in_order_low, in_order_high, the share of samples whose
    own two values are in the observation's order; flipped, the number of samples that the attack
    flips from right to wrong (Eq. 6), and flipped_auroc, _low, _high over those alone (NaN below
    two).
    """
    records = []
    for (model, seed), part in rows.groupby(["model", "critic_seed"], sort=False):
        wrong = part["adversarial_prediction"] != part["label"]
        flipped = part[wrong & (part["clean_prediction"] == part["label"])]
        for quantity, columns in (QUANTITIES | BASELINE).items():
            names = {"model": model, "critic_seed": seed, "quantity": quantity}
            counts = {"samples": len(part), "misclassified": float(wrong.mean())}
            few = {f"flipped_{k}": v for k, v in _effect(flipped, columns).items() if "auroc" in k}
            effect = _effect(part, columns)
            records.append({**names, **counts, **effect, "flipped": len(flipped), **few})
    return pd.DataFrame(records)


def _effect(part: pd.DataFrame, columns: tuple[str, str, int]) -> dict[str, float]:
    """Means, AUROC, effect size and order of one quantity over some samples."""
    natural, adversarial, sign = columns
    if len(part) < 2:
        return dict.fromkeys(("auroc", "auroc_low", "auroc_high"), float("nan"))
    high = sign * part[adversarial].to_numpy(np.float64)
    low = sign * part[natural].to_numpy(np.float64)
    auroc, share = paired_auroc(high, low), sign_share(high, low)
    return {
        "natural_mean": float(part[natural].mean()),
        "natural_std": float(part[natural].std()),
        "adversarial_mean": float(part[adversarial].mean()),
        "adversarial_std": float(part[adversarial].std()),
        "auroc": auroc.value,
        "auroc_low": auroc.low,
        "auroc_high": auroc.high,
        "cohens_d": cohens_d(high, low),
        "in_order": share.value,
        "in_order_low": share.low,
        "in_order_high": share.high,
    }


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
    flipped = "none"
    if row.flipped >= 2:
        flipped = interval(row.flipped_auroc, row.flipped_auroc_low, row.flipped_auroc_high)
    return {
        "critic seed": str(row.critic_seed),
        "natural outputs": f"{row.natural_mean:.2f} ± {row.natural_std:.2f}",
        "adversarial outputs": f"{row.adversarial_mean:.2f} ± {row.adversarial_std:.2f}",
        "AUROC": interval(row.auroc, row.auroc_low, row.auroc_high),
        "Cohen's d": f"{row.cohens_d:.2f}",
        "in order %": percent(row.in_order, row.in_order_low, row.in_order_high),
        "AUROC, flipped": f"{flipped} ({row.flipped})",
    }


def interval(value: float, low: float, high: float) -> str:
    """A value with its interval as text.

    >>> interval(0.5, 0.25, 0.75)
    '0.500 [0.250, 0.750]'
    """
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def mean_std(values: pd.Series, digits: int) -> str:
    """Mean ± standard deviation as text; the value alone where there is one.

    >>> mean_std(pd.Series([1.0, 3.0]), 1)
    '2.0 ± 1.4'
    """
    if len(values) == 1:
        return f"{values.iloc[0]:.{digits}f}"
    return f"{values.mean():.{digits}f} ± {values.std():.{digits}f}"


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

"""An adaptive attack that evades the detector by MI (beyond the paper).

The detector flags a received image x̃ by Î_N(x̃; h(x̃)), the natural critic's score of the image
with its own output: where it is low, or, two-sided, far from the median of natural samples. The
profile's attack knows of no detector. "evasion" knows the critic, and wants misclassified samples
whose score is that of their natural sample; "evasion-highest" the highest score. Thresholds are
fixed on natural test samples with even indices; all numbers are of those with odd ones. "left" is
the share of samples that are classified right and withstand the attack, or have their adversarial
sample flagged; "left of clean" the share that are classified right without attack and raise no
false alarm. "worst case" is who tries every attack: it needs one adversarial sample that is not
flagged. One model of each defense; mean ± standard deviation over critics, with 95 % intervals over
samples.
"""

import sys
from math import isnan

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import CriticAttackRun
from workbench.tables.detection import RECEIVED, evaded
from workbench.tables.fits import fit_texts, one_of_each, over_fits

ATTACKS = ("evasion", "evasion-highest")
DRAWN_RATE = 0.05
HEADINGS = {
    "clean %": "clean",
    "left of clean %": "clean_kept",
    "robust %": "robust",
    "left %": "kept",
    "flagged of the misclassified %": "flagged",
    "AUROC": "auroc",
}
DRAWN = {
    "flagged of the misclassified": "flagged",
    "left with detector": "kept",
}


def runs(profile: Profile) -> list[CriticAttackRun]:
    """One model of each defense under the attack of information, with every critic seed."""
    wanted = profile.information
    return [
        profile.critic_attack(model, critic_seed, ATTACKS)
        for model in one_of_each(wanted.norm, profile.models)
        for critic_seed in wanted.critic_seeds
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per model, critic seed, attack, detector and rate (see tables.detection.evaded)."""
    plain = frame["attack"].map(tables.plain_attack)
    return evaded(frame.assign(model=frame["name"], attack=plain))


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A table per detector and rate of false alarms: a line per defense and attack."""
    size, groups = table["samples"].iloc[0], table.groupby(["detector", "rate"], sort=False)
    return {
        f"{detector}, set for {100 * rate:.0f} % false alarms, {size} samples": fit_texts(
            part, ["attack"], HEADINGS
        )
        for (detector, rate), part in groups
    }


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A row per detector at 5 % false alarms; what it flags, and what is left."""
    del frame
    rows = list(table[table["rate"] == DRAWN_RATE].groupby("detector", sort=False))
    marks = len(over_fits(rows[0][1], ["attack"], "flagged"))
    drawn, axes = figures.panels(
        len(rows), len(DRAWN), each=1.8, more=0.5, marks=marks, sharex=True
    )
    for row, (detector, part) in zip(axes, rows, strict=True):
        for ax, (label, value) in zip(row, DRAWN.items(), strict=True):
            figures.level_dots(ax, over_fits(part, ["attack"], value), "attack", "defense")
            ax.set(ylabel=label, ylim=(-0.03, 1.03))
        figures.guide(row[0], y=DRAWN_RATE)
        row[0].set_title(f"{detector}, set for {100 * DRAWN_RATE:.0f} % false alarms", loc="left")
    for ax in axes[-1]:
        figures.tilt(ax)
    title = f"{figures.BARS} critics"
    figures.legend(drawn, *axes[0][0].get_legend_handles_labels(), most=4, title=title)
    return drawn


def finding(table: pd.DataFrame) -> str:
    """What the two-sided detector flags, and what it leaves to who tries every attack."""
    chosen = table[table["detector"].ne(RECEIVED) & table["rate"].eq(DRAWN_RATE)]
    flagged, robust, kept = (
        over_fits(chosen, ["attack"], value).set_index(["defense", "attack"])["mean"].map(_percent)
        for value in ("flagged", "robust", "kept")
    )
    parts = []
    alone = flagged.drop(tables.WORST_CASE, level="attack")
    for defense, part in alone.groupby("defense", sort=False):
        texts = ", ".join(f"{text} of {attack}" for (_, attack), text in part.items())
        worst = defense, tables.WORST_CASE
        parts.append(f"{defense} {texts}, {robust[worst]} robust and {kept[worst]} left")
    return (
        "The two-sided detector, set for 5 % false alarms: what it flags of each attack's "
        "misclassified samples, and what is robust without it, and left with it, against who tries "
        "every attack: " + "; ".join(parts) + "."
    )


def _percent(share: float) -> str:
    return "nothing" if isnan(share) else f"{100 * share:.0f} %"


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

"""MI as a detector of adversarial samples (beyond the paper).

A detector flags what it suspects. Two take what no defender has, the natural image x behind the one
received, or the noise n: they are oracles, and say what MI could tell at best. A defender has the
received image x̃ and its output: "natural MI of x̃" is Î_N(x̃; h(x̃)), the natural critic on those
two, flagged where it is low, or two-sided where it is far from the natural median. The logit gap
and the largest softmax output need no critic. Thresholds are fixed on natural test samples with
even indices; all numbers are of those with odd ones, and intervals are for those thresholds, which
may miss the rate that they are set for: the measured rate stands beside. "flipped" are the samples
that the attack turns from right to wrong (Eq. 6). "noise" is the control, noise of the whole size ε
in a random direction: a detector that finds it, finds noise. Mean ± standard deviation over critics
and models trained anew, with 95 % intervals over samples. These attacks know of no detector; those
of the analysis "evasion" do.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import CriticAttackRun
from workbench.tables.detection import RECEIVED, detection
from workbench.tables.fits import fit_texts, over_fits

HEADINGS = {
    "AUROC": "auroc",
    "found, set for 1 % false alarms, %": "tpr_1",
    "false alarms, set for 1 %, %": "fpr_1",
    "found, set for 5 % false alarms, %": "tpr_5",
    "false alarms, set for 5 %, %": "fpr_5",
}
CONTROL = "noise"
DRAWN = {"AUROC": "auroc", "found, set for 5 % false alarms": "tpr_5"}


def runs(profile: Profile) -> list[CriticAttackRun]:
    """Every model under the attack of information, with every critic seed."""
    wanted = profile.information
    return [
        profile.critic_attack(model, critic_seed, (CONTROL,))
        for model in tables.trained_under(wanted.norm, profile.models)
        for critic_seed in wanted.critic_seeds
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per model, critic seed, attack, detector, and kind of samples: see tables.detection.

    The control flips next to nothing: it has lines for all samples alone.
    """
    plain = frame["attack"].map(tables.plain_attack)
    found = detection(frame.assign(model=frame["name"], attack=plain))
    return found[(found["attack"] != CONTROL) | (found["among"] == "all")]


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Per attack all samples, and those that flip: a line per defense and detector."""
    return {
        f"{attack}, {among} samples ({_numbers(part['samples'])})": fit_texts(
            part, ["detector"], HEADINGS
        )
        for (attack, among), part in table.groupby(["attack", "among"], sort=False)
    }


def _numbers(samples: pd.Series) -> str:
    return "-".join(map(str, sorted({samples.min(), samples.max()})))


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A row per attack and kind of samples; AUROC, and what is found; a mark per defense."""
    del frame
    groups = list(table.groupby(["attack", "among"], sort=False))
    marks = len(over_fits(groups[0][1], ["detector"], "auroc"))
    drawn, axes = figures.panels(
        len(groups), len(DRAWN), each=1.75, more=0.7, marks=marks, sharex=True
    )
    for row, ((attack, among), part) in zip(axes, groups, strict=True):
        for ax, (label, value) in zip(row, DRAWN.items(), strict=True):
            figures.level_dots(ax, over_fits(part, ["detector"], value), "detector", "defense")
            ax.set(title=f"{attack}, {among} samples", ylabel=label, ylim=(-0.03, 1.03))
        figures.guide(row[0], y=0.5)
        figures.guide(row[1], y=0.05)
    for ax in axes[-1]:
        figures.tilt(ax)
    title = f"{figures.BARS} models and critics"
    figures.legend(drawn, *axes[0][0].get_legend_handles_labels(), most=4, title=title)
    return drawn


def finding(table: pd.DataFrame) -> str:
    """What a defender finds of flipped samples and of noise, and what the best oracle does."""
    found = over_fits(table, ["attack", "among", "detector", "oracle"], "tpr_5")
    parts = []
    for defense, part in found[found["among"] == "flipped"].groupby("defense", sort=False):
        noise = found[(found["defense"] == defense) & (found["attack"] == CONTROL)]
        own, control = (p.loc[p["detector"] == RECEIVED, "mean"] for p in (part, noise))
        best = part.loc[part["oracle"], "mean"].max()
        if len(own):
            parts.append(
                f"{defense} {100 * own.iloc[0]:.0f} % (oracle {100 * best:.0f} %, "
                f"noise {100 * control.iloc[0]:.0f} %)"
            )
    return (
        "Found of the samples that an unaware attack flips, by natural MI of x̃ set for 5 % false "
        "alarms: " + ("; ".join(parts) or "no sample flipped") + "."
    )


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

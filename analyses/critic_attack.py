"""The critics as an attack objective, against each defense (beyond the paper).

Projected gradient ascent of 40 steps that has MI as its objective and no label: it lowers natural
MI Î_N(x; h(x̃)) ("natural-mi"), raises adversarial MI Î_A(n; h(x̃)) ("adversarial-mi"), or the second
minus the first ("mi-difference"), under critics fitted to the very model. If a defense by MI only
hid adversarial samples from cross-entropy, they might be found here. "found beside" is the share of
samples that an attack breaks and the profile's own attack leaves; "cross-entropy" is the control:
the same ascent of the cross-entropy from another random start. One model of each defense; mean ±
standard deviation over critics, with 95 % intervals over samples.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import CriticAttackRun
from workbench.tables.contest import contest
from workbench.tables.fits import fit_texts, one_of_each, over_fits

CONTROL = "cross-entropy"
ATTACKS = (CONTROL, "natural-mi", "adversarial-mi", "mi-difference")
HEADINGS = {
    "robust %": "robust",
    "robust to both %": "both",
    "found beside %": "gained",
    "missed %": "missed",
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
    """A line per model, critic seed and attack (see tables.contest); the first is the profile's.

    It and the control know no critic: one line per model.
    """
    plain = frame["attack"].map(tables.plain_attack)
    base = plain.iloc[0]
    found = contest(frame.assign(model=frame["name"], attack=plain), base)
    again = found["attack"].isin([base, CONTROL]) & found.duplicated(["model", "attack"])
    return found[~again].reset_index(drop=True)


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A line per defense and attack."""
    return {f"{table['samples'].iloc[0]} samples": fit_texts(table, ["attack"], HEADINGS)}


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Robust accuracy under each attack, and what is found beside the first; a mark per defense."""
    del frame
    base, marks = table["attack"].iloc[0], len(over_fits(table, ["attack"], "robust"))
    shown = {
        "robust accuracy (%)": (table, "robust"),
        f"broken, and left by {base} (%)": (table[table["attack"] != base], "gained"),
    }
    drawn, axes = figures.panels(1, len(shown), each=2.2, more=0.2, marks=marks)
    for ax, (label, (part, value)) in zip(axes[0], shown.items(), strict=True):
        levels = over_fits(part, ["attack"], value)
        levels[["mean", "std", "low", "high"]] *= 100
        figures.level_dots(ax, levels, "attack", "defense")
        ax.set_ylabel(label)
        ax.set_ylim(bottom=-0.02 * ax.get_ylim()[1])
        figures.tilt(ax)
    title = f"{figures.BARS} critics"
    figures.legend(drawn, *axes[0][0].get_legend_handles_labels(), most=4, title=title)
    return drawn


def finding(table: pd.DataFrame) -> str:
    """What the best MI objective finds beside the first attack, and what the control does.

    The best of three objectives stands against one control, which favours it.
    """
    base = table["attack"].iloc[0]
    parts = []
    for defense, part in over_fits(table, ["attack"], "gained").groupby("defense", sort=False):
        gained = part.set_index("attack")["mean"]
        control = 100 * gained.get(CONTROL, float("nan"))
        mi = gained.drop([base, CONTROL], errors="ignore")
        if len(mi):
            parts.append(
                f"{defense} {100 * mi.max():.1f} % ({mi.idxmax()}; control {control:.1f} %)"
            )
    return (
        f"Broken by the best of three attacks on MI and left by {base}: "
        + ("; ".join(parts) or "no critic gave values")
        + "."
    )


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

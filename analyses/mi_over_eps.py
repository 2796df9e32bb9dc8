"""Natural and adversarial MI over ε (beyond the paper).

The profile's attack at parts and multiples of its ε, with critics fitted anew to samples of each.
AUROC of telling adversarial from natural outputs by natural MI, Î_N(x; h(x)) against Î_N(x; h(x̃)),
and by adversarial MI, Î_A(n; h(x̃)) against Î_A(n; h(x)): 0.5 is none, above it lies the paper's
observation. Beside it, the share of adversarial samples that are misclassified. One model of each
defense, the first critic seed; 95 % intervals over samples.
"""

import sys
from fractions import Fraction

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.pyplot import subplots

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import InformationRun
from workbench.tables.fits import one_of_each

PARTS = (Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2))  # of the profile's ε
LINES = ("-", "--", "-.", ":")


def runs(profile: Profile) -> list[InformationRun]:
    """One model of each defense with each ε."""
    wanted = profile.information
    return [
        InformationRun(
            model.reference,
            model.arch,
            model.title,
            profile.data,
            wanted.norm,
            wanted.eps if part == 1 else str(part * Fraction(wanted.eps)),
            wanted.attack,
            wanted.samples,
            wanted.fit_samples,
            profile.seed,
            wanted.critic_seeds[0],
            profile.unit_size,
        )
        for model in one_of_each(wanted.norm, profile.models)
        for part in PARTS
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per model, quantity and ε: epsilon, and the columns of tables.observation."""
    parts = [
        tables.observation(part.assign(model=part["name"])).assign(epsilon=epsilon)
        for epsilon, part in frame.groupby("epsilon", sort=False)
    ]
    found = pd.concat(parts, ignore_index=True)
    found = found[found["quantity"].isin(tables.QUANTITIES)]
    return found.sort_values("epsilon", kind="stable").reset_index(drop=True)


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A line per model and ε for each quantity."""
    return {f"{name} (nats)": _lines(part) for name, part in table.groupby("quantity", sort=False)}


def _lines(part: pd.DataFrame) -> pd.DataFrame:
    rows = [row for _, own in part.groupby("model", sort=False) for row in own.itertuples()]
    return pd.DataFrame(
        {
            "defense": tables.named(row.model)[0],
            "ε": f"{row.epsilon:.3g}",
            "misclassified %": f"{100 * row.misclassified:.1f}",
            "natural outputs": f"{row.natural_mean:.2f} ± {row.natural_std:.2f}",
            "adversarial outputs": f"{row.adversarial_mean:.2f} ± {row.adversarial_std:.2f}",
            "AUROC": tables.interval(row.auroc, row.auroc_low, row.auroc_high),
        }
        for row in rows
    )


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A panel per quantity with a line per defense, and one of misclassified samples."""
    del frame
    quantities = list(dict.fromkeys(table["quantity"]))
    drawn, (*panels, last) = subplots(
        1, len(quantities) + 1, figsize=(figures.PAGE, 2.3), sharex=True
    )
    for i, model in enumerate(dict.fromkeys(table["model"])):
        own = table[table["model"] == model]
        look = {
            "label": tables.named(model)[0],
            "color": figures.COLOURS[i % len(figures.COLOURS)],
            "marker": figures.MARKS[i % len(figures.MARKS)],
            "linestyle": LINES[i % len(LINES)],
            "markersize": 4,
        }
        for ax, quantity in zip(panels, quantities, strict=True):
            part = own[own["quantity"] == quantity]
            ends = [part["auroc"] - part["auroc_low"], part["auroc_high"] - part["auroc"]]
            ax.errorbar(part["epsilon"], part["auroc"], ends, capsize=1.5, elinewidth=0.8, **look)
            ax.set_ylabel(f"AUROC of {quantity}")
        once = own.drop_duplicates("epsilon")
        last.plot(once["epsilon"], once["misclassified"], **look)
    for ax in (*panels, last):
        ax.set_xlabel("ε")
    for ax in panels:
        ax.axhline(0.5, color="0.6", linewidth=0.6, zorder=0)
    last.set_ylabel("share misclassified")
    drawn.legend(*last.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return drawn


def finding(table: pd.DataFrame) -> str:
    """How AUROC of both quantities goes from the smallest to the largest ε."""
    parts = []
    for model, own in table.groupby("model", sort=False):
        ways = [
            f"{quantity} {part['auroc'].iloc[0]:.2f} to {part['auroc'].iloc[-1]:.2f}"
            for quantity, part in own.groupby("quantity", sort=False)
        ]
        parts.append(f"{tables.named(str(model))[0]}: " + ", ".join(ways))
    smallest, largest = table["epsilon"].min(), table["epsilon"].max()
    return f"AUROC of MI from ε {smallest:g} to {largest:g}: " + "; ".join(parts) + "."


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

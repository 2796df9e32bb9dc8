"""Accuracies of defenses under attacks, and their gains and differences."""

from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.figures.panels import fit, legend, panels, tilt
from workbench.figures.style import BARS, INTERVAL, bars, guide, look

FEW = 3  # defenses whose marks fit into half of a page
STEPS = (-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50)  # ticks of differences, points


def accuracy_panels(table: pd.DataFrame) -> Figure:
    """Accuracy under each attack, a panel per threat model; below it the gain over standard AT.

    table: of tables.accuracies with tables.by_defense, by_threat. Few defenses stand side by side,
    many in panels as wide as the page. Gains are drawn where several defenses are compared.
    """
    defenses = list(dict.fromkeys(table["defense"]))
    threats = list(table.groupby(["norm", "eps"], sort=False))
    compared = table.dropna(subset="mean_gain")["defense"].nunique() > 1
    kinds = [accuracy_dots, gain_dots] if compared else [accuracy_dots]
    shown = [[(threat, kind) for threat in threats] for kind in kinds]
    if len(defenses) > FEW or not fit(len(threats)):
        shown = [
            [(threat, kind)]
            for threat in threats
            for kind in kinds
            if kind is accuracy_dots or threat[1]["mean_gain"].notna().any()
        ]
    drawn, axes = panels(len(shown), len(shown[0]), each=2.1, sharey="row")
    for ax, (((norm, eps), part), draw) in zip(axes.flat, chain(*shown), strict=True):
        draw(ax, part, defenses)
        if draw is accuracy_dots:
            ax.set_title(f"{norm}, ε = {eps}, {part['samples'].iloc[0]} samples")
        tilt(ax)
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    _legend(drawn, defenses, several_seeds=bool((table["seeds"] > 1).any()))
    return drawn


def _legend(drawn: Figure, defenses: list[str], several_seeds: bool) -> None:
    """The defenses' marks above the panels, and what the bars are."""
    marks: dict[str, Any] = {}
    for ax in drawn.axes:
        handles, labels = ax.get_legend_handles_labels()
        marks |= dict(zip(labels, handles, strict=True))
    title = f"{BARS} seeds" if several_seeds else INTERVAL
    legend(drawn, [marks[name] for name in defenses], defenses, most=4, title=title)


def accuracy_dots(axes: Axes, table: pd.DataFrame, defenses: list[str]) -> Axes:
    """Mean accuracy with its interval under each attack, one mark per defense.

    table: columns defense, attack, mean, std, mean_low, mean_high (shares in [0, 1]).
    """
    _marks(axes, table, defenses, ("mean", "std", "mean_low", "mean_high"))
    axes.set(ylabel="accuracy (%)", ylim=(-3, 103))
    return axes


def gain_dots(
    axes: Axes, table: pd.DataFrame, defenses: list[str], label: str = "gain over\nstandard AT"
) -> Axes:
    """Gain over standard AT with its interval under each attack, one mark per defense.

    table: columns defense, attack, mean_gain, std_gain, gain_low, gain_high (shares). The axis is
    linear up to 5 points and logarithmic beyond, so that a defense that fails hides no other.
    """
    guide(axes, y=0)
    _marks(axes, table, defenses, ("mean_gain", "std_gain", "gain_low", "gain_high"))
    axes.set_yscale("symlog", linthresh=5, linscale=2)
    bottom, top = axes.get_ylim()  # of a panel that shares the axis, too
    low = np.nanmin([140 * table["gain_low"].min(), -6, bottom])
    high = np.nanmax([140 * table["gain_high"].max(), 6, top])
    beyond = ",\nlog beyond ±5)" if low < -6 or high > 6 else ")"
    axes.set(ylabel=f"{label} (points{beyond}", ylim=(low, high))
    axes.set_yticks([tick for tick in (-50, -15, -5, -2, 0, 2, 5, 15, 50) if low < tick < high])
    axes.yaxis.set_major_formatter("{x:.0f}")
    axes.minorticks_off()
    return axes


def _marks(
    axes: Axes, table: pd.DataFrame, defenses: list[str], columns: tuple[str, str, str, str]
) -> None:
    """A mark per defense and attack: value, its thick ± std and its thin interval, in per cent."""
    attacks = list(dict.fromkeys(table["attack"]))
    once = table.dropna(subset=columns[0]).drop_duplicates(["defense", "attack"])
    looks = {name: look(i) for i, name in enumerate(defenses)}
    here = [name for name in defenses if name in set(once["defense"])]
    width = min(0.14 * (len(here) - 1), 0.35)
    for defense, offset in zip(here, np.linspace(-width, width, len(here)), strict=True):
        part = once[once["defense"] == defense].set_index("attack").reindex(attacks)
        numbers = (100 * part[name] for name in columns)
        bars(axes, np.arange(len(attacks)) + offset, numbers, *looks[defense], defense)
    axes.set_xticks(range(len(attacks)), attacks)
    axes.set_xlim(-0.5, len(attacks) - 0.5)


def difference_panels(table: pd.DataFrame, reference: str) -> Figure:
    """Accuracy under each attack, and below it the difference from one defense, per threat model.

    table: of tables.accuracies with tables.by_defense and tables.differences, by_threat.
    """
    defenses = list(dict.fromkeys(table["defense"]))
    threats = list(table.groupby(["norm", "eps"], sort=False))
    drawn, axes = panels(2 * len(threats), 1, each=1.9, more=0.1)
    names = {
        f"difference{kind}": f"{other}_gain" for kind, other in (("", "mean"), ("_std", "std"))
    }
    names |= {"difference_low": "gain_low", "difference_high": "gain_high"}
    for ((norm, eps), part), (above, below) in zip(threats, axes.reshape(-1, 2), strict=True):
        accuracy_dots(above, part, defenses)
        above.set_title(f"{norm}, ε = {eps}, {part['samples'].iloc[0]} samples")
        against = part.drop(columns=[*names.values()]).rename(columns=names)
        gain_dots(below, against, defenses, f"difference from\n{reference}")
        below.set_yscale("symlog", linthresh=5, linscale=1)
        low, high = below.get_ylim()
        below.set_yticks([tick for tick in STEPS if low < tick < high])
        below.yaxis.set_major_formatter("{x:.0f}")
        below.minorticks_off()
        tilt(above)
        tilt(below)
    _legend(drawn, defenses, several_seeds=bool((table["seeds"] > 1).any()))
    return drawn

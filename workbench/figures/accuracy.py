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
HIGH = 40  # accuracies that are all above it, in per cent, are drawn without the empty rest
STEPS = (-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50)  # ticks of differences, points
Columns = tuple[str, str, str, str]  # value, standard deviation over seeds, ends of the interval
DIFFERENCE = ("difference", "difference_std", "difference_low", "difference_high")


def accuracy_panels(table: pd.DataFrame) -> Figure:
    """Accuracy under each attack, a panel per threat model; below it the gain over standard AT.

    table: of tables.accuracies with tables.by_defense, by_threat; with a column source, of attacks
    made on other models, there is a panel per threat model and source. Few defenses stand side by
    side, many in panels as wide as the page. Gains are drawn where several defenses are compared.
    """
    defenses = list(table["defense"].unique())
    by = [name for name in ("norm", "eps", "source") if name in table]
    threats = list(table.groupby(by, sort=False))
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
    for ax, ((threat, part), draw) in zip(axes.flat, chain(*shown), strict=True):
        draw(ax, part, defenses)
        if draw is accuracy_dots:
            ax.set_title(_title(part["samples"].iloc[0], *threat))
        tilt(ax)
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    _legend(drawn, defenses, several_seeds=bool((table["seeds"] > 1).any()))
    return drawn


def _title(samples: int, norm: str, eps: str, source: str = "") -> str:
    """What a panel is of."""
    by = f"\nattacks made on {source}" if source else ""
    return f"{norm}, ε = {eps}, {samples} samples{by}"


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
    together = axes.get_shared_y_axes().get_siblings(axes)
    low, high = min(ax.dataLim.y0 for ax in together), max(ax.dataLim.y1 for ax in together)
    axes.set(ylabel="accuracy (%)", ylim=(low - 3, high + 3) if low > HIGH else (-3, 103))
    return axes


def gain_dots(
    axes: Axes,
    table: pd.DataFrame,
    defenses: list[str],
    label: str = "gain over\nstandard AT",
    columns: Columns = ("mean_gain", "std_gain", "gain_low", "gain_high"),
) -> Axes:
    """Gain over standard AT with its interval under each attack, one mark per defense.

    table: defense, attack and the columns (shares). Where a gain is beyond 6 points, the axis is
    logarithmic from 5 on, so that a defense that fails hides no other.
    """
    guide(axes, y=0)
    _marks(axes, table, defenses, columns)
    together = axes.get_shared_y_axes().get_siblings(axes)
    low = min(-2, *(ax.dataLim.y0 for ax in together))
    high = max(2, *(ax.dataLim.y1 for ax in together))
    beyond = low < -6 or high > 6
    if beyond:
        axes.set_yscale("symlog", linthresh=5)
        axes.set_yticks([tick for tick in STEPS if 1.4 * low < tick < 1.4 * high])
        axes.yaxis.set_major_formatter("{x:.0f}")
        axes.minorticks_off()
        low, high = 1.4 * min(low, -5), 1.4 * max(high, 5)
    unit = "points,\nlog beyond ±5" if beyond else "points"
    axes.set(ylabel=f"{label} ({unit})", ylim=(1.05 * low, 1.05 * high))
    return axes


def _marks(axes: Axes, table: pd.DataFrame, defenses: list[str], columns: Columns) -> None:
    """A mark per defense and attack: value, its thick ± std and its thin interval, in per cent."""
    attacks = list(table["attack"].unique())
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
    defenses = list(table["defense"].unique())
    threats = list(table.groupby(["norm", "eps"], sort=False))
    drawn, axes = panels(2 * len(threats), 1, each=1.9, more=0.1)
    for (threat, part), (above, below) in zip(threats, axes.reshape(-1, 2), strict=True):
        accuracy_dots(above, part, defenses)
        above.set_title(_title(part["samples"].iloc[0], *threat))
        gain_dots(below, part, defenses, f"difference from\n{reference}", DIFFERENCE)
        tilt(above)
        tilt(below)
    _legend(drawn, defenses, several_seeds=bool((table["seeds"] > 1).any()))
    return drawn

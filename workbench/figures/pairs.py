"""Reported against measured."""

from itertools import cycle
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.figures.panels import legend, panels
from workbench.figures.style import CYCLE, INTERVAL, grey, guide, scale

PAIRED = {
    "accuracy (%)": ("reported", "measured", "low", "high"),
    "gain (points)": ("reported_gain", "measured_gain", "gain_low", "gain_high"),
}


def pair_panels(pairs: pd.DataFrame) -> Figure:
    """Reported against measured: accuracies, and gains over standard AT with their intervals.

    pairs: of tables.pairs, with setting. The line is where both are equal. Gains have a panel where
    there are some.
    """
    kinds = [kind for kind, names in PAIRED.items() if pairs[list(names)].notna().all(axis=1).any()]
    drawn, axes = panels(1, len(kinds), each=2.8, more=0.2)
    paper = mpl.rcParams["axes.facecolor"]
    cases = pairs.groupby(["dataset", "setting"], sort=False)
    looks = cycle(zip("os^D", CYCLE[:2] * 2, strict=True))
    for ((dataset, setting), part), (mark, colour) in zip(cases, looks, strict=False):
        common = {
            "fmt": mark,
            "color": colour,
            "elinewidth": 0.5 * scale(),
            "capsize": 0,
            "markersize": 3.5 * scale(),
        }
        common |= {"markerfacecolor": paper if setting == "black-box" else colour}
        for ax, kind in zip(axes[0], kinds, strict=True):
            _crosses(ax, part, PAIRED[kind], common | {"label": f"{dataset}, {setting}"})
    for ax, kind in zip(axes[0], kinds, strict=True):
        ax.axline((0, 0), slope=1, color=grey(0.6), linewidth=0.6 * scale(), zorder=0)
        guide(ax, x=0, y=0, light=0.85)
        ax.set(xlabel=f"reported {kind}", ylabel=f"measured {kind}")
    legend(drawn, *axes[0][0].get_legend_handles_labels(), most=2, title=INTERVAL)
    return drawn


def _crosses(
    axes: Axes, part: pd.DataFrame, columns: tuple[str, str, str, str], look: dict[str, Any]
) -> None:
    """A mark per pair with the interval of what was measured, in per cent."""
    theirs, ours, low, high = (100 * part[name] for name in columns)
    axes.errorbar(theirs, ours, [ours - low, high - ours], **look)

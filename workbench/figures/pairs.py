"""Reported against measured."""

from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.figures.style import ADVERSARIAL, NATURAL, PAGE

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
    drawn, axes = plt.subplots(1, len(kinds), figsize=(PAGE, 3.2), squeeze=False)
    cases = pairs.groupby(["dataset", "setting"], sort=False)
    looks = cycle(zip("os^D", (NATURAL, ADVERSARIAL) * 2, strict=True))
    for ((dataset, setting), part), (mark, colour) in zip(cases, looks, strict=False):
        common = {"fmt": mark, "color": colour, "markersize": 3.5, "elinewidth": 0.5}
        common |= {"markerfacecolor": "white" if setting == "black-box" else colour}
        for ax, kind in zip(axes[0], kinds, strict=True):
            _crosses(ax, part, PAIRED[kind], common | {"label": f"{dataset}, {setting}"})
    for ax, kind in zip(axes[0], kinds, strict=True):
        ax.axline((0, 0), slope=1, color="0.6", linewidth=0.6, zorder=0)
        ax.axhline(0, color="0.85", linewidth=0.6, zorder=0)
        ax.axvline(0, color="0.85", linewidth=0.6, zorder=0)
        ax.set(xlabel=f"reported {kind}", ylabel=f"measured {kind}")
    drawn.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return drawn


def _crosses(
    axes: Axes, part: pd.DataFrame, columns: tuple[str, str, str, str], look: dict[str, Any]
) -> None:
    """A mark per pair with the interval of what was measured, in per cent."""
    theirs, ours, low, high = (100 * part[name] for name in columns)
    axes.errorbar(theirs, ours, [ours - low, high - ours], **look)

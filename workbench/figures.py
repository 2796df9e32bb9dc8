"""Figures: a frame and axes in, the axes out. No style is set behind the caller's back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PAGE = 6.75  # width of ICML's page, inches
LETTERS = 90  # of tick labels that fit beside each other on it

# Okabe & Ito's colours: told apart by colour-blind readers, and in grey by their lightness
NATURAL, ADVERSARIAL = "#0072B2", "#E69F00"

STYLE: dict[Any, Any] = {
    "font.family": "serif",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # TrueType: fonts are embedded, and text stays text
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
}


@contextmanager
def style() -> Iterator[None]:
    """The style of the paper's figures, inside the block only."""
    with mpl.rc_context(STYLE):
        yield


def distributions(axes: Axes, natural: pd.Series, adversarial: pd.Series, label: str) -> Axes:
    """Two densities over one axis: MI of natural outputs (solid) and adversarial ones (dashed).

    natural, adversarial: values in nats. label: of the horizontal axis.
    """
    low, high = np.quantile(np.concatenate([natural, adversarial]), [0.001, 0.999])
    clip = (low - 0.1 * (high - low), high + 0.1 * (high - low))
    for values, name, colour, line in (
        (natural, "natural output", NATURAL, "-"),
        (adversarial, "adversarial output", ADVERSARIAL, "--"),
    ):
        common = {"x": values, "ax": axes, "color": colour, "clip": clip, "warn_singular": False}
        sns.kdeplot(**common, fill=True, alpha=0.18, linewidth=0)
        sns.kdeplot(**common, linestyle=line, label=name)
    axes.set(xlabel=label, ylabel="density")
    return axes


def accuracy_dots(axes: Axes, table: pd.DataFrame, models: list[str]) -> Axes:
    """Accuracy with its interval under each attack, one marker per model.

    table: columns model, attack, accuracy, low, high (shares in [0, 1]).
    """
    attacks = list(dict.fromkeys(table["attack"]))
    offsets = np.linspace(-0.14, 0.14, len(models)) if len(models) > 1 else [0.0]
    for model, offset, marker, colour in zip(
        models, offsets, "os^Dvp", sns.color_palette("colorblind", len(models)), strict=False
    ):
        part = table[table["model"] == model].set_index("attack").reindex(attacks)
        middle = 100 * part["accuracy"]
        errors = [middle - 100 * part["low"], 100 * part["high"] - middle]
        axes.errorbar(
            np.arange(len(attacks)) + offset,
            middle,
            errors,
            fmt=marker,
            color=colour,
            markersize=4,
            capsize=2,
            elinewidth=0.8,
            label=model,
        )
    axes.set_xticks(range(len(attacks)), attacks)
    axes.set(ylabel="accuracy (%)", ylim=(-3, 103))
    return axes


def accuracy_panels(table: pd.DataFrame) -> Figure:
    """A panel per threat model: accuracy with its interval under each attack, a marker per model.

    table: columns norm, eps, model, attack, samples, accuracy, low, high.
    """
    models = list(dict.fromkeys(table["model"]))
    threats = list(table.groupby(["norm", "eps"], sort=False))
    drawn, axes = plt.subplots(1, len(threats), figsize=(PAGE, 2.4), sharey=True, squeeze=False)
    for ax, ((norm, eps), part) in zip(axes[0], threats, strict=True):
        accuracy_dots(ax, part, models)
        ax.set_title(f"{norm}, ε = {eps}, {part['samples'].iloc[0]} samples")
        if len(" ".join(part["attack"].unique())) > LETTERS / len(threats):
            plt.setp(ax.get_xticklabels(), rotation=30, ha="right", rotation_mode="anchor")
    for ax in axes[0][1:]:
        ax.set_ylabel("")
    handles, labels = axes[0][0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside upper center", ncols=min(len(models), 3))
    return drawn

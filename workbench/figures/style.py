"""The style of the paper's figures, and the marks that all of them share."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

PAGE = 6.75  # width of ICML's page, inches
BARS = "thin bar: 95 % interval over samples; thick bar: ± standard deviation over"
MARKS = "os^DvP*X"
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#222222", "#888888")

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


def bars(
    axes: Axes, at: np.ndarray, numbers: Iterable[pd.Series], mark: str, colour: str, label: str
) -> None:
    """Marks with their thick ± std and their thin interval: value, std, low, high."""
    value, std, low, high = numbers
    axes.errorbar(at, value, std, fmt="none", ecolor=colour, elinewidth=3, alpha=0.4)
    axes.errorbar(
        *(at, value, [value - low, high - value]),
        fmt=mark,
        color=colour,
        markeredgecolor="0.15",
        markeredgewidth=0.4,
        markersize=5.5 if mark == "*" else 4,
        capsize=1.5,
        elinewidth=0.8,
        label=label,
    )

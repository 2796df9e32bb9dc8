"""The styles that figures can have, and the marks that all of them share.

A style is a value that becomes matplotlib's settings inside a `with` block. Whatever draws there
asks those for its width, its colours ("C0" is the first of the style) and the size of its marks, so
that what is drawn for one place is drawn for every other, and nothing is left behind.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench import named
from workbench.errors import InputError

TEXT = 8.0  # points; heights and marks are given for text of this size
SMALL = 7 / 8  # of that, in ticks and legends
WIDTHS, TEXTS = (2.0, 30.0), (7.0, 40.0)  # inches and points that a style may have
INTERVAL = "bar: 95 % interval over samples"
BARS = "thin bar: 95 % interval over samples; thick bar: ± standard deviation over"
MARKS = "os^DvP*X"

# Okabe & Ito's colours, which colour-blind readers tell apart. Some are darker than theirs on
# white, and lighter on dark: a mark has 3:1 of contrast with its ground (WCAG 2.1, 1.4.11)
COLOURS = ("#0072B2", "#CB8600", "#009E73", "#B03A00", "#CC79A7", "#3C9CD4", "#222222", "#888888")
ON_DARK = ("#2E8BD8", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#8CCBF2", "#EEEEEE", "#888888")
CYCLE = tuple(f"C{place}" for place in range(len(COLOURS)))  # the colours of the style that is on
NATURAL, ADVERSARIAL = COLOURS[:2]  # on pages of HTML, which have no style

INKS = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
# points, and inches of the pads, beside text of a paper's size
LINES = {
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "errorbar.capsize": 1.5,
    "hatch.linewidth": 1.0,
    "axes.titlepad": 6,
    "axes.labelpad": 4,
    **{f"{axis}tick.major.size": 3.5 for axis in "xy"},
    **{f"{axis}tick.major.width": 0.8 for axis in "xy"},
    **{f"{axis}tick.major.pad": 3.5 for axis in "xy"},
    **{f"figure.constrained_layout.{axis}_pad": 0.04 for axis in "hw"},
}


@dataclass(frozen=True)
class Style:
    """Where figures go: their width in inches, their text in points, and in what light.

    Marks, lines and heights grow with the text. serif: as the text of a paper.
    """

    width: float = 6.75
    text: float = TEXT
    serif: bool = True
    dark: bool = False

    def __post_init__(self) -> None:
        for what, value, (low, high) in (("width", self.width, WIDTHS), ("text", self.text, TEXTS)):
            if not low <= value <= high:
                raise InputError(f"a style's {what} is between {low:g} and {high:g}, not {value:g}")

    def settings(self) -> dict[Any, Any]:
        """Matplotlib's settings for it."""
        small, scale = SMALL * self.text, self.text / TEXT
        ink, paper = ("#EEEEEE", "#121212") if self.dark else ("black", "white")
        return {
            "figure.figsize": (self.width, 2.3 * scale),
            "figure.facecolor": paper,
            "axes.facecolor": paper,
            "axes.prop_cycle": mpl.rcsetup.cycler(color=ON_DARK if self.dark else COLOURS),
            "font.family": "serif" if self.serif else "sans-serif",
            "font.size": self.text,
            "axes.labelsize": self.text,
            "axes.titlesize": self.text,
            "legend.fontsize": small,
            "legend.title_fontsize": small,
            "xtick.labelsize": small,
            "ytick.labelsize": small,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "legend.handlelength": 3,  # a mark, and enough of its line to tell the dashes
            "pdf.fonttype": 42,  # TrueType: fonts are embedded, and text stays text
            "savefig.dpi": 200,
            "figure.constrained_layout.use": True,
            **dict.fromkeys(INKS, ink),
            **{name: scale * value for name, value in LINES.items()},
        }


PAPER = Style()
STYLES = {
    "icml": PAPER,  # \textwidth of two columns
    "icml-column": Style(width=3.25),  # \columnwidth
    "neurips": Style(width=5.5),  # \textwidth
    "slides": Style(width=12.0, text=16.0, serif=False),  # of 13.33 × 7.5 inches
    "slides-dark": Style(width=12.0, text=16.0, serif=False, dark=True),
}


def style_of(name: str) -> Style:
    """A style by its name, with other settings after a colon: "icml-column:width=3.5".

    Raises InputError for what is none.
    """
    return named.choose(STYLES, name, "style")


def style_name(chosen: Style) -> str:
    """The name that makes a style."""
    return named.label(STYLES, chosen)


@contextmanager
def style(chosen: Style = PAPER) -> Iterator[None]:
    """A style, inside the block only."""
    with mpl.rc_context(chosen.settings()):
        yield


def scale() -> float:
    """How much larger than in a paper text, marks and heights are, in the style that is on."""
    return float(mpl.rcParams["font.size"]) / TEXT


def grey(light: float) -> tuple[float, ...]:
    """A grey of the style that is on: 0 is its text's colour, 1 that of its ground."""
    ink, paper = (mpl.colors.to_rgb(mpl.rcParams[n]) for n in ("text.color", "figure.facecolor"))
    return tuple(a + light * (b - a) for a, b in zip(ink, paper, strict=True))


def look(place: int) -> tuple[str, str]:
    """The mark and the colour of a series, by its place: the first 64 differ.

    >>> look(0), look(8)
    (('o', 'C0'), ('o', 'C1'))
    """
    turn, mark = divmod(place, len(MARKS))
    return MARKS[mark], CYCLE[(mark + turn) % len(CYCLE)]


def bars(
    axes: Axes, at: np.ndarray, numbers: Iterable[pd.Series], mark: str, colour: str, label: str
) -> None:
    """Marks with their thick ± std and their thin interval: value, std, low, high."""
    value, std, low, high = numbers
    axes.errorbar(at, value, std, fmt="none", ecolor=colour, elinewidth=3 * scale(), alpha=0.4)
    axes.errorbar(
        *(at, value, [value - low, high - value]),
        fmt=mark,
        color=colour,
        markeredgecolor=mpl.rcParams["text.color"],
        markeredgewidth=0.4 * scale(),
        markersize=(5.5 if mark == "*" else 4) * scale(),
        elinewidth=0.8 * scale(),
        label=label,
    )


def guide(
    axes: Axes,
    *,
    x: float | None = None,
    y: float | None = None,
    line: str = "-",
    light: float = 0.6,
) -> None:
    """A thin line behind the marks, at a place of either axis. light: as `grey`."""
    look: dict[str, Any] = {"color": grey(light), "linewidth": 0.6 * scale(), "linestyle": line}
    if x is not None:
        axes.axvline(x, zorder=0, **look)
    if y is not None:
        axes.axhline(y, zorder=0, **look)

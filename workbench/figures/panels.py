"""Panels that fit the width of the style that is on, and the legend above them."""

import math
from collections.abc import Sequence
from textwrap import fill
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.figures.style import SMALL, TEXT, scale

LEAST = 1.7  # inches of a panel beside another
BETWEEN = 0.15  # inches between their labels
MARK = 0.08  # inches that a mark beside another takes
LETTER = 0.6  # width of a letter, of its height
HANDLE = 9  # letters that a mark of a legend takes, with the room around it
TICKS = 12  # letters of tick labels that fit into an inch


def width() -> float:
    """The figure's width, inches for text of the paper's size."""
    return float(mpl.rcParams["figure.figsize"][0]) / scale()


def fit(columns: int, least: float = LEAST) -> bool:
    """Whether so many panels fit beside each other, each of at least so many inches."""
    return columns == 1 or width() / columns >= least


def panels(
    rows: int,
    columns: int,
    each: float,
    more: float = 0.0,
    least: float = LEAST,
    marks: int = 0,
    **settings: Any,
) -> tuple[Figure, np.ndarray]:
    """A figure as wide as the style with (rows, columns) axes, below each other in a narrow one.

    each: height of a row, and `more` for what is below all, inches for text of the paper's size.
    least: inches of a panel's width. marks: how many stand beside each other in a panel. settings:
    of `pyplot.subplots`.
    """
    across = columns if fit(columns, max(least, MARK * marks)) else 1
    down = rows * columns // across
    size = (scale() * width(), scale() * (more + each * down))
    drawn, axes = plt.subplots(down, across, figsize=size, squeeze=False, **settings)
    return drawn, axes.reshape(rows, columns)


def room(axes: Axes) -> float:
    """The width that a label of a panel has, inches for text of the paper's size."""
    grid = axes.get_gridspec()
    return width() / (grid.ncols if grid else 1) - BETWEEN


def wrapped(text: str, inches: float) -> str:
    """Text in lines of at most so many inches, at the paper's size."""
    return fill(text, max(1, int(72 * inches / (LETTER * TEXT))))


def legend(
    drawn: Figure, handles: Sequence[Any], labels: Sequence[str], *, most: int, title: str = ""
) -> None:
    """What the marks are, above the panels, where the figure becomes higher for it.

    most: marks beside each other; they stand in rows of about the same length.
    """
    inches = width() / SMALL
    letters = 72 * inches / (LETTER * TEXT)
    columns = min(most, len(labels))
    while columns > 1 and _letters(labels, columns) > letters:
        columns -= 1
    rows = math.ceil(len(labels) / columns)
    title = wrapped(title, inches)
    drawn.legend(
        *(handles, labels),
        loc="outside upper center",
        ncols=math.ceil(len(labels) / rows),
        title=title or None,
    )
    lines = rows + len(title.splitlines())
    drawn.set_figheight(drawn.get_figheight() + 1.5 * SMALL * TEXT * scale() / 72 * lines)


def _letters(labels: Sequence[str], columns: int) -> int:
    """How wide a legend is, letters: each column as wide as the longest of its labels."""
    parts = np.array_split(np.array(list(map(len, labels))), columns)
    return sum(HANDLE + int(part.max()) for part in parts)


def tilt(axes: Axes) -> None:
    """Tilt the labels of the horizontal axis where they do not fit beside each other."""
    labels = axes.get_xticklabels()
    if len(" ".join(label.get_text() for label in labels)) > TICKS * room(axes):
        plt.setp(labels, rotation=30, ha="right", rotation_mode="anchor")

"""Figures: a frame and axes in, the axes out. No style is set behind the caller's back."""

from workbench.figures.accuracy import accuracy_panels, difference_panels
from workbench.figures.embedded import data_uri, magnified, png, svg
from workbench.figures.pairs import pair_panels
from workbench.figures.panels import legend, panels, room, tilt, width, wrapped
from workbench.figures.style import (
    ADVERSARIAL,
    BARS,
    COLOURS,
    CYCLE,
    MARKS,
    NATURAL,
    PAPER,
    STYLES,
    Style,
    grey,
    guide,
    look,
    scale,
    style,
    style_name,
    style_of,
)
from workbench.figures.values import (
    course_panels,
    distributions,
    epsilon_curve,
    level_dots,
    observation_panels,
)

__all__ = [
    "ADVERSARIAL",
    "BARS",
    "COLOURS",
    "CYCLE",
    "MARKS",
    "NATURAL",
    "PAPER",
    "STYLES",
    "Style",
    "accuracy_panels",
    "course_panels",
    "data_uri",
    "difference_panels",
    "distributions",
    "epsilon_curve",
    "grey",
    "guide",
    "legend",
    "level_dots",
    "look",
    "magnified",
    "observation_panels",
    "pair_panels",
    "panels",
    "png",
    "room",
    "scale",
    "style",
    "style_name",
    "style_of",
    "svg",
    "tilt",
    "width",
    "wrapped",
]

"""Figures: a frame and axes in, the axes out. No style is set behind the caller's back."""

from workbench.figures.accuracy import accuracy_panels, difference_panels
from workbench.figures.embedded import data_uri, magnified, png, svg
from workbench.figures.pairs import pair_panels
from workbench.figures.style import ADVERSARIAL, BARS, COLOURS, MARKS, NATURAL, PAGE, STYLE, style
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
    "MARKS",
    "NATURAL",
    "PAGE",
    "STYLE",
    "accuracy_panels",
    "course_panels",
    "data_uri",
    "difference_panels",
    "distributions",
    "epsilon_curve",
    "level_dots",
    "magnified",
    "observation_panels",
    "pair_panels",
    "png",
    "style",
    "svg",
]

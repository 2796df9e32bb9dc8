"""Where the points of a scatter are dense: contour lines of each kind of output."""

from collections.abc import Sequence

import jscatter
import numpy as np
import pandas as pd
from contourpy import contour_generator
from scipy.ndimage import gaussian_filter

from workbench.explore.views import OUTPUTS

BINS = 64
BLUR = 2.0  # bins
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)  # shares of the highest density
STEP = 3  # of the points of a line: the scatter takes long over each, and the density is smooth

Limits = tuple[float, float]


def contours(
    points: pd.DataFrame,
    axes: tuple[str, str],
    limits: tuple[Limits, Limits],
    colours: Sequence[str],
) -> list[jscatter.Line]:
    """Contour lines of the density of the points of each output, in its colour.

    points: of `View.points`. axes, limits: two quantities, and their ranges on the scatter.
    """
    lines = []
    for output, colour in zip(OUTPUTS, colours, strict=True):
        x, y = points.loc[points["output"] == output, list(axes)].to_numpy().T
        counts, across, up = np.histogram2d(x, y, BINS, limits)
        density = gaussian_filter(counts, BLUR, mode="constant")
        drawn = contour_generator(middles(across), middles(up), density.T)
        for level in LEVELS:
            for line in drawn.lines(level * density.max()):
                kept = np.concatenate([line[:-1:STEP], line[-1:]])
                vertices = [tuple(point) for point in kept.tolist()]
                lines.append(jscatter.Line(vertices, colour, 1))
    return lines


def middles(edges: np.ndarray) -> np.ndarray:
    """The middle of each bin."""
    return (edges[1:] + edges[:-1]) / 2

"""Small drawings as SVG, at once: matplotlib takes 70 ms for each, which one feels."""

from collections.abc import Sequence

import numpy as np

from workbench import figures

PALE = "#8886"
FRAME = (
    '<svg class="wb-{kind}" role="img" aria-label="{told}" preserveAspectRatio="none" '
    'viewBox="0 0 {width} 1">{drawn}</svg>'
)


def bars(every: np.ndarray, left: np.ndarray) -> str:
    """Two histograms over one another, each as high as the drawing: of all samples, and of some."""
    drawn = ""
    for counts, colour in ((every, PALE), (left, figures.NATURAL)):
        for i, tall in enumerate(counts / max(counts.max(), 1)):
            place = f'x="{i}" y="{1 - tall:.3f}" width="0.9" height="{tall:.3f}"'
            drawn += f'<rect {place} fill="{colour}"/>'
    told = f"{left.sum()} of {every.sum()} samples"
    return FRAME.format(kind="bars", told=told, width=len(every), drawn=drawn)


def curve(values: Sequence[float] | np.ndarray, told: str) -> str:
    """A line through values in their order, and a thin one at 0."""
    low, high = min(0.0, *values), max(0.0, *values)
    down = (high - np.append(values, 0.0)) / max(high - low, 1e-9)
    points = " ".join(f"{i},{y:.3f}" for i, y in enumerate(down[:-1]))
    steady = 'fill="none" vector-effect="non-scaling-stroke"'
    width = max(len(values) - 1, 1)
    drawn = (
        f'<path d="M0 {down[-1]:.3f}H{width}" stroke="{PALE}" {steady}/>'
        f'<polyline points="{points}" stroke="{figures.ADVERSARIAL}" stroke-width="2" {steady}/>'
    )
    return FRAME.format(kind="curve", told=told, width=width, drawn=drawn)

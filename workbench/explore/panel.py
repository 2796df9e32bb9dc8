"""The scatter of one view: natural against adversarial MI, two joined points per sample."""

from collections.abc import Callable, Sequence
from html import escape

import ipywidgets
import jscatter
import numpy as np
import pandas as pd

from workbench import figures
from workbench.explore.views import AXES, View

HEIGHT = 420  # pixels
COLOURED_BY = {
    "output": [figures.NATURAL, figures.ADVERSARIAL],
    "verdict": ["#0072B2", "#D55E00", "#888888"],
    "class": "tab20",
}
X, Y = AXES
Limits = Sequence[tuple[float, float]]


def limits(views: Sequence[View]) -> Limits:
    """Of each axis, a range for all views that holds all but the 1 % of points furthest out, nats.

    A few points far out would press all others together. They are there when one zooms out.
    """
    points = pd.concat([view.points[[X, Y]] for view in views])
    low, high = points.quantile(0.005), points.quantile(0.995)
    room = (high - low).clip(lower=1e-6) / 20
    return [(float(low[axis] - room[axis]), float(high[axis] + room[axis])) for axis in (X, Y)]


def outside(view: View, axes: Limits) -> int:
    """How many points of a view lie outside the ranges."""
    values = zip((view.points[X], view.points[Y]), axes, strict=True)
    inside = [value.between(low, high) for value, (low, high) in values]
    return int((~np.logical_and.reduce(inside)).sum())


class Panel:
    """A scatter, which tells what places of its view were brushed.

    brushed: called with the places of the samples, each once, when the user has brushed points.
    """

    def __init__(
        self, view: View, axes: Limits, join: bool, brushed: Callable[[np.ndarray], None]
    ) -> None:
        self.view = view
        self._brushed = brushed
        self._axes = axes
        self._marked = np.array([], dtype=int)
        self._scatter = jscatter.Scatter(
            data=view.points,
            x=X,
            y=Y,
            x_scale=axes[0],
            y_scale=axes[1],
            color_by="output",
            color_map=COLOURED_BY["output"],
            connect_by="sample" if join else None,
            connection_color_selected="#222222",
            color_selected="#222222",
            opacity=0.7,
            opacity_by=None,
            size=4,
            lasso_initiator=False,
            height=HEIGHT,
            legend=True,
            legend_size="small",
            axes_labels=[f"{axis}, nats" for axis in (X, Y)],
        )
        self._scatter.widget.observe(self._selected, "selection")
        self._title = ipywidgets.HTML()
        self.widget = ipywidgets.VBox([self._title, self._scatter.show()])
        self.show(view)

    def show(self, view: View) -> None:
        """Another view, of the same samples."""
        if view is not self.view:
            self.view = view
            self._scatter.data(view.points, animate=True)
        far = outside(view, self._axes)
        told = f"; {far} points are further out" if far else ""
        name, attack = escape(view.model.origin), escape(view.attack)
        self._title.value = f"<b>{name}</b>, {view.threat}, {attack}{told}"

    def colour(self, by: str) -> None:
        """Colour points by a key of COLOURED_BY."""
        self._scatter.color(by=by, map=COLOURED_BY[by])

    def join(self, wanted: bool) -> None:
        """Join the two points of each sample, or not."""
        self._scatter.connect(by="sample" if wanted else None)

    def only(self, places: np.ndarray | None) -> None:
        """Show these samples only; None shows all."""
        self._scatter.filter(None if places is None else self._points(places))

    def mark(self, places: np.ndarray) -> None:
        """Mark both points of these samples, without telling that they were brushed."""
        self._marked = self._points(places)
        self._scatter.selection(self._marked)

    def _points(self, places: np.ndarray) -> np.ndarray:
        return np.concatenate([places, places + len(self.view.rows)])

    def _selected(self, change: dict) -> None:
        points = np.asarray(change["new"], dtype=int)
        if set(points) != set(self._marked):
            self._marked = points
            self._brushed(np.unique(points % len(self.view.rows)))

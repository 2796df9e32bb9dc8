"""The scatter of one view: two quantities of its outputs, two joined points per sample."""

from collections.abc import Callable, Mapping
from html import escape

import ipywidgets
import jscatter
import numpy as np

from workbench import figures
from workbench.explore.density import Limits, contours
from workbench.explore.views import MI, UNITS, View

HEIGHT = 420  # pixels
COLOURED_BY = {
    "output": [figures.NATURAL, figures.ADVERSARIAL],
    "verdict": ["#0072B2", "#D55E00", "#888888"],
    "class": "tab20",
}


class Panel:
    """A scatter, which tells what places of its view were brushed.

    limits: of each quantity, what the scatter shows before one zooms. brushed: called with the
    places of the samples, each once, when the user has brushed points.
    """

    def __init__(
        self,
        view: View,
        limits: Mapping[str, Limits],
        join: bool,
        brushed: Callable[[np.ndarray], None],
    ) -> None:
        self.view = view
        self._brushed = brushed
        self._limits = limits
        self._axes = MI
        self._dense = False
        self._only: np.ndarray | None = None
        self._marked = np.array([], dtype=int)
        self._sending = False
        x, y = MI
        self._scatter = jscatter.Scatter(
            data=view.points,
            x=x,
            y=y,
            x_scale=limits[x],
            y_scale=limits[y],
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
            axes_labels=self._labels(),
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
            self._draw_density()
        self._tell()

    def axes(self, x: str, y: str) -> None:
        """Show these two quantities."""
        if (x, y) == self._axes:
            return
        self._axes = x, y
        self._scatter.xy(x, y, self._limits[x], self._limits[y], animate=True)
        self._scatter.axes(labels=self._labels())
        self._draw_density()
        self._tell()

    def density(self, wanted: bool) -> None:
        """Draw contour lines of the density, or none."""
        if wanted != self._dense:
            self._dense = wanted
            self._draw_density()

    def colour(self, by: str) -> None:
        """Colour points by a key of COLOURED_BY."""
        self._scatter.color(by=by, map=COLOURED_BY[by])

    def join(self, wanted: bool) -> None:
        """Join the two points of each sample, or not."""
        self._scatter.connect(by="sample" if wanted else None)
        if not wanted:
            # that leaves the connections in the points, and a filter would draw them again
            self._scatter.update_widget("prevent_filter_reset", True)
            self._scatter.update_widget("non_spatial_points_update", True)
            self._scatter.update_widget("points", self._scatter.get_point_list())

    def only(self, places: np.ndarray | None) -> None:
        """Show these samples only; None shows all."""
        self._only = None if places is None else self._points(places)
        self._scatter.filter(self._only)
        self._send_marks()  # the page forgets those of points that were filtered out
        self._draw_density()

    def mark(self, places: np.ndarray) -> None:
        """Mark both points of these samples, without telling that they were brushed."""
        self._marked = self._points(places)
        self._send_marks()

    def _send_marks(self) -> None:
        """Send the marks again, though they may be the same."""
        self._sending = True
        self._scatter.selection([])
        self._scatter.selection(self._marked)
        self._sending = False

    def _labels(self) -> list[str]:
        return [f"{quantity}, {UNITS[quantity]}" for quantity in self._axes]

    def _tell(self) -> None:
        """Title: the view, and how many of its points lie outside what is shown."""
        inside = [self.view.points[axis].between(*self._limits[axis]) for axis in self._axes]
        far = int((~np.logical_and.reduce(inside)).sum())
        name, attack = escape(self.view.model.origin), escape(self.view.attack)
        told = f"<b>{name}</b>, {self.view.threat}, {attack}<br>points further out: {far}"
        self._title.value = told

    def _draw_density(self) -> None:
        if not self._dense:
            if self._scatter.annotations()["annotations"]:
                self._scatter.annotations([])
            return
        points = self.view.points if self._only is None else self.view.points.iloc[self._only]
        x, y = self._axes
        limits = self._limits[x], self._limits[y]
        self._scatter.annotations(contours(points, self._axes, limits, COLOURED_BY["output"]))

    def _points(self, places: np.ndarray) -> np.ndarray:
        return np.concatenate([places, places + len(self.view.rows)])

    def _selected(self, change: dict) -> None:
        points = np.asarray(change["new"], dtype=int)
        if not self._sending and set(points) != set(self._marked):
            self._marked = points
            self._brushed(np.unique(points % len(self.view.rows)))

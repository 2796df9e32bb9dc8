"""Histograms of quantities of adversarial outputs, each with the range of the samples to keep."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np

from workbench.explore.drawings import bars
from workbench.explore.views import UNITS, View

BINS = 40
STEPS = 200  # of a slider, from end to end


class Range(widgets.VBox):
    """The histogram of a quantity: of all samples, and of those that are left by all filters.

    limits: the ends of the slider; an end that is not moved in leaves what lies beyond it too.
    changed: called when the user has moved an end.
    """

    def __init__(
        self, quantity: str, limits: tuple[float, float], changed: Callable[[], None]
    ) -> None:
        self.quantity = quantity
        self._changed = changed
        self._drawn = widgets.HTML()
        low, high = limits
        self.slider = widgets.FloatRangeSlider(
            value=limits,
            min=low,
            max=high,
            step=(high - low) / STEPS,
            readout=False,
            continuous_update=False,
            layout=widgets.Layout(width="100%", margin="0"),
        )
        self.slider.observe(self._moved, "value")
        super().__init__([self._drawn, self.slider], layout=widgets.Layout(flex="1 1 14em"))

    def reset(self) -> None:
        """Keep everything, without telling."""
        self.slider.unobserve(self._moved, "value")
        self.slider.value = self.slider.min, self.slider.max
        self.slider.observe(self._moved, "value")

    def _moved(self, _: Any) -> None:
        self._changed()

    def keeps(self, view: View) -> np.ndarray:
        """Which samples lie in the range: (samples,) bool."""
        values, (low, high) = view.values(self.quantity), self.slider.value
        near = self.slider.step / 2  # the browser rounds an end to a step
        below = (values < low) & (low > self.slider.min + near)
        above = (values > high) & (high < self.slider.max - near)
        return ~(below | above)

    def show(self, view: View, places: np.ndarray) -> None:
        """Draw the histogram of a view, and on it the samples at some places."""
        values = view.values(self.quantity).astype(float).clip(self.slider.min, self.slider.max)
        edges = np.linspace(self.slider.min, self.slider.max, BINS + 1)
        every, left = np.histogram(values, edges)[0], np.histogram(values[places], edges)[0]
        low, high = self.slider.value
        told = f"{self.quantity} of x̃, {UNITS[self.quantity]}"
        if (low, high) != (self.slider.min, self.slider.max):
            told += f": {low:.2f} to {high:.2f}"
        self._drawn.value = f"{told}{bars(every, left)}"

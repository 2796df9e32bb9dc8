"""The page: what to look at, the scatters, the samples that were brushed, and one of them."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from workbench import figures
from workbench.errors import InputError
from workbench.explore.gallery import Gallery, card
from workbench.explore.panel import COLOURED_BY, Panel, limits
from workbench.explore.sample import logit_table, neighbours, way
from workbench.explore.views import AXES, VERDICTS, View, verdicts

PAGE = 24  # cards at once
NEIGHBOURS = 8
JOINED_UP_TO = 2000  # samples, beyond which lines hide the points
NONE, ALL = "–", "all"
STYLE = """<style>
.wb-told :is(th, td) {padding: 0 1em; text-align: right}
.wb-one, .wb-one > div > div {display: flex; flex-wrap: wrap; gap: 1em}
.wb-logits :is(th, td) {padding: 0 0.5em; font-size: 11px; text-align: right; min-width: 4em}
.wb-logits th {font-weight: normal}
</style>"""
ORDERS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "index": lambda rows: rows["index"],
    "natural MI of x̃, lowest": lambda rows: rows["natural_mi_adversarial"],
    "adversarial MI of x̃, highest": lambda rows: -rows["adversarial_mi_adversarial"],
    "margin of x̃, lowest": lambda rows: rows["adversarial_margin"],
}


class Explorer(widgets.VBox):
    """The observation of natural against adversarial MI, to look into.

    views: of the same samples. Each control is a public widget whose `value` can be set.
    Raises InputError where there is no view, or where two could not be told apart.
    """

    def __init__(self, views: Sequence[View], warnings: Sequence[str] = ()) -> None:
        if not views:
            raise InputError("; ".join(["there is nothing to look at", *warnings]))
        self._views = {(v.model.origin, v.attack, v.threat.eps): v for v in views}
        if len(self._views) < len(views):
            raise InputError("two views are of one model, attack and ε; name each model once")
        self._shown = [views[0]]
        self._brushed: np.ndarray | None = None
        models, attacks, budgets = map(list, map(dict.fromkeys, zip(*self._views, strict=True)))
        wide = widgets.Layout(width="26em")
        self.model = widgets.Dropdown(options=models, description="model", layout=wide)
        seconds = [NONE, *models]
        self.second = widgets.Dropdown(options=seconds, description="beside it", layout=wide)
        self.attack = widgets.Dropdown(options=attacks, description="attack", layout=wide)
        self.eps = widgets.SelectionSlider(options=budgets, description="ε")
        self.label = widgets.Dropdown(options=[ALL, *views[0].data.classes], description="class")
        self.verdict = widgets.Dropdown(options=[ALL, *VERDICTS], description="verdict")
        self.colour = widgets.Dropdown(options=list(COLOURED_BY), description="colour")
        joined = len(views[0].rows) <= JOINED_UP_TO
        self.joined = widgets.Checkbox(joined, description="join outputs", indent=False)
        self.order = widgets.Dropdown(options=list(ORDERS), description="order")
        self.page = widgets.BoundedIntText(1, min=1, max=1, description="page")
        self.clear = widgets.Button(description="clear the brush")
        axes = limits(views)
        self._panels = [Panel(views[0], axes, joined, self.brush) for _ in range(2)]
        self.gallery = Gallery(label="samples")
        self.alike = Gallery(label="samples with like MI")
        self._told, self._one, self._failed = (widgets.HTML() for _ in range(3))
        self._tell_failures(warnings)
        self._wire()
        super().__init__(self._laid_out())
        self._review()

    @property
    def selected(self) -> pd.DataFrame:
        """Records of the samples that are brushed, or of all that the filters leave, in order."""
        return self._shown[0].rows.iloc[self._places()]

    def brush(self, places: np.ndarray | None) -> None:
        """Choose samples by their places in the records; None, or no sample, chooses all."""
        self._brushed = places if places is not None and len(places) else None
        marked = np.array([], dtype=int) if self._brushed is None else self._brushed
        for panel in self._panels:
            panel.mark(marked)
        self._list()

    def _wire(self) -> None:
        """Say which change makes which part new."""
        parts: dict[Callable[[Any], None], Sequence[widgets.ValueWidget]] = {
            self._review: [self.model, self.second, self.attack, self.eps],
            self._filter: [self.label, self.verdict],
            self._recolour: [self.colour, self.joined],
            self._list: [self.order],
            self._turn: [self.page],
        }
        for act, controls in parts.items():
            for control in controls:
                control.observe(act, "value")
        self.clear.on_click(lambda _: self.brush(None))
        self.gallery.observe(lambda change: self._look(change["new"]), "chosen")
        self.alike.observe(lambda change: self._follow(change["new"]), "chosen")

    def _laid_out(self) -> list[widgets.Widget]:
        rows = [
            [self.model, self.second, self.attack, self.eps],
            [self.label, self.verdict, self.colour, self.joined],
            [panel.widget for panel in self._panels],
            [self.order, self.page, self.clear],
        ]
        top, filters, scatters, lists = (widgets.HBox(row) for row in rows)
        for panel in self._panels:
            panel.widget.layout.flex = "1 1 0"
        scatters.layout.overflow = "hidden"
        for row in (top, filters, lists):
            row.layout.flex_flow = "row wrap"
        below = [self._told, lists, self.gallery, self._one, self.alike]
        return [self._failed, top, filters, scatters, *below]

    def _review(self, _: Any = None) -> None:
        """Show the views that were chosen; where one is missing, what was there stays."""
        chosen = [self.model.value] + [self.second.value] * (self.second.value != NONE)
        keys = [(model, self.attack.value, self.eps.value) for model in chosen]
        if missing := [key for key in keys if key not in self._views]:
            self._tell_failures([f"there is no {', '.join(key)}" for key in missing])
            return
        self._shown = [self._views[key] for key in keys]
        self._panels[1].widget.layout.display = "" if len(keys) == 2 else "none"
        for panel, view in zip(self._panels, self._shown, strict=False):
            panel.show(view)
        self._filter()
        self._look(self.gallery.chosen)

    def _tell_failures(self, failures: Sequence[str]) -> None:
        lines = "".join(f"<li>{escape(failure)}</li>" for failure in failures)
        told = f"<details><summary>⚠ {len(failures)} warnings</summary><ul>{lines}</ul></details>"
        self._failed.value = told if failures else ""

    def _filter(self, _: Any = None) -> None:
        """Show only the samples that the filters leave, and list them."""
        places = self._left()
        everything = len(places) == len(self._shown[0].rows)
        for panel in self._panels:
            panel.only(None if everything else places)
        self._list()

    def _left(self) -> np.ndarray:
        """The places that the filters leave; verdicts are the first view's."""
        rows = self._shown[0].rows
        keep = np.ones(len(rows), dtype=bool)
        if self.label.value != ALL:
            keep &= rows["label"] == self._shown[0].data.classes.index(self.label.value)
        if self.verdict.value != ALL:
            keep &= verdicts(rows) == self.verdict.value
        return np.flatnonzero(keep)

    def _places(self) -> np.ndarray:
        """What the filters leave of what is brushed, in the order that was chosen."""
        places = self._left()
        if self._brushed is not None:
            places = np.intersect1d(places, self._brushed)
        keys = ORDERS[self.order.value](self._shown[0].rows.iloc[places])
        return places[np.argsort(keys.to_numpy(), kind="stable")]

    def _recolour(self, _: Any = None) -> None:
        for panel in self._panels:
            panel.colour(self.colour.value)
            panel.join(self.joined.value)

    def _list(self, _: Any = None) -> None:
        """Tell of the chosen samples, and show their first page."""
        self._told.value = summary(self._shown, self._places())
        self.page.max = max(1, -(-len(self._places()) // PAGE))
        self.page.value = 1
        self._turn()

    def _turn(self, _: Any = None) -> None:
        first = (self.page.value - 1) * PAGE
        shown = self._places()[first : first + PAGE]
        self.gallery.cards = [card(self._shown, int(place)) for place in shown]

    def _follow(self, place: int) -> None:
        """Go on to a neighbour."""
        if place >= 0:
            self.gallery.chosen = place

    def _look(self, place: int) -> None:
        """Show one sample closely: logits, the attack's way, and its neighbours in MI."""
        if place < 0:
            return
        index = int(self._shown[0].rows["index"].iloc[place])
        parts = []
        for i, view in enumerate(self._shown):
            with figures.style():
                drawn = figures.svg(way(view, place), f"sample{i}")
            title = f"<b>sample {index}, {escape(view.model.origin)}</b>"
            parts.append(f"<div>{title}<div>{logit_table(view, place)}{drawn}</div></div>")
        self._one.value = f'<div class="wb-one">{"".join(parts)}</div>'
        near = neighbours(self._shown[0], place, NEIGHBOURS)
        self.alike.chosen = -1
        self.alike.cards = [card(self._shown, int(other)) for other in near]


def summary(views: Sequence[View], places: np.ndarray) -> str:
    """Some samples under each view as a table of HTML: verdicts, and mean MI before and after."""
    lines = []
    for view in views:
        rows = view.rows.iloc[places]
        line = {"model": view.model.origin, "samples": len(rows)}
        found = pd.Series(verdicts(rows)).value_counts(normalize=True)
        line |= {name: f"{100 * found.get(name, 0):.1f} %" for name in VERDICTS}
        for axis, name in AXES.items():
            before, after = rows[f"{name}_natural"].mean(), rows[f"{name}_adversarial"].mean()
            line[f"mean {axis}, nats"] = f"{before:.2f} → {after:.2f}" if len(rows) else "–"
        lines.append(line)
    return STYLE + pd.DataFrame(lines).to_html(index=False, border=0, classes="wb-told")

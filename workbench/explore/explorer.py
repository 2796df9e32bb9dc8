"""The page: what to look at, the scatters, the samples that were brushed, and one of them."""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import count
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from workbench.errors import InputError
from workbench.explore.gallery import Gallery, card
from workbench.explore.panel import COLOURED_BY, Panel
from workbench.explore.ranges import Range
from workbench.explore.records import Records
from workbench.explore.sample import logit_table, neighbours, way
from workbench.explore.views import MI, QUANTITIES, VERDICTS, View, limits, verdicts
from workbench.screen import write_text

PAGE = 24  # cards at once
NEIGHBOURS = 8
JOINED_UP_TO = 2000  # samples, beyond which lines hide the points
NONE, ALL = "–", "all"
STYLE = """<style>
.wb-told :is(th, td) {padding: 0 1em; text-align: right}
.wb-one, .wb-one > div > div {display: flex; flex-wrap: wrap; gap: 1em}
.wb-logits :is(th, td) {padding: 0 0.5em; font-size: 11px; text-align: right; min-width: 4em}
.wb-logits th {font-weight: normal}
.wb-bars {width: 100%; height: 40px; display: block}
.wb-way {width: 20em; line-height: 1.3}
.wb-curve {width: 100%; height: 8em; display: block; overflow: visible}
</style>"""


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
        self._make_controls()
        axes = {quantity: limits(views, quantity) for quantity in QUANTITIES}
        self._panels = [Panel(views[0], axes, self.joined.value, self.brush) for _ in range(2)]
        self.ranges = [Range(quantity, axes[quantity], self._filter) for quantity in QUANTITIES]
        self.gallery, self.alike = Gallery(label="samples"), Gallery(label="samples with like MI")
        self.records = Records(order=self.order.value)
        self._told, self._one, self._failed, self._saved = (widgets.HTML() for _ in range(4))
        self._warnings = list(warnings)
        self._tell_failures([])
        self._wire()
        super().__init__(self._laid_out())
        self._review()

    def _make_controls(self) -> None:
        first = self._shown[0]
        models, attacks, budgets = map(list, map(dict.fromkeys, zip(*self._views, strict=True)))
        near, fitted = {"description_width": "auto"}, widgets.Layout(width="auto")

        def choice(name: str, options: Sequence[str], **more: Any) -> widgets.Dropdown:
            told = {"description": name, "style": near, "layout": fitted}
            return widgets.Dropdown(options=options, **told, **more)

        def tick(name: str, value: bool) -> widgets.Checkbox:
            return widgets.Checkbox(value, description=name, indent=False, layout=fitted)

        self.model = choice("model", models)
        self.second = choice("beside it", [NONE, *models])
        self.attack = choice("attack", attacks)
        self.eps = widgets.SelectionSlider(options=budgets, description="ε", style=near)
        self.label = choice("class", [ALL, *first.data.classes])
        self.verdict = choice("verdict", [ALL, *VERDICTS])
        self.colour = choice("colour", list(COLOURED_BY))
        self.across, self.up = (
            choice(name, list(QUANTITIES), value=quantity)
            for name, quantity in zip(("across", "up"), MI, strict=True)
        )
        few = len(first.rows) <= JOINED_UP_TO
        self.joined = tick("join outputs", few)
        self.density = tick("density", False)
        self.order = choice("order", list(first.table))
        self.descending = tick("descending", False)
        narrow = widgets.Layout(width="8em")
        self.page = widgets.BoundedIntText(
            1, min=1, max=1, description="page", style=near, layout=narrow
        )
        self.clear = widgets.Button(description="clear brush and ranges", layout=fitted)
        self.save = widgets.Button(description="save as CSV", layout=fitted)

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
            self._recolour: [self.colour],
            self._join: [self.joined],
            self._reframe: [self.across, self.up, self.density],
            self._list: [self.order, self.descending],
            self._turn: [self.page],
        }
        for act, controls in parts.items():
            for control in controls:
                control.observe(act, "value")
        self.clear.on_click(lambda _: self._clear())
        self.save.on_click(lambda _: self._save())
        for name in ("order", "descending"):
            widgets.link((self.records, name), (getattr(self, name), "value"))
        widgets.link((self.records, "chosen"), (self.gallery, "chosen"))
        self.gallery.observe(lambda change: self._look(change["new"]), "chosen")
        self.alike.observe(lambda change: self._follow(change["new"]), "chosen")

    def _laid_out(self) -> list[widgets.Widget]:
        rows = [
            [self.model, self.second, self.attack, self.eps],
            [self.label, self.verdict],
            [self.across, self.up, self.colour, self.joined, self.density],
            [panel.widget for panel in self._panels],
            self.ranges,
            [self.order, self.descending, self.page, self.clear, self.save, self._saved],
        ]
        top, filters, drawn, scatters, ranges, lists = (widgets.HBox(row) for row in rows)
        for panel in self._panels:
            panel.widget.layout.flex = "1 1 0"
        scatters.layout.overflow = "hidden"
        for row in (top, filters, drawn, ranges, lists):
            row.layout.flex_flow, row.layout.grid_gap = "row wrap", "2px 18px"
        samples = widgets.Tab([self.gallery, self.records], titles=["images", "table"])
        below = [ranges, self._told, lists, samples, self._one, self.alike]
        return [self._failed, top, filters, drawn, scatters, *below]

    def _review(self, _: Any = None) -> None:
        """Show the views that were chosen; where one is missing, what was there stays."""
        chosen = [self.model.value] + [self.second.value] * (self.second.value != NONE)
        keys = [(model, self.attack.value, self.eps.value) for model in chosen]
        missing = [f"there is no {', '.join(key)}" for key in keys if key not in self._views]
        self._tell_failures(missing)
        if missing:
            self._go_back()
            return
        self._shown = [self._views[key] for key in keys]
        self._panels[1].widget.layout.display = "" if len(keys) == 2 else "none"
        for panel, view in zip(self._panels, self._shown, strict=False):
            panel.show(view)
        self._filter()
        self._look(self.gallery.chosen)

    def _go_back(self) -> None:
        """Let the controls say what is shown."""
        first, *beside = self._shown
        shown = {
            self.model: first.model.origin,
            self.second: beside[0].model.origin if beside else NONE,
            self.attack: first.attack,
            self.eps: first.threat.eps,
        }
        for control, value in shown.items():
            control.unobserve(self._review, "value")
            control.value = value
            control.observe(self._review, "value")

    def _tell_failures(self, failures: Sequence[str]) -> None:
        """Tell what cannot be shown, and, folded, what was wrong from the beginning."""
        lines = "".join(f"<li>{escape(warning)}</li>" for warning in self._warnings)
        told = f"<details><summary>⚠ {len(self._warnings)} warnings</summary><ul>{lines}</ul>"
        parts = [f"<div>⚠ {escape(failure)}</div>" for failure in failures]
        self._failed.value = "".join([*parts, f"{told}</details>" if self._warnings else ""])

    def _filter(self, _: Any = None) -> None:
        """Show only the samples that the filters leave, and list them."""
        places = self._left()
        everything = len(places) == len(self._shown[0].rows)
        for panel in self._panels:
            panel.only(None if everything else places)
        self._list()

    def _clear(self) -> None:
        """Undo the brush, and what the ranges keep out."""
        for each in self.ranges:
            each.reset()
        self._brushed = None
        for panel in self._panels:
            panel.mark(np.array([], dtype=int))
        self._filter()

    def _save(self) -> None:
        """Write the records of what is selected, of each model that is shown, to a new file."""
        records = pd.concat([view.rows.iloc[self._places()] for view in self._shown])
        paths = (Path(f"selected-{number}.csv") for number in count(1))
        path = next(path for path in paths if not path.exists())
        try:
            write_text(path, records.to_csv(index=False))
            self._saved.value = escape(f"{len(records)} records are in {path.resolve()}")
        except InputError as error:
            self._saved.value = escape(str(error))

    def _left(self) -> np.ndarray:
        """The places that the filters leave; verdicts are the first view's."""
        rows = self._shown[0].rows
        keep = np.ones(len(rows), dtype=bool)
        if self.label.value != ALL:
            keep &= rows["label"] == self._shown[0].data.classes.index(self.label.value)
        if self.verdict.value != ALL:
            keep &= verdicts(rows) == self.verdict.value
        for each in self.ranges:
            keep &= each.keeps(self._shown[0])
        return np.flatnonzero(keep)

    def _places(self) -> np.ndarray:
        """What the filters leave of what is brushed, in the order that was chosen."""
        places = self._left()
        if self._brushed is not None:
            places = np.intersect1d(places, self._brushed)
        keys = self._shown[0].table[self.order.value].iloc[places]
        order = keys.reset_index(drop=True).sort_values(
            kind="stable", ascending=not self.descending.value
        )
        return places[order.index]

    def _recolour(self, _: Any = None) -> None:
        for panel in self._panels:
            panel.colour(self.colour.value)

    def _join(self, _: Any = None) -> None:
        for panel in self._panels:
            panel.join(self.joined.value)

    def _reframe(self, _: Any = None) -> None:
        for panel in self._panels:
            panel.axes(self.across.value, self.up.value)
            panel.density(self.density.value)

    def _list(self, _: Any = None) -> None:
        """Tell of the chosen samples, and show their first page."""
        places = self._places()
        self._told.value = summary(self._shown, places)
        for each in self.ranges:
            each.show(self._shown[0], places)
        self.page.max = max(1, -(-len(places) // PAGE))
        if self.page.value == 1:
            self._turn()
        self.page.value = 1  # which turns to it

    def _turn(self, _: Any = None) -> None:
        first = (self.page.value - 1) * PAGE
        shown = self._places()[first : first + PAGE].tolist()
        self.gallery.cards = [card(self._shown, place) for place in shown]
        self.records.show(self._shown[0], shown)

    def _follow(self, place: int) -> None:
        """Go on to a neighbour."""
        if place >= 0:
            self.gallery.chosen = place

    def _look(self, place: int) -> None:
        """Show one sample closely: logits, the attack's way, and its neighbours in MI."""
        if place < 0:
            return
        tables = [logit_table(view, place) for view in self._shown]
        self._one.value = self._closely(place, tables)
        near = neighbours(self._shown[0], place, NEIGHBOURS)
        self.alike.chosen = -1
        self.alike.cards = [card(self._shown, int(other)) for other in near]
        ways = [way(view, place) for view in self._shown]  # attacks again, so it comes last
        self._one.value = self._closely(place, map("".join, zip(tables, ways, strict=True)))

    def _closely(self, place: int, parts: Iterable[str]) -> str:
        """A title above what is to be seen of one sample, a part for each view."""
        index = int(self._shown[0].rows["index"].iloc[place])
        shown = [
            f"<div><b>sample {index}, {escape(view.model.origin)}</b><div>{part}</div></div>"
            for view, part in zip(self._shown, parts, strict=True)
        ]
        return f'<div class="wb-one">{"".join(shown)}</div>'


def summary(views: Sequence[View], places: np.ndarray) -> str:
    """Some samples under each view as a table of HTML: verdicts, and mean MI before and after."""
    lines = []
    for view in views:
        rows = view.rows.iloc[places]
        line = {"model": view.model.origin, "samples": len(rows)}
        found = pd.Series(verdicts(rows)).value_counts(normalize=True)
        line |= {
            name: f"{100 * found.get(name, 0):.1f} %" if len(rows) else NONE for name in VERDICTS
        }
        for quantity in MI:
            before, after = (rows[column].mean() for column in QUANTITIES[quantity])
            line[f"mean {quantity}, nats"] = f"{before:.2f} → {after:.2f}" if len(rows) else NONE
        lines.append(line)
    return STYLE + pd.DataFrame(lines).to_html(index=False, border=0, classes="wb-told")

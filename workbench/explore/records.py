"""The records of samples as a table that is ordered by the column whose head is pressed."""

from pathlib import Path
from typing import Any

import anywidget
import pandas as pd
import traitlets

from workbench.explore.views import View

HERE = Path(__file__).parent


class Records(anywidget.AnyWidget):
    """Some samples' rows of `View.table`.

    order: the column that they are in the order of; a head that is pressed asks for its column, or
    turns the order around (descending). chosen: the place of the row last pressed, or −1.
    """

    _esm = HERE / "records.js"
    _css = HERE / "records.css"
    columns = traitlets.List(traitlets.Unicode()).tag(sync=True)
    rows = traitlets.List(traitlets.List()).tag(sync=True)
    places = traitlets.List(traitlets.Int()).tag(sync=True)
    order = traitlets.Unicode().tag(sync=True)
    descending = traitlets.Bool(False).tag(sync=True)
    chosen = traitlets.Int(-1).tag(sync=True)

    def show(self, view: View, places: list[int]) -> None:
        """Show the samples at these places of a view, in this order."""
        table = view.table.iloc[places]
        with self.hold_sync():
            self.columns = list(table)
            self.places = places
            self.rows = [list(map(text, row)) for row in table.itertuples(index=False)]


def text(value: Any) -> str:
    """A value of a table as it is read."""
    return f"{value:.2f}" if pd.api.types.is_float(value) else str(value)

"""Cards of samples with their images, to choose one from."""

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from workbench import figures
from workbench.explore.views import MI, QUANTITIES, View
from workbench.tables.classes import class_name

HERE = Path(__file__).parent


class Gallery(anywidget.AnyWidget):
    """Buttons with the images of samples; `chosen` is the place of the one last pressed, or −1.

    cards: of `card`. label: what the cards are, for who hears the page.
    """

    _esm = HERE / "gallery.js"
    _css = HERE / "gallery.css"
    cards = traitlets.List(traitlets.Dict()).tag(sync=True)
    chosen = traitlets.Int(-1).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)


def card(views: list[View], place: int) -> dict[str, Any]:
    """A sample under one or two models: x, then of each its perturbation magnified and x̃."""
    first = views[0]
    row, classes = first.rows.iloc[place], first.data.classes
    pairs = [view.images(place) for view in views]
    images = [("natural", figures.png(pairs[0][0]))]
    lines = []
    for view, (natural, adversarial) in zip(views, pairs, strict=True):
        change, factor = figures.magnified(natural, adversarial)
        images.append((f"perturbation × {factor:.3g}", figures.png(change)))
        images.append(("adversarial", figures.png(adversarial)))
        lines += [view.model.origin] * (len(views) > 1) + _told(view, place)
    verdict = str(first.points["verdict"].iloc[place])
    title = f"{int(row['index'])} {classes[int(row['label'])]}"
    return {
        "place": place,
        "title": title,
        "verdict": verdict,
        "images": images,
        "lines": lines,
    }


def _told(view: View, place: int) -> list[str]:
    """What became of the sample, and its MI before and after, in nats."""
    row, classes = view.rows.iloc[place], view.data.classes
    before, after = (
        class_name(int(row[f"{name}_prediction"]), classes) for name in ("clean", "adversarial")
    )
    told = [f"{before} → {after}" if before != after else f"stays {before}"]
    for quantity in MI:
        natural, adversarial = QUANTITIES[quantity]
        told.append(f"{quantity} {row[natural]:.2f} → {row[adversarial]:.2f}")
    return told

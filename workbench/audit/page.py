"""report.html: one file that needs no network, for the screen and for paper."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from workbench import figures
from workbench.audit.observed import Observed
from workbench.audit.run import Audit
from workbench.audit.worst import Fallen
from workbench.tables.classes import class_name

TEMPLATE = Path(__file__).with_name("report.html")
MARKS = {"pass": "✓", "warn": "!", "fail": "✗", "not-run": "–"}


def page(found: Audit, facts: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> str:
    """The report: verdict, tables, figures and images in one HTML file.

    facts: of facts.content. tables: by their titles, as report.md has them.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(TEMPLATE.name).render(
        facts=facts,
        tables=tables,
        marks=MARKS,
        worst=[_shown(one, found.request.data.classes) for one in found.evidence.worst],
        curve=_curve(found, facts) if len(facts["curve"]) > 1 else "",
        information=_information(found.observed, found.request.model.origin),
    )


def _curve(found: Audit, facts: Mapping[str, Any]) -> str:
    """The figure of accuracy over ε, as SVG."""
    table = pd.DataFrame(facts["curve"])
    table[["low", "high"]] = table["ci95"].tolist()
    chance = 1 / len(found.request.data.classes)
    with figures.style():
        return _svg(figures.epsilon_curve(table, found.request.threat.epsilon, chance), "curve")


def _information(observed: Observed | str, name: str) -> str:
    """The densities of MI of the audited model and the zoo's, as SVG; "" where there are none."""
    if isinstance(observed, str):
        return ""
    titles = {name: "this model"} | {n: f"zoo, {n.rpartition('/')[2]}" for n in observed.beside}
    rows = {name: observed.rows} | dict(observed.beside)
    everything = [part.assign(model=titles[model]) for model, part in rows.items()]
    table = observed.table.assign(model=observed.table["model"].map(titles))
    with figures.style():
        drawn = figures.observation_panels(pd.concat(everything, ignore_index=True), table)
        return _svg(drawn, "information")


def _svg(drawn: Figure, name: str) -> str:
    """A figure as an SVG element, whose black is the page's text colour."""
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        drawn.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    plt.close(drawn)
    svg = text.getvalue()
    return svg[svg.index("<svg") :].replace("#000000", "currentColor")


def _shown(one: Fallen, classes: tuple[str, ...]) -> dict[str, Any]:
    """A sample's three images, and what to write below them."""
    change = one.adversarial - one.natural
    most = float(np.abs(change).max())
    magnified = 0.5 + change / (2 * most)
    return {
        "index": one.index,
        "label": classes[one.label],
        "prediction": class_name(one.prediction, classes),
        "epsilon": f"{one.epsilon:.4g}",
        "factor": f"{0.5 / most:.3g}",
        "images": [
            ("natural", _png(one.natural)),
            ("adversarial", _png(one.adversarial)),
            ("difference", _png(magnified)),
        ],
    }


def _png(image: np.ndarray) -> str:
    """An image (c, h, w) in [0, 1] as a data URI; of other numbers of channels the first."""
    pixels = (image.clip(0, 1) * 255).round().astype(np.uint8)
    shown = pixels.transpose(1, 2, 0) if len(pixels) == 3 else pixels[0]
    file = io.BytesIO()
    Image.fromarray(shown).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()

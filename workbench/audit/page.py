"""report.html: one file that needs no network, for the screen and for paper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

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
        return figures.svg(
            figures.epsilon_curve(table, found.request.threat.epsilon, chance), "curve"
        )


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
        return figures.svg(drawn, "information")


def _shown(one: Fallen, classes: tuple[str, ...]) -> dict[str, Any]:
    """A sample's three images, and what to write below them."""
    difference, factor = figures.magnified(one.natural, one.adversarial)
    return {
        "index": one.index,
        "label": classes[one.label],
        "prediction": class_name(one.prediction, classes),
        "epsilon": f"{one.epsilon:.4g}",
        "factor": f"{factor:.3g}",
        "images": [
            ("natural", figures.png(one.natural)),
            ("adversarial", figures.png(one.adversarial)),
            ("difference", figures.png(difference)),
        ],
    }

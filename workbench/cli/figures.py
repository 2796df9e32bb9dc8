"""`workbench figures`: which figures and tables there are, and which are made."""

from dataclasses import asdict
from typing import Annotated, Any

import pandas as pd
import typer

from workbench import catalogue, options
from workbench.errors import InputError
from workbench.screen import show, write_json

All = Annotated[bool, typer.Option("--list", help="All there are, with what each needs.")]
OfProfile = Annotated[
    str | None,
    typer.Option(help="Those that a profile makes, and whether they are on the disk."),
]


def figures(
    list_: All = False,
    profile: OfProfile = None,
    figures: options.FiguresFolder = None,
    json: options.Json = None,
) -> None:
    """List figures and tables: what each shows and needs, and what a profile has made.

    Each is a figure (.png, .pdf) with its tables (.csv, .md, .tex) and its provenance (.json).

    Examples:
    workbench figures --list
    workbench figures --profile demo
    workbench figures --list --profile mnist --json -
    """
    if not list_ and profile is None:
        raise InputError("say --list for all that there are, or whose: --profile demo")
    found: list[dict[str, Any]] = [asdict(entry) for entry in catalogue.entries()]
    title = "Figures and tables"
    if profile is not None:
        folder = options.figures_folder(figures, profile)
        title = f"{title} of profile {profile}, in {folder}"
        made = _analyses(profile, {entry["name"] for entry in found})
        for entry in found:
            entry["in_profile"] = entry["name"] in made
            entry["on_disk"] = catalogue.on_disk(entry["name"], profile, folder)
        found = [entry for entry in found if list_ or entry["in_profile"]]
    write_json(found, json)
    if str(json) != "-":
        table = pd.DataFrame(found).rename(columns=lambda name: name.replace("_", " "))
        show(table.replace({True: "yes", False: "no"}), title)


def _analyses(profile: str, known: set[str]) -> tuple[str, ...]:
    """The names of a profile's analyses.

    Raises InputError where there is no such profile or analysis.
    """
    from workbench.profiles import load_profile  # imports torch, which a mere list does not need

    wanted = load_profile(profile).analyses
    for name in wanted:
        if name not in known:
            raise InputError(f"the profile names an analysis {name!r}, and there is none")
    return wanted

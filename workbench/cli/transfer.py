"""`workbench transfer`: attacks made on one model, shown to the others."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from workbench import options, tables
from workbench.attacks import names
from workbench.data import load_data
from workbench.devices import device_of, limit_threads
from workbench.errors import InputError
from workbench.evaluation.execution import executor
from workbench.evaluation.store import Store
from workbench.evaluation.transfer import transfer as run
from workbench.models import load_model
from workbench.provenance import versions
from workbench.screen import progress_bar, say, show, write_json
from workbench.threat import ThreatModel

Models = Annotated[list[str], typer.Argument(help="Two models or more, as `evaluate` takes them.")]
Archs = Annotated[
    list[str] | None,
    typer.Option("--arch", help="Architecture of weights files: once for all, or for each."),
]


def transfer(
    models: Models,
    arch: Archs = None,
    data: options.Data = "fashion-mnist",
    norm: options.Norm = "Linf",
    eps: options.Eps = "0.1",
    attacks: options.Attacks = "pgd-40:stop_at_success=false,ti-dim:stop_at_success=false",
    samples: options.Samples = None,
    seed: options.Seed = 0,
    batch_size: options.BatchSize = options.DEFAULT_UNIT,
    device: options.Device = "auto",
    workers: options.Workers = 1,
    scheduler: options.Scheduler = None,
    store: options.StoreFolder = options.DEFAULT_STORE,
    json: options.Json = None,
) -> None:
    """Attack each model, show the samples to all, and print accuracies as a matrix.

    Example: workbench transfer zoo:fashion-mnist/natural zoo:fashion-mnist/standard-at
    """
    threat, chosen = ThreatModel(norm, eps), names(attacks)
    images = load_data(data, "test", say)
    shape, classes, where = images.shape, len(images.classes), device_of(device)
    loaded = [
        load_model(reference, own, where, shape, classes)
        for reference, own in zip(models, _archs(models, arch), strict=True)
    ]
    limit_threads(loaded[0])
    with executor(workers, scheduler) as computing, progress_bar() as progress:
        found = run(
            loaded,
            loaded,
            images,
            threat,
            chosen,
            store=Store(store, say),
            samples=samples or min(options.DEFAULT_SAMPLES, len(images)),
            seed=seed,
            unit_size=batch_size,
            progress=progress,
            executor=computing,
        )
    short = {m.fingerprint: name for m, name in zip(loaded, _titles(models), strict=True)}
    parts = [tables.accuracies(part.rows).assign(**_pair(part.rows, short)) for part in found]
    table = pd.concat(parts, ignore_index=True)
    columns = ["source", "target", "attack", "samples", "accuracy", "low", "high"]
    facts = [part.description for part in found]
    accuracies = table[columns].to_dict("records")
    write_json({"accuracies": accuracies, "pairs": facts, "versions": versions()}, json)
    if str(json) != "-":
        show(_matrix(table), f"Accuracy % [95 % CI] on {images.name}, {threat}, source → target")


def _archs(models: list[str], arch: list[str] | None) -> list[str | None]:
    """The architecture of each model. Raises InputError where their numbers do not fit."""
    if len(set(models)) < max(2, len(models)):
        raise InputError("transfer needs two models or more, each named once")
    if arch is None or len(arch) == 1:
        return [arch[0] if arch else None] * len(models)
    if len(arch) != len(models):
        raise InputError(f"{len(models)} models and {len(arch)} --arch: name one, or one for each")
    return list(arch)


def _titles(models: list[str]) -> list[str]:
    """Short names, where those tell the models apart."""
    short = [Path(model).stem for model in models]
    return short if len(set(short)) == len(models) else models


def _pair(rows: pd.DataFrame, short: dict[str, str]) -> dict[str, str]:
    first = rows.iloc[0]
    return {"source": short[first["source"]], "target": short[first["model"]]}


def _matrix(table: pd.DataFrame) -> pd.DataFrame:
    """A line per attack and source, a column per target."""
    clean = table["attack"] == tables.CLEAN
    shown = table.assign(source=table["source"].mask(clean, ""))
    shown = shown[shown["attack"] != tables.WORST_CASE]
    values = shown[["accuracy", "low", "high"]].to_numpy()
    texts = shown.assign(text=[tables.percent(*row) for row in values])
    wide = texts.pivot_table(
        index=["attack", "source"], columns="target", values="text", aggfunc="first", sort=False
    )
    return wide.reset_index().rename_axis(columns=None)

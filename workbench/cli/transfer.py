"""`workbench transfer`: attacks made on one model, shown to the others."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from workbench import options, tables
from workbench.attacks import names
from workbench.data import load_data
from workbench.devices import limit_threads
from workbench.errors import InputError
from workbench.evaluation.execution import executor
from workbench.evaluation.store import Store
from workbench.evaluation.transfer import ATTACKS
from workbench.evaluation.transfer import transfer as run
from workbench.inputs import archs_of, as_model
from workbench.models import Classifier
from workbench.provenance import versions
from workbench.screen import check_writable, progress_bar, say, show, write_json
from workbench.specs import UNIT_SIZE
from workbench.threat import ThreatModel

Models = Annotated[
    list[str],
    typer.Argument(
        help="Two models or more, as `evaluate` takes them without --mean, --weights and the like."
    ),
]
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
    attacks: options.Attacks = ATTACKS,
    samples: options.Samples = None,
    seed: options.Seed = 0,
    batch_size: options.BatchSize = UNIT_SIZE,
    device: options.Device = "auto",
    workers: options.Workers = 1,
    scheduler: options.Scheduler = None,
    store: options.StoreFolder = options.DEFAULT_STORE,
    json: options.Json = None,
) -> None:
    """Attack each model, show the samples to all, and print accuracies as a matrix.

    Example: workbench transfer zoo:fashion-mnist/natural zoo:fashion-mnist/standard-at
    """
    check_writable(json)
    if len(set(models)) < max(2, len(models)):
        raise InputError("transfer needs two models or more, each named once")
    threat, chosen = ThreatModel(norm, eps), names(attacks)
    images = load_data(data, "test", say)
    loaded = [
        as_model(reference, images, device, own)
        for reference, own in zip(models, archs_of(models, arch or []), strict=True)
    ]
    _refuse_copies(models, loaded)
    limit_threads(loaded[0])
    with executor(workers, scheduler, device) as computing, progress_bar() as progress:
        found = run(
            loaded,
            loaded,
            images,
            threat,
            chosen,
            store=Store(store, say),
            samples=options.chosen_samples(samples, images),
            seed=seed,
            unit_size=batch_size,
            progress=progress,
            executor=computing,
        )
    short = {m.fingerprint: name for m, name in zip(loaded, _titles(models), strict=True)}
    rows = pd.concat([part.rows for part in found], ignore_index=True)
    table = tables.transferred(rows, short)
    facts = [part.description for part in found]
    accuracies = table.to_dict("records")
    if str(json) != "-":
        show(
            tables.transfer_texts(table),
            f"Accuracy % [95 % CI] on {images.name}, {threat}, source → target",
        )
    write_json({"accuracies": accuracies, "pairs": facts, "versions": versions()}, json)


def _refuse_copies(models: list[str], loaded: list[Classifier]) -> None:
    """Raises InputError where two references are of one model: a table has it once."""
    found: dict[str, str] = {}
    for reference, model in zip(models, loaded, strict=True):
        other = found.setdefault(model.fingerprint, reference)
        if other != reference:
            raise InputError(f"{other} and {reference} are the same model; name one of them")


def _titles(models: list[str]) -> list[str]:
    """Short names, where those tell the models apart."""
    short = [Path(model).stem for model in models]
    return short if len(set(short)) == len(models) else models

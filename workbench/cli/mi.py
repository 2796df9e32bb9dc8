"""`workbench mi`: natural and adversarial MI of a model's outputs, per sample."""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from workbench import options, tables
from workbench.data import load_data
from workbench.devices import limit_threads
from workbench.errors import MOST_SEED
from workbench.evaluation.execution import executor
from workbench.evaluation.information import (
    ATTACK,
    Information,
    mutual_information,
    usual_fit_samples,
)
from workbench.evaluation.store import Store
from workbench.information import Fit
from workbench.inputs import as_model
from workbench.models import loading
from workbench.provenance import versions
from workbench.screen import check_writable, progress_bar, say, show, write_json, write_text
from workbench.specs import UNIT_SIZE
from workbench.threat import ThreatModel

CriticSeed = Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Seed of the critics.")]
Attack = Annotated[str, typer.Option(help="Attack that makes x̃; it should run every step.")]
Objective = Annotated[
    str, typer.Option(help="mim for MI; contrast or released for scores that are no MI.")
]
Csv = Annotated[
    Path | None, typer.Option(help="Write the per-sample values to this file; - prints them.")
]


def mi(
    model: options.Model,
    arch: options.Arch = None,
    weights: options.Weights = None,
    mean: options.Mean = None,
    std: options.Std = None,
    channels: options.Channels = "rgb",
    class_map: options.ClassMap = None,
    data: options.Data = "fashion-mnist",
    norm: options.Norm = "Linf",
    eps: options.Eps = "0.1",
    attack: Attack = ATTACK,
    samples: options.Samples = None,
    fit_samples: options.FitSamples = None,
    seed: options.Seed = 0,
    critic_seed: CriticSeed = 0,
    objective: Objective = "mim",
    batch_size: options.BatchSize = UNIT_SIZE,
    device: options.Device = "auto",
    workers: options.Workers = 1,
    scheduler: options.Scheduler = None,
    store: options.StoreFolder = options.DEFAULT_STORE,
    csv: Csv = None,
    json: options.Json = None,
) -> None:
    """Estimate natural and adversarial MI of natural and adversarial outputs, per sample.

    Critics are fitted to attacked training samples, or, for your own data, to the samples after
    the scored ones. Stopped at any moment, the same command goes on where it was.

    Example: workbench mi zoo:fashion-mnist/natural --csv mi.csv
    """
    check_writable(json)
    check_writable(csv)
    threat, fit = ThreatModel(norm, eps), Fit(objective=objective)
    how = loading(weights, mean, std, channels, class_map)
    train, test = load_data(data, "train", say), load_data(data, "test", say)
    classifier = as_model(model, test, device, arch, how)
    limit_threads(classifier)
    samples = options.chosen_samples(samples, test)
    with executor(workers, scheduler, device) as computing, progress_bar() as progress:
        found = mutual_information(
            classifier,
            train,
            test,
            threat,
            attack,
            store=Store(store, say),
            samples=samples,
            fit_samples=usual_fit_samples(train, test, samples, fit_samples),
            seed=seed,
            critic_seed=critic_seed,
            fit=fit,
            unit_size=batch_size,
            progress=progress,
            executor=computing,
        )
    table = tables.observation(found.rows.assign(model=model))
    for warning in found.warnings:
        say(f"warning: {warning}")
    if "-" not in (str(json), str(csv)):
        texts = tables.observation_texts(table).drop(columns="model")
        what, unit = ("MI", ", nats") if fit.quantity == "mi" else ("Contrast scores, no MI,", "")
        show(texts, f"{what} of {model} on {data}, {norm} {eps}, {len(found.rows)} samples{unit}")
    if csv is not None:
        write_text(csv, found.rows.to_csv(index=False))
        say(f"wrote {len(found.rows)} samples to {csv}")
    write_json(summary(found, table), json)


def summary(found: Information, table: pd.DataFrame) -> dict[str, Any]:
    """The result as JSON: scores (MI in nats), AUROC with its 95 % interval, facts of the fits.

    "nulls" are means over samples, each with the output of another. What does not exist, such as
    the numbers of a critic that diverged, is null.
    """
    return {
        "quantities": tables.json_lines(table.drop(columns=["model", "critic_seed"])),
        "nulls": found.rows.filter(regex="_null$").mean().dropna().to_dict(),
        "fit": dict(found.fit),
        "warnings": found.warnings,
        **found.description,
        "versions": versions(),
    }

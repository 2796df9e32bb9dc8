"""`workbench train`: train a model by a recipe, measure it, and write weights and card."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from workbench import options, tables
from workbench.data import Dataset, describe, load_data
from workbench.defenses.training import Recipe
from workbench.defenses.training import train as run
from workbench.devices import device_of
from workbench.errors import InputError
from workbench.evaluation.battery import evaluate
from workbench.evaluation.store import Store
from workbench.models import Classifier, zoo
from workbench.provenance import provenance
from workbench.screen import output, progress_bar, say, show

Out = Annotated[Path, typer.Option(help="Folder for NAME.safetensors and its card NAME.json.")]
Name = Annotated[str | None, typer.Option(help="Name of the files; the defense's unless given.")]


def train(
    defense: Annotated[str, typer.Argument(help="natural or standard-at.")],
    out: Out = Path("trained"),
    name: Name = None,
    data: options.Data = "fashion-mnist",
    arch: Annotated[str, typer.Option(help="small-cnn, resnet18, my_nets.py:f, …")] = "small-cnn",
    norm: options.Norm = "Linf",
    eps: options.Eps = "0.1",
    epochs: Annotated[int, typer.Option(help="Passes over the training samples.")] = 20,
    batch: Annotated[int, typer.Option(help="Samples per step.")] = 128,
    lr: Annotated[float, typer.Option(help="Rate; /10 after 75 % and 90 % of epochs.")] = 0.05,
    weight_decay: Annotated[float, typer.Option(help="Weight decay.")] = 2e-4,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    store: options.StoreFolder = options.DEFAULT_STORE,
) -> None:
    """Train a model and measure it on the test samples: clean and under PGD-40.

    Stopped at any moment, the same command goes on after the last whole epoch, to the same
    weights.

    Example: workbench train standard-at --norm Linf --eps 0.1 --epochs 20 --out mine
    """
    if data not in {known.name for known in describe()}:
        raise InputError(
            f"{data} has no test split of its own to measure the model on; train on one of "
            "`workbench data list`"
        )
    recipe = Recipe(
        defense, data, arch, norm, eps, epochs, batch, lr, weight_decay=weight_decay, seed=seed
    )
    target = out / f"{name or defense}.safetensors"
    checkpoint = out / f"{name or defense}.checkpoint"
    samples = load_data(data, "train", say)
    with progress_bar("steps") as progress:
        net = run(recipe, samples, checkpoint, device_of(device), progress)
    model = Classifier(net, str(target))
    test = load_data(data, "test", say)
    with progress_bar() as progress:
        evaluation = evaluate(
            model,
            test,
            recipe.threat,
            ["pgd-40"],
            store=Store(store, say),
            samples=len(test),
            progress=progress,
        )
    accuracies = tables.accuracies(evaluation.rows).drop(columns="model")
    zoo.save(name or defense, net, _card(recipe, samples, model, accuracies), root=out)
    show(accuracies.round(4), f"{defense} on {test.name}, {recipe.threat}")
    output.print(
        f"Wrote {target} and its card; evaluate it with: "
        f"workbench evaluate {target} --arch {arch} --data {data}",
        highlight=False,
        soft_wrap=True,
    )


def _card(
    recipe: Recipe, samples: Dataset, model: Classifier, accuracies: pd.DataFrame
) -> dict[str, Any]:
    """What the card of a trained model says."""
    return {
        "architecture": recipe.arch,
        "shape": list(samples.shape),
        "classes": len(samples.classes),
        "data": {"name": recipe.data, "fingerprint": samples.fingerprint},
        "recipe": asdict(recipe),
        "accuracies": accuracies.to_dict("records"),
        "fingerprint": model.fingerprint,
        "retrain": command(recipe),
        **provenance(),
    }


def command(recipe: Recipe) -> str:
    """The command that trains by this recipe.

    >>> command(Recipe("natural", "digits", "small-cnn"))[:47]
    'workbench train natural --data digits --arch sm'
    """
    names = ("data", "arch", "norm", "eps", "epochs", "batch", "lr", "weight_decay", "seed")
    values = asdict(recipe)
    options_ = [f"--{name.replace('_', '-')} {values[name]}" for name in names]
    return " ".join(["workbench train", recipe.defense, *options_])

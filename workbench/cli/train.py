"""`workbench train`: train models by a recipe or a profile, and write weights and cards."""

from json import loads
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench import options, trainings
from workbench.data import describe, load_data
from workbench.defenses import DEFENSES
from workbench.defenses.recipe import (
    AUGMENTATIONS,
    OPTIMIZERS,
    PRECISIONS,
    SCHEDULES,
    STORED,
    Recipe,
)
from workbench.devices import device_of
from workbench.errors import InputError
from workbench.evaluation.execution import executor
from workbench.evaluation.store import Store
from workbench.evaluation.training import TrainingRequest, train_all
from workbench.information import OBJECTIVES
from workbench.models import load_model, needs_arch
from workbench.profiles import load_profile
from workbench.screen import check_writable, output, progress_bar, say, show, write_json


def _one_of(*parts: Any) -> str:
    return ", ".join(str(part) for part in parts)


Defense = Annotated[
    str | None,
    typer.Argument(
        help=f"{_one_of(*DEFENSES)}; with settings, as namid:alpha=1.", show_default=False
    ),
]
ProfileName = Annotated[
    str | None, typer.Option(help="Train all models of this profile instead of one defense.")
]
Data = Annotated[
    str, typer.Option(help="A known data set with a training split (workbench data list).")
]
Out = Annotated[Path, typer.Option(help="Folder for NAME.safetensors and its card NAME.json.")]
Name = Annotated[str | None, typer.Option(help="Name of the files; the defense's unless given.")]
Base = Annotated[
    str, typer.Option(help="h_θ0: the model whose outputs NAMID's critics are fitted to.")
]


OF_PROFILES = {"profile", "out", "device", "workers", "scheduler", "store", "json"}


def train(
    context: typer.Context,
    defense: Defense = None,
    profile: ProfileName = None,
    out: Out = Path("trained"),
    name: Name = None,
    data: Data = "fashion-mnist",
    arch: Annotated[str, typer.Option(help="small-cnn, resnet18, my_nets.py:f, …")] = "small-cnn",
    norm: options.Norm = Recipe.norm,
    eps: options.Eps = Recipe.eps,
    epochs: Annotated[int, typer.Option(help="Passes over the training samples.")] = Recipe.epochs,
    batch: Annotated[int, typer.Option(help="Samples per step.")] = Recipe.batch,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = Recipe.lr,
    weight_decay: Annotated[float, typer.Option(help="Weight decay.")] = Recipe.weight_decay,
    attack_steps: Annotated[
        int, typer.Option(help="Steps of the training attack, PGD.")
    ] = Recipe.attack_steps,
    attack_step: Annotated[
        float, typer.Option(help="Their size, in units of ε.")
    ] = Recipe.attack_step,
    optimizer: Annotated[str, typer.Option(help=_one_of(*OPTIMIZERS))] = Recipe.optimizer,
    schedule: Annotated[
        str, typer.Option(help=f"Of the rate: {_one_of(*SCHEDULES)}")
    ] = Recipe.schedule,
    augment: Annotated[str, typer.Option(help=_one_of(*AUGMENTATIONS))] = Recipe.augment,
    precision: Annotated[str, typer.Option(help=_one_of(*PRECISIONS))] = Recipe.precision,
    base: Base = Recipe.base,
    start: Annotated[str, typer.Option(help="Weights: fresh, or the base's")] = Recipe.start,
    estimator: Annotated[
        str, typer.Option(help=f"What NAMID's critics maximise: {_one_of(*OBJECTIVES)}")
    ] = Recipe.estimator,
    units: Annotated[int, typer.Option(help="Size of those critics.")] = Recipe.units,
    fit_steps: Annotated[int, typer.Option(help="Steps of their fit.")] = Recipe.fit_steps,
    keep: Annotated[str, typer.Option(help="Epochs whose models to write too, as 1,5,10.")] = "",
    stored: Annotated[
        str, typer.Option(help=f"Weights in the file: {_one_of(*STORED)}")
    ] = Recipe.stored,
    seed: options.Seed = Recipe.seed,
    device: options.Device = "auto",
    workers: options.UsualWorkers = None,
    scheduler: options.Scheduler = None,
    store: options.StoreFolder = options.DEFAULT_STORE,
    json: options.Json = None,
) -> None:
    """Train a model, or all models of a profile, and measure them: clean and under PGD-40.

    Stopped at any moment, the same command goes on after the last whole epoch, to the same
    weights. Of a profile, models that OUT has from the same recipe are not trained again.

    Examples:
    workbench train standard-at --norm Linf --eps 0.1 --epochs 20 --out mine
    workbench train namid:alpha=1 --base mine/standard-at.safetensors --out mine
    workbench train --profile fashion-mnist --out zoo
    """
    if (defense is None) == (profile is None):
        raise InputError("name a defense to train, or a --profile whose models to train")
    _refuse_idle(_given(context), profile)
    check_writable(json)
    check_writable(out / "weights")
    results, chosen = Store(store, say), device_of(device)
    if profile is not None:
        paths = _train_profile(profile, out, results, chosen, workers, scheduler)
    else:
        assert defense is not None
        recipe = Recipe(
            defense,
            data,
            arch,
            norm,
            eps,
            epochs=epochs,
            batch=batch,
            lr=lr,
            weight_decay=weight_decay,
            attack_steps=attack_steps,
            attack_step=attack_step,
            seed=seed,
            optimizer=optimizer,
            schedule=schedule,
            augment=augment,
            precision=precision,
            base=base,
            start=start,
            estimator=estimator,
            units=units,
            fit_steps=fit_steps,
            keep=_epochs(keep),
            stored=stored,
        )
        _refuse_unused(_given(context), recipe)
        paths = _train_one(recipe, name, out, results, chosen, quiet=str(json) == "-")
    for path in paths.values() if str(json) != "-" else ():
        output.print(f"wrote {path} and its card", highlight=False, soft_wrap=True)
    write_json({title: _card(path) for title, path in paths.items()}, json)


def _given(context: typer.Context) -> set[str]:
    """The names of the options that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def _refuse_idle(given: set[str], profile: str | None) -> None:
    """Raises InputError for an option that would change nothing."""
    if profile is None and (idle := sorted(given & {"workers", "scheduler"})):
        raise InputError(f"--{idle[0]} is for a --profile; one model is trained in one process")
    if profile is not None and (idle := sorted(given - OF_PROFILES)):
        option = idle[0].replace("_", "-")
        raise InputError(f"--{option} is the profile's to say; change it in a copy of {profile}")


def _refuse_unused(given: set[str], recipe: Recipe) -> None:
    """Raises InputError for an option that the defense makes no use of."""
    if idle := sorted(given & recipe.unused):
        option = idle[0].replace("_", "-")
        raise InputError(f"{recipe.defense} makes no use of --{option}; leave it out")


def _card(path: Path) -> dict[str, Any]:
    """Where the weights are, and what their card says."""
    return {"weights": str(path), **loads(path.with_suffix(".json").read_text(encoding="utf-8"))}


def _train_profile(
    profile: str, out: Path, store: Store, device: str, workers: int | None, scheduler: str | None
) -> dict[str, Path]:
    """Train all models of a profile that the folder does not have."""
    wanted = load_profile(profile)
    with executor(workers, scheduler, device, long=True) as computing, progress_bar() as progress:
        paths = trainings.train_profile(wanted, out, store, device, progress, computing)
    if not paths:
        say(f"profile {profile} trains no models")
    return paths


def _train_one(
    recipe: Recipe, name: str | None, out: Path, store: Store, device: str, quiet: bool
) -> dict[str, Path]:
    """Train one model here. quiet: print no history."""
    if recipe.data not in {known.name for known in describe()}:
        raise InputError(
            f"{recipe.data} has no test split of its own to measure the model on; train on one of "
            "`workbench data list`"
        )
    samples = load_data(recipe.data, "train", say)
    shape = samples.shape, len(samples.classes)
    base = None
    if recipe.base:
        arch = recipe.arch if needs_arch(recipe.base) else None
        base = load_model(recipe.base, arch, device, *shape)
    request = TrainingRequest(recipe, samples, base)
    title = name or recipe.defense.partition(":")[0]
    _refuse_to_overwrite(out / f"{title}.safetensors", recipe)
    with progress_bar() as progress:
        found = train_all({title: request}, store, device, progress)
        made = {name: (recipe, model) for name, model in found.items()}
        paths = trainings.write_all(made, out, store, progress)
    if not quiet:
        show(found[title].history.round(4), f"{recipe.defense}, means of each epoch")
    return paths


def _refuse_to_overwrite(path: Path, recipe: Recipe) -> None:
    """Raises InputError where the file is there and was trained by another recipe."""
    card = path.with_suffix(".json")
    if path.exists() and not (card.exists() and _card(path).get("recipe") == recipe.settings()):
        raise InputError(
            f"{path} is there and of another recipe; give another --name or --out, or remove it"
        )


def _epochs(text: str) -> tuple[int, ...]:
    """The numbers of a list with commas. Raises InputError where one is none."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise InputError(f"--keep takes epochs such as 1,5,10, not {text!r}") from None

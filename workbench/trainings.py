"""The models of a profile: trained, measured, and written with their cards."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from workbench import tables
from workbench.data import Dataset, load_data
from workbench.defenses.recipe import Recipe
from workbench.errors import InputError
from workbench.evaluation.battery import EvaluationRequest, evaluate_all
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.store import Store
from workbench.evaluation.training import TrainedModel, TrainingRequest, train_all
from workbench.models import Classifier, load_model, zoo
from workbench.profiles import Model, Profile
from workbench.progress import Progress, no_progress
from workbench.provenance import provenance
from workbench.screen import say
from workbench.specs import UNIT_SIZE

PROVENANCE = ("versions", "commit", "machine")
MEASURED = "pgd-40"  # the attack that a card tells of


def requests(profile: Profile, data: Dataset) -> dict[str, TrainingRequest]:
    """What a profile trains, by the models' names."""
    return {
        name: TrainingRequest(recipe, data, based_on=recipe.base)
        for training in profile.trainings
        for name, recipe in training.recipes(profile.data).items()
    }


def train_profile(
    profile: Profile,
    out: Path,
    store: Store,
    device: str = "cpu",
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> dict[str, Path]:
    """Train what a profile trains, and write weights and cards; returns the weights' paths.

    out: the folder that OUT/NAME.safetensors and OUT/NAME.json are written to. What it has from
    the same recipe and data, or the store, is not trained again.
    """
    wanted = requests(profile, load_data(profile.data, "train", say))
    there = _written(out, wanted, device)
    missing = {name: _on(there, request) for name, request in wanted.items() if name not in there}
    trained = train_all(missing, store, device, progress, executor)
    recipes = {s: r.recipe for n, r in missing.items() for s in r.recipe.stages(n)}
    made = {stage: (recipes[stage], model) for stage, model in trained.items()}
    write_all(made, out, store, progress, executor)
    stages = [stage for name, request in wanted.items() for stage in request.recipe.stages(name)]
    return {stage: out / f"{stage}.safetensors" for stage in stages}


def _written(
    out: Path, wanted: Mapping[str, TrainingRequest], device: str
) -> dict[str, Classifier]:
    """The models that OUT has, where their cards tell of the same trainings on the same bases."""
    there: dict[str, Classifier] = {}
    for name, request in sorted(wanted.items(), key=lambda item: bool(item[1].based_on)):
        base = there.get(request.based_on)
        if request.based_on and base is None:
            continue  # trained anew, and so is what is based on it
        told_base = base.fingerprint if base is not None else ""
        found = {
            stage: _as_told(out / f"{stage}.safetensors", request, epoch, told_base, device)
            for stage, epoch in request.recipe.stages(name).items()
        }
        last = found[name]
        if last is not None and None not in found.values():
            there[name] = last
    return there


def _as_told(
    weights: Path, request: TrainingRequest, epoch: int, base: str, device: str
) -> Classifier | None:
    """The model of a weights file, where the card beside it tells of this training and epoch."""
    shape = request.data.shape, len(request.data.classes)
    try:
        card = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))
        told = card["recipe"], card["data"]["fingerprint"], card["base"], len(card["history"])
        if told != (request.recipe.settings(), request.data.fingerprint, base, epoch):
            return None
        found = load_model(str(weights), request.recipe.arch, device, *shape)
    except (OSError, ValueError, KeyError, TypeError, InputError):
        return None
    return found if found.fingerprint == card["fingerprint"] else None


def _on(there: Mapping[str, Classifier], request: TrainingRequest) -> TrainingRequest:
    """The request with its base, where that is there."""
    base = there.get(request.based_on)
    return request if base is None else replace(request, base=base, based_on="")


def retrained(profile: Profile, paths: Mapping[str, Path]) -> Profile:
    """The profile with its trained models in the place of those of the same name.

    Raises InputError for a model that the profile does not train.
    """
    archs = {name: training.arch for training in profile.trainings for name in training.titles()}

    def own(model: Model) -> Model:
        if model.title not in paths:
            raise InputError(
                f"the profile measures {model.reference} and does not train it; name it among its "
                "trainings"
            )
        path = paths[model.title]
        return Model(reference=str(path), arch=archs[model.title], name=model.title)

    roles = ("models", "variants", "surrogates")
    return profile.model_copy(
        update={role: tuple(map(own, getattr(profile, role))) for role in roles}
    )


def write_all(
    made: Mapping[str, tuple[Recipe, TrainedModel]],
    out: Path,
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> dict[str, Path]:
    """Measure trained models on all test samples, and write weights and cards.

    The critics that some of them were given are written to OUT/critics.
    """
    tests = {recipe.data: load_data(recipe.data, "test", say) for recipe, _ in made.values()}
    measured = [
        EvaluationRequest(
            found.model,
            tests[recipe.data],
            recipe.threat,
            [MEASURED],
            samples=len(tests[recipe.data]),
            seed=0,
            unit_size=UNIT_SIZE,
        )
        for recipe, found in made.values()
    ]
    answers = evaluate_all(measured, store, progress, executor)
    for recipe, found in made.values():
        if found.critics:
            _write_critics(recipe, found, out, store)
    return {
        name: zoo.save(
            name,
            found.model.net,
            card(recipe, found, tests[recipe.data], tables.accuracies(answer.rows)),
            root=out,
            dtype=getattr(torch, recipe.stored),
        )
        for (name, (recipe, found)), answer in zip(made.items(), answers, strict=True)
    }


def _write_critics(recipe: Recipe, found: TrainedModel, out: Path, store: Store) -> None:
    """Write the fitted critics that a training was given, and what is known of them."""
    tensors: dict[str, torch.Tensor] = {}
    about: dict[str, Any] = {"critics_of": recipe.base, "fingerprint": found.base}
    for key in found.critics.split(","):
        stored = store.read(key)
        assert stored is not None
        critic = stored.info["spec"]["critic"]
        tensors |= {f"{critic}.{n}": torch.from_numpy(a) for n, a in stored.tensors().items()}
        about[critic] = {name: stored.info[name] for name in ("fit", "spec", *PROVENANCE)}
    name = f"{Path(recipe.base).stem}.{recipe.estimator.replace(':', '.')}.safetensors"
    zoo.write(out / "critics" / name, tensors, about)


def card(
    recipe: Recipe, found: TrainedModel, test: Dataset, accuracies: pd.DataFrame
) -> dict[str, Any]:
    """What the card of a trained model says."""
    return {
        "architecture": recipe.arch,
        "shape": list(test.shape),
        "classes": len(test.classes),
        "data": {"name": recipe.data, "fingerprint": found.data},
        "recipe": recipe.settings(),
        "accuracies": accuracies.drop(columns="model").to_dict("records"),
        "history": tables.json_lines(found.history),
        "fingerprint": found.model.fingerprint,
        "base": found.base,
        "critics": found.critics,
        "trained": found.origin,
        "retrain": command(recipe),
        **provenance(),
    }


def command(recipe: Recipe) -> str:
    """The command that trains by this recipe: what differs from the defaults is spelled out.

    A base that a profile names is the file beside the model's.

    >>> command(Recipe("natural", "digits", "small-cnn", epochs=3))
    'workbench train natural --data digits --arch small-cnn --epochs 3'
    """
    given = asdict(recipe)
    usual = asdict(Recipe("natural", "", ""))
    left_out = {"defense", *recipe.unused}
    changed = {n: value for n, value in given.items() if value != usual[n] and n not in left_out}
    if recipe.keep:
        changed["keep"] = ",".join(map(str, recipe.keep))
    if re.fullmatch(r"[^/:]+@\d+", str(changed.get("base", ""))):
        changed["base"] += ".safetensors"
    options = [[f"--{name.replace('_', '-')}", str(value)] for name, value in changed.items()]
    return shlex.join(["workbench", "train", recipe.defense, *chain(*options)])

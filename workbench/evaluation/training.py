"""Trainings as units of the store: bases h_θ0 first, then their critics, then what needs those."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from workbench import seeds
from workbench.attacks import attack
from workbench.data import Dataset
from workbench.defenses.recipe import Recipe
from workbench.defenses.training import train
from workbench.devices import device_name, device_of
from workbench.errors import InputError
from workbench.evaluation.battery import ORIGIN, attack_jobs, fill, fill_all
from workbench.evaluation.critics import FittedCritics, fit_jobs, forget_references
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.information import ATTACK, FIT_SAMPLES
from workbench.evaluation.jobs import Job, Result
from workbench.evaluation.store import Store, Stored
from workbench.models import ARCHITECTURES, Classifier, build
from workbench.progress import Progress, ProgressFile, no_progress
from workbench.specs import PAIR, TrainingUnit, key


@dataclass(frozen=True, eq=False)
class TrainingRequest:
    """What `train_all` is asked.

    recipe: how. data: the training split. base: h_θ0, for recipes that need one. based_on: the
    name of the request in the same call that gives it.
    """

    recipe: Recipe
    data: Dataset
    base: Classifier | None = None
    based_on: str = ""

    def critics_of(self) -> Classifier:
        """The model whose outputs the critics are fitted to. Raises InputError for none."""
        if self.base is None:
            raise InputError(f"{self.recipe.defense} needs a base model for its critics; name one")
        return self.base

    def unit(self, critics: str = "") -> TrainingUnit:
        """The training as a unit; critics: the keys of those that it is given, with commas."""
        settings = self.recipe.settings() | self._own_net()
        base = self.base.fingerprint if self.base is not None else ""
        return TrainingUnit(settings, self.data.fingerprint, base, critics)

    def _own_net(self) -> dict[str, str]:
        """The code of a net whose architecture is no name of ours, but one's own file."""
        if self.recipe.arch in ARCHITECTURES:
            return {}
        with seeds.forked(seeds.derive(self.recipe.seed, "weights")):
            net = build(self.recipe.arch)
        return {"net": Classifier(net, self.recipe.arch).fingerprint}

    def attack_jobs(self) -> list[Job]:
        """The attacks on the training samples that the critics are fitted to."""
        stop = min(FIT_SAMPLES, len(self.data))
        what = self.critics_of(), self.data, self.recipe.threat, attack(ATTACK)
        return attack_jobs(*what, stop=stop, seed=self.recipe.seed)

    def fit_jobs(self, attacked: Sequence[Stored]) -> list[Job]:
        """The fits of the critics to those samples."""
        what = self.critics_of(), self.data, attacked, self.recipe.fit, self.recipe.seed
        return fit_jobs(PAIR, *what)


@dataclass(frozen=True)
class TrainedModel:
    """A trained model and what it came from.

    epoch: after how many epochs. history: a row for each of them, means over its steps. key: of
    its unit in the store. data, base, critics: as in TrainingUnit. origin: versions, commit,
    machine and device that trained it.
    """

    model: Classifier
    epoch: int
    history: pd.DataFrame
    key: str
    data: str
    base: str
    critics: str
    origin: dict[str, Any]


def train_all(
    requests: Mapping[str, TrainingRequest],
    store: Store,
    device: str = "cpu",
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> dict[str, TrainedModel]:
    """Train the models of all requests, by their names; what the store has is not trained again.

    A training that was stopped goes on after its last whole epoch. Requests whose base is a
    model, or that need none, are trained first, and then those that are based on them. The models
    of epochs that a recipe keeps are named as Recipe.stages says.
    Raises InputError for a base that is no request, or is itself based on one.
    """
    first = {name: request for name, request in requests.items() if not request.based_on}
    found = _trained_together(first, store, device, progress, executor)
    second = {
        name: replace(request, base=_model_named(request.based_on, name, found))
        for name, request in requests.items()
        if request.based_on
    }
    found |= _trained_together(second, store, device, progress, executor)
    return {
        stage: found[stage]
        for name, request in requests.items()
        for stage in request.recipe.stages(name)
    }


def _trained_together(
    requests: Mapping[str, TrainingRequest],
    store: Store,
    device: str,
    progress: Progress,
    executor: Executor,
) -> dict[str, TrainedModel]:
    """Trainings that do not wait for each other, after the critics that some of them need."""
    common = store, progress, executor
    critics = _critics(_needing(requests), *common)
    jobs = [
        _job(name, request, critics.get(name), store, device) for name, request in requests.items()
    ]
    units = fill(jobs, *common)
    forget_references()
    for job in jobs:
        checkpoint = _checkpoint(store, key(job.unit))
        for file in (checkpoint, _told(checkpoint).path):
            file.unlink(missing_ok=True)
    return {
        stage: _model(stage, request, epoch, unit, device)
        for (name, request), unit in zip(requests.items(), units, strict=True)
        for stage, epoch in request.recipe.stages(name).items()
    }


def _needing(requests: Mapping[str, TrainingRequest]) -> dict[str, TrainingRequest]:
    """Those whose defense needs critics."""
    return {name: request for name, request in requests.items() if request.recipe.objective.fitted}


def _critics(
    requests: Mapping[str, TrainingRequest], store: Store, progress: Progress, executor: Executor
) -> dict[str, FittedCritics]:
    """Critics fitted to attacked training samples of each request's base."""
    common = store, progress, executor
    attacked = fill_all([request.attack_jobs() for request in requests.values()], *common)
    pairs = list(zip(requests.values(), attacked, strict=True))
    fitted = fill_all([request.fit_jobs(units) for request, units in pairs], *common)
    for name, fits in zip(requests, fitted, strict=True):
        for fit in fits:
            if reason := fit.info["fit"].get("diverged"):
                raise InputError(f"{name} lacks its {fit.info['spec']['critic']} critic: {reason}")
    return {
        name: FittedCritics.of(request.critics_of(), request.data, units, fits, request.recipe.fit)
        for name, (request, units), fits in zip(requests, pairs, fitted, strict=True)
    }


def _job(
    name: str,
    request: TrainingRequest,
    critics: FittedCritics | None,
    store: Store,
    device: str,
) -> Job:
    """The unit of a training, and how it is computed."""
    recipe, data, base = request.recipe, request.data, request.base
    unit = request.unit(_keys(critics))
    checkpoint = _checkpoint(store, key(unit)).absolute()
    compute = partial(_trained, recipe, data, base, critics, checkpoint, device)
    size = recipe.epochs * len(data)
    return Job(unit, compute, size, f"training {name}", _told(checkpoint))


def _trained(
    recipe: Recipe,
    data: Dataset,
    base: Classifier | None,
    critics: FittedCritics | None,
    checkpoint: Path,
    device: str,
) -> Result:
    """Train, and give the weights and the history."""
    device = device_of(device)
    references = critics.references() if critics is not None else {}
    progress = _told(checkpoint).writing()
    found = train(recipe, data, checkpoint, device, progress, base, references, _keys(critics))
    states = {**found.kept, recipe.epochs: found.net.state_dict()}
    weights = {
        f"{_prefix(recipe, epoch)}{name}": _stored(recipe, tensor).cpu().numpy()
        for epoch, state in states.items()
        for name, tensor in state.items()
    }
    facts = {"device": device_name(torch.device(device))}
    return Result(pd.DataFrame(found.history), weights, facts)


def _keys(critics: FittedCritics | None) -> str:
    """The keys of the critics' units as a text."""
    return ",".join(critics.keys) if critics is not None else ""


def _stored(recipe: Recipe, tensor: torch.Tensor) -> torch.Tensor:
    """A net's tensor in the precision that the recipe stores; whole numbers stay what they are."""
    return tensor.to(getattr(torch, recipe.stored)) if tensor.is_floating_point() else tensor


def _prefix(recipe: Recipe, epoch: int) -> str:
    """Of the names of an epoch's weights in a unit."""
    return "" if epoch == recipe.epochs else f"epoch-{epoch}/"


def _model(
    name: str, request: TrainingRequest, epoch: int, unit: Stored, device: str
) -> TrainedModel:
    """The model of a stored unit after an epoch."""
    assert unit.rows is not None
    prefix, tensors = _prefix(request.recipe, epoch), unit.tensors()
    net = build(request.recipe.arch, request.data.shape, len(request.data.classes))
    net.load_state_dict({key: torch.from_numpy(tensors[prefix + key]) for key in net.state_dict()})
    came_from = {part: unit.info["spec"][part] for part in ("data", "base", "critics")}
    origin = {part: unit.info[part] for part in ORIGIN}
    model = Classifier(net.to(device), name)
    return TrainedModel(model, epoch, unit.rows[:epoch], unit.key, **came_from, origin=origin)


def _model_named(base: str, name: str, found: Mapping[str, TrainedModel]) -> Classifier:
    if base not in found:
        known = ", ".join(found) or "none"
        raise InputError(f"{name} is based on {base!r}, and these are trained before it: {known}")
    return found[base].model


def _checkpoint(store: Store, name: str) -> Path:
    return store.root / "training" / name


def _told(checkpoint: Path) -> ProgressFile:
    """Where a training tells how far it is."""
    return ProgressFile(checkpoint.with_suffix(".progress"))

"""The parts of a profile's trainings: critics, the training, and the measurement for its card."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from workbench.attacks import attack
from workbench.data import Dataset
from workbench.defenses.recipe import Recipe
from workbench.evaluation.battery import attack_jobs
from workbench.evaluation.information import ATTACK
from workbench.evaluation.training import TrainingRequest
from workbench.models import Classifier
from workbench.models.load import ZOO
from workbench.planning import probes
from workbench.planning.part import SMALL, Part, attacks, critic_units, fitting, unit_name
from workbench.planning.stand_ins import StandIns
from workbench.profiles import Profile
from workbench.specs import PAIR
from workbench.trainings import MEASURED, requests


def training_parts(profile: Profile, train: Dataset, test: Dataset, device: str) -> list[Part]:
    """The units that the trainings of a profile need, each once.

    Only trainings without a base are looked up in the store: what depends on a model that is yet
    to be trained has no key.
    """
    models, zoo = StandIns(profile, retrain=True), f"{ZOO}{profile.data}/"
    load = partial(
        models.load, arch=None, device=device, shape=test.shape, classes=len(test.classes)
    )
    found: dict[str, Part] = {}
    for title, request in requests(profile, train).items():
        parts = [_training(title, request, device)]
        if request.recipe.objective.fitted:
            base = zoo + request.recipe.base
            parts += _critics(base, replace(request, base=load(base)))
        for stage in request.recipe.stages(title):
            parts += _measurement(zoo + stage, load(zoo + stage), request.recipe, test)
        found |= {part.name: part for part in parts}
    return list(found.values())


def _training(title: str, request: TrainingRequest, device: str) -> Part:
    """The training itself."""
    recipe = request.recipe
    return Part(
        ("training", f"{title.partition('@')[0]}, {recipe.arch}"),
        unit_name(request.unit(), recipe.base, not recipe.base),
        partial(probes.training, recipe, request.data, device),
        not recipe.base,
        40 * SMALL * len(recipe.stages(title)),
    )


def _critics(base: str, request: TrainingRequest) -> Iterator[Part]:
    """The attacks on the model that critics are fitted to, and their fit."""
    jobs, model = request.attack_jobs(), request.critics_of()
    what = model, request.data, request.recipe.threat, ATTACK
    yield from attacks(jobs, *what, "robust", base, there=False)
    fit, seed = request.recipe.fit, request.recipe.seed
    for unit in critic_units(PAIR, model, request.data, jobs, fit, seed).values():
        yield fitting(unit, model, request.data, fit, base, there=False)


def _measurement(name: str, model: Classifier, recipe: Recipe, test: Dataset) -> Iterator[Part]:
    """The attack that a card tells of."""
    jobs = attack_jobs(model, test, recipe.threat, attack(MEASURED), stop=len(test))
    kind = "natural" if recipe.defense == "natural" else "robust"
    yield from attacks(jobs, model, test, recipe.threat, MEASURED, kind, name, there=False)

"""The parts of a profile: every unit that its analyses and trainings need, by its key."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

from workbench import tables
from workbench.analysis import request
from workbench.attacks import attack, label
from workbench.data import Dataset, load_data
from workbench.defenses.recipe import Recipe
from workbench.evaluation.battery import EvaluationRequest
from workbench.evaluation.critic_attacks import CriticAttackRequest
from workbench.evaluation.experiments import ExperimentRequest
from workbench.evaluation.information import InformationRequest
from workbench.evaluation.jobs import Job
from workbench.evaluation.measure import MEASURE_VERSION
from workbench.evaluation.transfer import TransferRequest
from workbench.information import SCORING_VERSION
from workbench.information.attacks import critic_attack
from workbench.models import Classifier, build, load_model, zoo
from workbench.models.load import ZOO
from workbench.planning import probes
from workbench.profiles import Profile
from workbench.specs import (
    CriticUnit,
    ExperimentRun,
    InformationUnit,
    Run,
    TrainingUnit,
    TransferRun,
    TransferUnit,
    Unit,
    key,
    settings_of,
)

SMALL = 30_000  # bytes of a unit without images


@dataclass(frozen=True)
class Part:
    """A unit of work.

    group: the work that its time is measured for, once: kind and what. name: its key in the store,
    with the model where that is not there yet. probe: seconds that it takes. there: whether its
    model is there, so that the store may have it. size: bytes on the disk.
    """

    group: tuple[str, str]
    name: str
    probe: Callable[[], float]
    there: bool
    size: int


def parts_of(
    profile: Profile, runs: Sequence[Run], device: str, retrain: bool = False
) -> list[Part]:
    """The units that runs need, each once.

    A model that is yet to be trained is stood in for by standard AT of the zoo, or by an untrained
    net, which falls at once: then times of attacks that stop at a first success are too low.
    """
    models = _Models(profile, retrain)
    data = cache(load_data)
    found: dict[str, Part] = {}
    for run in runs:
        wanted = request(run, models.load, data, device)
        there = isinstance(run, ExperimentRun) or models.has(run.model)
        if isinstance(run, TransferRun):
            there = there and models.has(run.source)
        named = "" if isinstance(run, ExperimentRun) else run.model
        kind = "natural" if tables.named(run.name)[0] == "natural" else "robust"
        for part in _units(wanted, kind, named, there, models.has):
            found.setdefault(part.name, part)
    return list(found.values())


class _Models:
    """Models by their references, with stand-ins for those that are yet to be trained."""

    def __init__(self, profile: Profile, retrain: bool) -> None:
        self._archs = {
            f"{ZOO}{profile.data}/{title}": part.arch
            for part in profile.trainings
            for title in part.titles()
        }
        self._retrain = retrain
        self.load = cache(self._load)

    def has(self, reference: str) -> bool:
        """Whether a model is there and stays as it is."""
        if reference not in self._archs:
            return True
        return not self._retrain and zoo.has(reference.removeprefix(ZOO))

    def _load(
        self,
        reference: str,
        arch: str | None,
        device: str,
        shape: tuple[int, int, int],
        classes: int,
    ) -> Classifier:
        if self.has(reference):
            return load_model(reference, arch, device, shape, classes)
        nearest = f"{reference.removeprefix(ZOO).rpartition('/')[0]}/standard-at"
        own = self._archs[reference]
        if zoo.has(nearest) and zoo.card(nearest)["architecture"] == own:
            found = load_model(f"{ZOO}{nearest}", None, device)
            return Classifier(copy.deepcopy(found.net), reference)
        return Classifier(build(own, shape, classes).to(device), reference)


def _units(
    wanted: object, kind: str, named: str, there: bool, has: Callable[[str], bool]
) -> Iterator[Part]:
    """The units of one request."""
    if isinstance(wanted, ExperimentRequest):
        work = partial(probes.experiment, wanted.experiment, wanted.seed)
        group = ("experiment", type(wanted.experiment).__name__)
        yield Part(group, key(wanted.job().unit), work, True, SMALL)
    elif isinstance(wanted, EvaluationRequest):
        for chosen in map(attack, wanted.attacks):
            jobs = replace(wanted, attacks=[label(chosen)]).jobs()
            yield from _attacks(jobs, wanted, label(chosen), kind, named, there)
    elif isinstance(wanted, TransferRequest):
        yield from _transfers(wanted, named, there, has)
    elif isinstance(wanted, CriticAttackRequest):
        yield from _information(wanted.information, kind, named, there, wanted.attacks)
    elif isinstance(wanted, InformationRequest):
        yield from _information(wanted, kind, named, there, ())


def _name(unit: Unit, named: str, there: bool) -> str:
    return key(unit) if there else f"{named}/{key(unit)}"


def _attacks(
    jobs: Sequence[Job],
    wanted: EvaluationRequest | InformationRequest,
    name: str,
    kind: str,
    named: str,
    there: bool,
) -> Iterator[Part]:
    """Units of one attack, by the samples of the first."""
    data = wanted.data if isinstance(wanted, EvaluationRequest) else wanted.test
    pixels = 4 * data.images[0].size
    group = ("attack", f"{name}, {wanted.threat.norm}, {kind} model")
    for job in jobs:
        work = partial(probes.attack, wanted.model, data, wanted.threat, attack(name), job.size)
        size = SMALL + job.size * pixels
        yield Part(group, _name(job.unit, named, there), work, there, size)


def _transfers(
    wanted: TransferRequest, named: str, there: bool, has: Callable[[str], bool]
) -> Iterator[Part]:
    """Attacks on the source, and their samples shown to the target."""
    source = wanted.source
    for chosen in map(attack, source.attacks):
        jobs = replace(source, attacks=[label(chosen)]).jobs()
        origin = source.model.origin
        yield from _attacks(jobs, source, label(chosen), "source", origin, has(origin))
        for job in jobs:
            unit = TransferUnit(key(job.unit), wanted.model.fingerprint, MEASURE_VERSION)
            work = partial(probes.verdicts, wanted.model, source.data, job.size)
            name = _name(unit, f"{origin} {named}", there)
            yield Part(("transfer", "verdicts"), name, work, there, SMALL)


def _information(
    wanted: InformationRequest, kind: str, named: str, there: bool, attacks: Sequence[str]
) -> Iterator[Part]:
    """Attacks, the fit of critics, scores, and attacks that know the critics with theirs."""
    fitted_to, scored = wanted.attack_jobs()
    name = label(attack(wanted.attack_name))
    yield from _attacks([*fitted_to, *scored], wanted, name, kind, named, there)
    critics = ("natural", "adversarial", "standard")[: 3 if wanted.standard else 2]
    keys = tuple(key(job.unit) for job in fitted_to)
    fit = CriticUnit(keys, critics, settings_of(wanted.fit), wanted.critic_seed)
    work = partial(probes.fit, wanted.model, wanted.train, wanted.fit, len(critics))
    what = f"{wanted.fit.objective}, {len(critics)} critics"
    yield Part(("fit", what), _name(fit, named, there), work, there, 10 * SMALL)
    for job in scored:
        unit = InformationUnit(key(job.unit), key(fit), SCORING_VERSION)
        score = partial(probes.scores, wanted.model, wanted.test, wanted.fit.units, job.size)
        yield Part(("scores", "of a unit"), _name(unit, named, there), score, there, SMALL)
        for chosen in attacks:
            settings = {**settings_of(critic_attack(chosen)), "critics": key(fit)}
            knowing = type(job.unit)(**{**vars(job.unit), "attack": settings})
            after = InformationUnit(key(knowing), key(fit), SCORING_VERSION)
            run = partial(
                probes.knowing, wanted.model, wanted.test, wanted.threat, chosen, job.size
            )
            size = SMALL + job.size * 4 * wanted.test.images[0].size
            group = ("attack", f"{chosen}, knows critics")
            yield Part(group, _name(knowing, named, there), run, there, size)
            yield Part(("scores", "of a unit"), _name(after, named, there), score, there, SMALL)


def training_parts(profile: Profile, data: Dataset, device: str) -> list[Part]:
    """The trainings of a profile; those on a base are not looked up, as it may not be there yet.

    What comes beside them is left out: critics for NAMID, and the measurement for the card.
    """
    recipes = {
        name: recipe
        for part in profile.trainings
        for name, recipe in part.recipes(profile.data).items()
    }

    def name_of(recipe: Recipe) -> str:
        return _name(
            TrainingUnit(recipe.settings(), data.fingerprint, "", ""), recipe.base, not recipe.base
        )

    return [
        Part(
            ("training", f"{name.partition('@')[0]}, {recipe.arch}"),
            name_of(recipe),
            partial(probes.training, recipe, data, device),
            not recipe.base,
            40 * SMALL,
        )
        for name, recipe in recipes.items()
    ]

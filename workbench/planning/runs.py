"""The parts of a profile: every unit that its analyses need, by its key."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial

from workbench import tables
from workbench.analysis import request
from workbench.attacks import attack, label
from workbench.data import load_data
from workbench.evaluation.battery import EvaluationRequest
from workbench.evaluation.critic_attacks import CriticAttackRequest, knowing_settings
from workbench.evaluation.experiments import ExperimentRequest
from workbench.evaluation.information import InformationRequest
from workbench.evaluation.measure import MEASURE_VERSION
from workbench.evaluation.transfer import TransferRequest
from workbench.information import SCORING_VERSION
from workbench.information.attacks import critic_attack
from workbench.planning import probes
from workbench.planning.part import SMALL, Part, attacks, critic_units, fitting, unit_name
from workbench.planning.stand_ins import StandIns
from workbench.profiles import Profile
from workbench.specs import (
    ExperimentRun,
    InformationUnit,
    Run,
    TransferRun,
    TransferUnit,
    key,
)


def parts_of(
    profile: Profile, runs: Sequence[Run], device: str, retrain: bool = False
) -> list[Part]:
    """The units that runs need, each once.

    A model that is yet to be trained is stood in for by standard AT of the zoo, or by an untrained
    net, which falls at once: then times of attacks that stop at a first success are too low.
    """
    models = StandIns(profile, retrain)
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
            what = wanted.model, wanted.data, wanted.threat, label(chosen)
            yield from attacks(jobs, *what, kind, named, there)
    elif isinstance(wanted, TransferRequest):
        yield from _transfers(wanted, named, there, has)
    elif isinstance(wanted, CriticAttackRequest):
        yield from _information(wanted.information, kind, named, there, wanted.attacks)
    elif isinstance(wanted, InformationRequest):
        yield from _information(wanted, kind, named, there, ())


def _transfers(
    wanted: TransferRequest, named: str, there: bool, has: Callable[[str], bool]
) -> Iterator[Part]:
    """Attacks on the source, and their samples shown to the target."""
    source = wanted.source
    for chosen in map(attack, source.attacks):
        jobs = replace(source, attacks=[label(chosen)]).jobs()
        origin = source.model.origin
        what = source.model, source.data, source.threat, label(chosen)
        yield from attacks(jobs, *what, "source", origin, has(origin))
        for job in jobs:
            unit = TransferUnit(key(job.unit), wanted.model.fingerprint, MEASURE_VERSION)
            work = partial(probes.verdicts, wanted.model, source.data, job.size)
            name = unit_name(unit, f"{origin} {named}", there)
            yield Part(("transfer", "verdicts"), name, work, there, SMALL)


def _information(
    wanted: InformationRequest, kind: str, named: str, there: bool, knowing: Sequence[str]
) -> Iterator[Part]:
    """Attacks, the fit of critics, scores, and attacks that know the critics with theirs."""
    fitted_to, scored = wanted.attack_jobs()
    name = label(attack(wanted.attack_name))
    what = wanted.model, wanted.test, wanted.threat, name
    yield from attacks([*fitted_to, *scored], *what, kind, named, there)
    fits = wanted.model, wanted.train, fitted_to, wanted.fit, wanted.critic_seed
    units = critic_units(wanted.critics, *fits)
    for fit in units.values():
        yield fitting(fit, wanted.model, wanted.train, wanted.fit, named, there)
    keys = {name: key(unit) for name, unit in units.items()}
    for job in scored:
        unit = InformationUnit(key(job.unit), tuple(keys.values()), SCORING_VERSION)
        score = partial(probes.scores, wanted.model, wanted.test, wanted.fit.units, job.size)
        yield Part(("scores", "of a unit"), unit_name(unit, named, there), score, there, SMALL)
        for chosen in knowing:
            settings = knowing_settings(critic_attack(chosen), keys)
            known = type(job.unit)(**{**vars(job.unit), "attack": settings})
            after = InformationUnit(key(known), tuple(keys.values()), SCORING_VERSION)
            run = partial(
                probes.knowing, wanted.model, wanted.test, wanted.threat, chosen, job.size
            )
            size = SMALL + job.size * 4 * wanted.test.images[0].size
            group = ("attack", f"{chosen}, knows critics")
            yield Part(group, unit_name(known, named, there), run, there, size)
            yield Part(("scores", "of a unit"), unit_name(after, named, there), score, there, SMALL)

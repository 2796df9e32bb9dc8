"""A part of a profile: a unit of work, what it is called, and what its time is measured by."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from workbench.attacks import attack
from workbench.data import Dataset
from workbench.evaluation.critics import critic_unit
from workbench.evaluation.jobs import Job
from workbench.information import Fit
from workbench.models import Classifier
from workbench.planning import probes
from workbench.specs import AttackUnit, CriticUnit, Unit, key
from workbench.threat import ThreatModel

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


def unit_name(unit: Unit, named: str, there: bool) -> str:
    """Its key, with the model's name where that is not there yet."""
    return key(unit) if there else f"{named}/{key(unit)}"


def attacks(
    jobs: Sequence[Job],
    model: Classifier,
    data: Dataset,
    threat: ThreatModel,
    name: str,
    kind: str,
    named: str,
    there: bool,
) -> Iterator[Part]:
    """Units of one attack, by the samples of the first."""
    pixels = 4 * data.images[0].size
    group = ("attack", f"{name}, {threat.norm}, {kind} model")
    for job in jobs:
        work = partial(probes.attack, model, data, threat, attack(name), job.size)
        size = SMALL + job.size * pixels
        yield Part(group, unit_name(job.unit, named, there), work, there, size)


def critic_units(
    critics: Sequence[str],
    model: Classifier,
    train: Dataset,
    attacked: Sequence[Job],
    chosen: Fit,
    seed: int,
) -> dict[str, CriticUnit]:
    """The units of critics that are fitted to attacked samples, by their names."""
    keys = [key(job.unit) for job in attacked]
    first, last = attacked[0].unit, attacked[-1].unit
    assert isinstance(first, AttackUnit)
    assert isinstance(last, AttackUnit)
    what = model, train, keys, first.start, last.stop, chosen, seed
    return {critic: critic_unit(critic, *what) for critic in critics}


def fitting(
    unit: CriticUnit, model: Classifier, train: Dataset, chosen: Fit, named: str, there: bool
) -> Part:
    """The fit of a critic."""
    work = partial(probes.fit, model, train, chosen)
    group = ("fit", f"a critic by {chosen.objective}, {chosen.units} units")
    return Part(group, unit_name(unit, named, there), work, there, 10 * SMALL)

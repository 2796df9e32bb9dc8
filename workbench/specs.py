"""Frozen values that say what to measure, and their keys.

A unit of work is computed once: its key is the hash of exactly what its result depends on.
This module imports nothing of the package and no torch, so that results can be read without it.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import pandas as pd

UNIT_SIZE = 250  # samples per unit: AutoAttack's own batch, and the most work a kill can cost


class Settings(Protocol):
    """Any frozen dataclass with a version: an attack, the fit of a critic, an experiment."""

    version: ClassVar[int]
    __dataclass_fields__: ClassVar[dict[str, Any]]


def settings_of(value: Settings) -> dict[str, Any]:
    """What a result depends on: the class's name, its version, and every field, in depth.

    A field may itself be a frozen dataclass; its version is 0 where it has none. A field that
    takes no part in comparisons is no setting.

    >>> from workbench.attacks import attack
    >>> settings_of(attack("pgd-10"))["steps"]
    10
    """
    settings = [field.name for field in fields(value) if field.compare]
    values = {name: _plain(getattr(value, name)) for name in settings}
    return {"name": type(value).__name__, "version": getattr(value, "version", 0), **values}


def _plain(value: Any) -> Any:
    """A field's value as JSON knows it."""
    return settings_of(value) if is_dataclass(value) else value  # type: ignore[arg-type]


class Experiment(Settings, Protocol):
    """A measurement that brings its own data: a frozen dataclass, its fields its settings."""

    def __call__(self, seed: int) -> "pd.DataFrame":
        """The rows, which follow from settings, version and seed alone."""


# critics, by what they are fitted to: (x, h(x)), (x̃ − x, h(x̃)), (x̃, h(x̃))
NATURAL, ADVERSARIAL, STANDARD = "natural", "adversarial", "standard"
PAIR = (NATURAL, ADVERSARIAL)


@dataclass(frozen=True)
class AttackUnit:
    """One attack on consecutive samples of one data set."""

    model: str  # fingerprint
    data: str  # fingerprint
    start: int
    stop: int
    attack: dict[str, Any]  # settings_of(attack)
    norm: str
    epsilon: float
    seed: int
    measure_version: int  # of the verdict and the columns


@dataclass(frozen=True)
class TransferUnit:
    """The adversarial samples of an attack unit, shown to another model."""

    attack: str  # key of the attack unit, whose model is the source
    model: str  # fingerprint of the target
    measure_version: int


@dataclass(frozen=True)
class ProbeUnit:
    """A look at how a model behaves on consecutive samples of one data set."""

    model: str  # fingerprint
    data: str  # fingerprint
    start: int
    stop: int
    probe: dict[str, Any]  # settings_of(probe)
    norm: str
    epsilon: float
    seed: int


@dataclass(frozen=True)
class CriticUnit:
    """A critic fitted to a model's outputs on consecutive training samples."""

    critic: str  # NATURAL, ADVERSARIAL or STANDARD
    fitted_to: tuple[str, ...]  # keys of attack units; where no attack is seen, `untouched`
    fit: dict[str, Any]  # settings_of(fit)
    seed: int


def untouched(model: str, data: str, start: int, stop: int) -> tuple[str, ...]:
    """Natural samples start..stop and a model's outputs, in the place of keys of attack units."""
    return model, data, f"{start}..{stop}"


@dataclass(frozen=True)
class InformationUnit:
    """The scores of consecutive attacked samples under fitted critics."""

    attack: str  # key of the attack unit
    critics: tuple[str, ...]  # keys of the critic units
    version: int


@dataclass(frozen=True)
class TrainingUnit:
    """A training by a recipe."""

    recipe: dict[str, Any]  # Recipe.settings()
    data: str  # fingerprint of the training split
    base: str  # fingerprint of h_θ0, "" where there is none
    critics: str  # keys of the units of its critics, with commas, "" where there are none


@dataclass(frozen=True)
class ExperimentUnit:
    """A measurement that brings its own data."""

    experiment: dict[str, Any]  # settings_of(experiment)
    seed: int


Unit = (
    AttackUnit
    | TransferUnit
    | ProbeUnit
    | CriticUnit
    | InformationUnit
    | TrainingUnit
    | ExperimentUnit
)


def canonical(unit: Unit) -> str:
    """The unit as JSON text: equal units give equal text, whatever the order of settings."""
    content = {"kind": type(unit).__name__, **asdict(unit)}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def key(unit: Unit) -> str:
    """The name under which a unit's result is stored: 32 hexadecimal digits."""
    return hashlib.sha256(canonical(unit).encode()).hexdigest()[:32]


def ranges(start: int, stop: int, size: int = UNIT_SIZE) -> Iterator[tuple[int, int]]:
    """Cut start..stop into consecutive ranges of at most `size`.

    >>> list(ranges(0, 600, 250))
    [(0, 250), (250, 500), (500, 600)]
    """
    for first in range(start, stop, size):
        yield first, min(first + size, stop)


@dataclass(frozen=True)
class EvaluationRun:
    """A request in names: attack a model on the first samples of a data set."""

    model: str
    arch: str | None
    name: str  # of the model, in tables and figures
    data: str
    norm: str
    eps: str
    attacks: tuple[str, ...]
    samples: int
    seed: int
    unit_size: int


@dataclass(frozen=True)
class TransferRun(EvaluationRun):
    """A request in names: attack the source model, and show the samples to the model."""

    source: str
    source_arch: str | None
    source_name: str  # in tables and figures


@dataclass(frozen=True)
class InformationRun:
    """A request in names: the MI of the first test samples, critics fitted to training ones."""

    model: str
    arch: str | None
    name: str  # of the model, in tables and figures
    data: str
    norm: str
    eps: str
    attack: str
    samples: int
    fit_samples: int
    seed: int
    critic_seed: int
    unit_size: int
    objective: str = "mim"  # of the critics
    critics: tuple[str, ...] = PAIR


@dataclass(frozen=True)
class CriticAttackRun(InformationRun):
    """A request in names: the same under attacks that know the critics, too."""

    attacks: tuple[str, ...] = ()  # see information.attacks.critic_attack


@dataclass(frozen=True)
class ExperimentRun:
    """A request: an experiment, with a seed."""

    experiment: Experiment
    name: str  # in tables and figures
    samples: int  # that it draws, for the provenance
    seed: int


Run = EvaluationRun | TransferRun | InformationRun | CriticAttackRun | ExperimentRun

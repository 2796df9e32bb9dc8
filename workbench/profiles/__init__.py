"""Profiles: everything a run needs, validated, from a TOML file."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from workbench.attacks import attack, label
from workbench.errors import InputError
from workbench.specs import UNIT_SIZE
from workbench.threat import ThreatModel

FOLDER = Path(__file__).parent
T = TypeVar("T")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Threat(_Frozen):
    """A norm and an ε that make a threat model."""

    norm: str
    eps: str

    @property
    def threat(self) -> ThreatModel:
        """The threat model."""
        return ThreatModel(self.norm, self.eps)

    @model_validator(mode="after")
    def _makes_a_threat(self) -> Self:
        _ = self.threat
        return self


class Model(_Frozen):
    """A model to measure.

    reference, arch: as load_model takes them; the architecture is needed for a weights file.
    name: in tables and figures; the reference's last part unless given.
    """

    reference: str
    arch: str | None = None
    name: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, content: Any) -> Any:
        return {"reference": content} if isinstance(content, str) else content

    @property
    def title(self) -> str:
        """What tables and figures call it."""
        return self.name or Path(self.reference).stem


class Battery(_Threat):
    """A threat model and the attacks that are run under it."""

    attacks: tuple[str, ...] = Field(min_length=1)

    @field_validator("attacks")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        labels = [label(attack(name)) for name in names]
        return tuple(_unique(labels))


class Information(_Threat):
    """How mutual information is estimated.

    attack: makes the adversarial samples. samples: test samples that are scored. fit_samples:
    training samples that the critics are fitted to. critic_seeds: one pair of critics each.
    """

    attack: str
    samples: int = Field(ge=2)
    fit_samples: int = Field(ge=2)
    critic_seeds: tuple[int, ...] = Field(min_length=1)

    @field_validator("critic_seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(_unique(seeds))

    @field_validator("attack")
    @classmethod
    def _known(cls, name: str) -> str:
        attack(name)
        return name


class Profile(_Frozen):
    """What a run measures, and which analyses it draws.

    data: name of a data set. models: references, or tables of reference, arch and name.
    samples: test samples that are attacked. seed: of every random number.
    threats, transfers: attacks on each model, and those that are shown to the other models too.
    surrogates: models that are attacked for transfer only.
    analyses: modules of `analyses`.
    unit_size: samples per stored unit of work, and AutoAttack's batch.
    """

    data: str
    models: tuple[Model, ...] = Field(min_length=1)
    samples: int = Field(ge=1)
    seed: int = Field(default=0, ge=0)
    unit_size: int = Field(default=UNIT_SIZE, ge=1)
    threats: tuple[Battery, ...] = Field(min_length=1)
    transfers: tuple[Battery, ...] = ()
    surrogates: tuple[Model, ...] = ()
    information: Information
    analyses: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        _unique([model.title for model in (*self.models, *self.surrogates)])
        _unique([str(battery.threat) for battery in self.threats])
        _unique([str(battery.threat) for battery in self.transfers])
        return self


def _unique(values: Sequence[T]) -> Sequence[T]:
    """The values, where no two are equal. Raises ValueError: a table would count them twice."""
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise ValueError(f"{twice[0]} stands there twice; give each a name of its own")
    return values


def names() -> list[str]:
    """The profiles that come along."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_profile(name: str) -> Profile:
    """A profile by its name, or from a TOML file.

    Raises InputError for an unknown name and for each bad or missing entry, named.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        return Profile.model_validate(tomllib.loads(path.read_text()))
    except FileNotFoundError:
        known = ", ".join(names())
        raise InputError(f"no profile {name!r}; use one of {known}, or a .toml file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"profile {path} is not valid TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"profile {path}, entry {where}: {first['msg']}") from None

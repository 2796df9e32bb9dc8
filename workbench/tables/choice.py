"""The models that an analysis compares: those of some defenses."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from workbench.errors import InputError
from workbench.tables.defenses import Titled, named, trained_under


class Normed(Protocol):
    """Whatever belongs to a norm, such as a battery of attacks."""

    @property
    def norm(self) -> str:
        """The norm."""


M = TypeVar("M", bound=Titled)
N = TypeVar("N", bound=Normed)


def of_defenses(defenses: Sequence[str], norm: str, models: Sequence[M]) -> list[M]:
    """The models of some defenses that belong to a norm, in the defenses' order.

    Raises InputError where a defense has none, and says which.
    """
    if missing := _missing(defenses, norm, models):
        raise InputError(
            f"no model of {', '.join(missing)} for {norm} is in the profile, and this analysis "
            f"compares {', '.join(defenses)}; name it among the models and trainings, or take the "
            "analysis off the profile"
        )
    found = [m for m in trained_under(norm, models) if named(m.title)[0] in defenses]
    return sorted(found, key=lambda model: defenses.index(named(model.title)[0]))


def threats_with(
    defenses: Sequence[str], threats: Sequence[N], models: Sequence[Titled]
) -> list[N]:
    """The threat models under which every one of the defenses has a model.

    Raises InputError where there is none, and says what the first of them lacks.
    """
    found = [threat for threat in threats if not _missing(defenses, threat.norm, models)]
    if not found:
        of_defenses(defenses, threats[0].norm, models)
    return found


def _missing(defenses: Sequence[str], norm: str, models: Sequence[Titled]) -> list[str]:
    """The defenses without a model that belongs to the norm."""
    there = {named(model.title)[0] for model in trained_under(norm, models)}
    return [defense for defense in defenses if defense not in there]

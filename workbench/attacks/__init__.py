"""The table of attacks: one file each, and one line here for each name."""

from dataclasses import fields, replace
from typing import Any

from workbench.attacks.apgd import APGD
from workbench.attacks.attempt import NEVER, Attack, Attempt
from workbench.attacks.autoattack import AutoAttack
from workbench.attacks.cascade import Cascade, CascadeExact, CascadeFast
from workbench.attacks.fwa import FrankWolfeWasserstein, ProjectedWasserstein
from workbench.attacks.minimal_norm import CW, DDN
from workbench.attacks.momentum import MomentumIterative
from workbench.attacks.noise import RandomNoise
from workbench.attacks.none import NoAttack
from workbench.attacks.pgd import PGD
from workbench.attacks.square import Square
from workbench.errors import InputError

__all__ = [
    "ATTACKS",
    "CW",
    "DDN",
    "NEVER",
    "PGD",
    "Attack",
    "Attempt",
    "AutoAttack",
    "attack",
    "label",
    "names",
]

ATTACKS: dict[str, Attack] = {
    "none": NoAttack(),
    "fgsm": PGD(steps=1, step=1.0, random_start=False),
    "pgd-10": PGD(steps=10),
    "pgd-40": PGD(steps=40),
    "mi-fgsm": MomentumIterative(),
    "ti-dim": MomentumIterative(diversity_probability=0.7, kernel=5),
    "random-noise": RandomNoise(),
    "fwa-10": FrankWolfeWasserstein(steps=10),
    "fwa-40": FrankWolfeWasserstein(steps=40),
    "pgd-wasserstein-40": ProjectedWasserstein(steps=40),
    "apgd-ce": APGD(),
    "square": Square(),
    "autoattack": AutoAttack(),
    "cascade-exact": CascadeExact(),
    "cascade": Cascade(),
    "cascade-fast": CascadeFast(),
    "cw": CW(),
    "ddn": DDN(),
}


def attack(name: str) -> Attack:
    """An attack by its name, with other settings after a colon.

    Raises InputError for an unknown name, an unknown setting, or a value that is none.

    >>> attack("pgd-40:restarts=5,stop_at_success=false")
    PGD(steps=40, step=0.25, restarts=5, random_start=True, stop_at_success=False)
    """
    base, _, text = name.partition(":")
    if base not in ATTACKS:
        raise InputError(f"attack {base!r} is not known; use one of {', '.join(ATTACKS)}")
    found: Any = ATTACKS[base]
    settings = dict(_setting(found, base, part) for part in text.split(",")) if text else {}
    return replace(found, **settings)


def names(text: str) -> list[str]:
    """The attacks of a list with commas between, which settings have too.

    >>> names("fgsm, pgd-10:steps=3,restarts=2,cw")
    ['fgsm', 'pgd-10:steps=3,restarts=2', 'cw']
    """
    found: list[str] = []
    for part in map(str.strip, text.split(",")):
        if "=" in part and ":" not in part and found and ":" in found[-1]:
            found[-1] += f",{part}"
        else:
            found.append(part)
    return found


def _setting(found: Any, base: str, part: str) -> tuple[str, int | float | bool]:
    """Read one "field=value" of an attack, by the type of the field."""
    field, _, value = part.partition("=")
    known = [f.name for f in fields(found)]
    if field not in known:
        choice = f"it has {', '.join(known)}" if known else "it has none"
        raise InputError(f"attack {base!r} has no setting {field!r}; {choice}")
    kind = type(getattr(found, field))
    try:
        return field, {"true": True, "false": False}[value] if kind is bool else kind(value)
    except (ValueError, KeyError):
        raise InputError(f"{base}:{field} needs a value like {kind()!r}, not {value!r}") from None


def label(found: Attack) -> str:
    """The one name of an attack: the table's nearest name, and the settings that differ.

    >>> label(attack("pgd-10:steps=40,restarts=2"))
    'pgd-40:restarts=2'
    """
    names = [name for name, known in ATTACKS.items() if type(known) is type(found)]
    texts = [":".join(filter(None, (name, _differences(found, ATTACKS[name])))) for name in names]
    return min(texts, key=lambda text: (text.count("="), texts.index(text)))


def _differences(found: Any, known: Any) -> str:
    """The settings in which two attacks of one kind differ, as `attack` reads them."""
    pairs = [(f.name, getattr(found, f.name), getattr(known, f.name)) for f in fields(found)]
    return ",".join(f"{name}={str(a).lower()}" for name, a, b in pairs if a != b)

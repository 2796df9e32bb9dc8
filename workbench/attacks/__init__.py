"""The table of attacks: one file each, and one line here for each name."""

from workbench import named
from workbench.attacks.apgd import APGD
from workbench.attacks.attempt import NEVER, Attack, Attempt
from workbench.attacks.autoattack import AutoAttack
from workbench.attacks.cascade import Cascade, CascadeExact, CascadeFast, TargetedAPGD
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
    "complete_attack",
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
    "apgd-t": TargetedAPGD(),
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
    return named.choose(ATTACKS, name, "attack")


def complete_attack(name: str) -> Attack:
    """As `attack`, where it runs every step. Raises InputError where it does not."""
    found = attack(name)
    if found.stop_at_success:
        raise InputError(
            f"{name} leaves samples at their first success, and the rest without a "
            "pattern n; MI needs every step: use pgd-40:stop_at_success=false"
        )
    return found


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


def label(found: Attack) -> str:
    """The one name of an attack: the table's nearest name, and the settings that differ.

    >>> label(attack("pgd-10:steps=40,restarts=2"))
    'pgd-40:restarts=2'
    """
    return named.label(ATTACKS, found)

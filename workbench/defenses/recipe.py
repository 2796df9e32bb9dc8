"""The recipe of a training: all that decides the weights, besides the machine's arithmetic."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from workbench.defenses import Defense, defense, label
from workbench.errors import InputError, whole
from workbench.information import Fit
from workbench.threat import ThreatModel

OPTIMIZERS = ("sgd", "adam")
AUGMENTATIONS = ("none", "crop-flip")
PRECISIONS = ("float32", "bfloat16")
STORED = ("float32", "float16")


def divided(done: float) -> float:
    """1, a tenth of it after 75 % of the steps, and a hundredth after 90 % (the paper's).

    >>> divided(0.0), divided(0.75), divided(0.9)
    (1.0, 0.1, 0.01)
    """
    return 1.0 if done < 0.75 else 0.1 if done < 0.9 else 0.01


def one_cycle(done: float) -> float:
    """From 0 to 1 over the first 30 % of the steps, and back to 0: for few epochs.

    >>> one_cycle(0.15), one_cycle(0.3), one_cycle(0.65)
    (0.5, 1.0, 0.5)
    """
    return done / 0.3 if done < 0.3 else round((1 - done) / 0.7, 12)


def constant(done: float) -> float:
    """1 throughout."""
    del done
    return 1.0


SCHEDULES: dict[str, Callable[[float], float]] = {
    "divided": divided,
    "one-cycle": one_cycle,
    "constant": constant,
}


@dataclass(frozen=True)
class Recipe:
    """What to train, on what, and how; the defaults follow the paper.

    defense: a name of DEFENSES, with settings. data, arch: as load_data and build take them.
    norm, eps: of the training attack, PGD with so many steps of attack_step × ε. epochs, batch:
    passes over the samples, and samples per step. optimizer: sgd with momentum 0.9, or adam.
    schedule: of the rate, over the share of all steps done. augment: none, or crop-flip (random
    crops of the image padded by an eighth, and mirror images). precision: bfloat16 computes the
    net, in training and its attack, in mixed precision; losses and critics stay float32. base: the
    model h_θ0 whose outputs the critics were fitted to, for defenses that need them. start: "fresh"
    weights, or the "base" model's own. estimator, units, fit_steps: what those critics maximise, a
    name of OBJECTIVES, their size, and the steps of their fit. keep: epochs whose weights are kept
    beside the last. stored: float16 rounds the weights of the result, whose file is then half as
    large.
    Raises InputError for values that make no training.
    """

    defense: str
    data: str
    arch: str
    norm: str = "Linf"
    eps: str = "0.1"
    epochs: int = 20
    batch: int = 128
    lr: float = 0.05
    weight_decay: float = 2e-4
    attack_steps: int = 10
    attack_step: float = 0.25
    seed: int = 0
    optimizer: str = "sgd"
    schedule: str = "divided"
    augment: str = "none"
    precision: str = "float32"
    base: str = ""
    start: str = "fresh"
    estimator: str = "mim"
    units: int = 128
    fit_steps: int = 400
    keep: tuple[int, ...] = ()
    stored: str = "float32"

    def __post_init__(self) -> None:
        _ = self.threat  # refuses a wrong norm or ε at once
        object.__setattr__(self, "defense", label(self.objective))
        object.__setattr__(self, "keep", tuple(sorted(set(self.keep))))
        choices = {
            "optimizer": OPTIMIZERS,
            "schedule": SCHEDULES,
            "augment": AUGMENTATIONS,
            "precision": PRECISIONS,
            "stored": STORED,
            "start": ("fresh", "base"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} {getattr(self, name)!r} is not known; use one of {', '.join(known)}"
                )
        for name in ("epochs", "batch", "attack_steps", "units", "fit_steps"):
            whole(getattr(self, name), name.replace("_", " "), 1)
        whole(self.seed, "seed")
        if not (0 < self.lr < math.inf and 0 < self.attack_step < math.inf):
            raise InputError("lr and attack step must be above 0")
        _ = self.fit  # refuses what makes no fit
        for epoch in self.keep:
            whole(epoch, "an epoch of keep (the last is kept anyway)", 1, self.epochs - 1)
        if not 0 <= self.weight_decay < math.inf:
            raise InputError("weight decay must be at least 0")
        if not self.base and (self.objective.fitted or self.start == "base"):
            raise InputError(
                f"{self.defense} needs a base model whose outputs its critics are fitted to; "
                "name one, such as --base zoo:fashion-mnist/standard-at"
            )

    @property
    def threat(self) -> ThreatModel:
        """The threat model that the training attack stays in."""
        return ThreatModel(self.norm, self.eps)

    @property
    def objective(self) -> Defense:
        """The defense itself. Raises InputError where there is none of that name."""
        return defense(self.defense)

    @property
    def fit(self) -> Fit:
        """How the critics are fitted, for defenses that need them."""
        return Fit(objective=self.estimator, units=self.units, steps=self.fit_steps)

    @property
    def unused(self) -> set[str]:
        """The names of the settings that the defense makes no use of."""
        found: set[str] = set()
        if not self.objective.fitted:
            found |= {"estimator", "units", "fit_steps"}
            if self.start == "fresh":
                found.add("base")
        if self.defense == "natural":
            found |= {"attack_steps", "attack_step"}
        return found

    def rate(self, done: float) -> float:
        """The learning rate after a share of all steps, in [0, 1)."""
        return self.lr * SCHEDULES[self.schedule](done)

    def stages(self, title: str) -> dict[str, int]:
        """The names of the models that a training called `title` makes, with their epochs.

        >>> Recipe("natural", "digits", "small-cnn", epochs=8, keep=(2,)).stages("natural@1")
        {'natural-epoch-2@1': 2, 'natural@1': 8}
        """
        name, at, seed = title.partition("@")
        kept = {f"{name}-epoch-{epoch}{at}{seed}": epoch for epoch in self.keep}
        return kept | {title: self.epochs}

    def settings(self) -> dict[str, Any]:
        """All of it, with the version of the defense: what a training's result depends on."""
        settings = asdict(self) | {"version": self.objective.version, "keep": list(self.keep)}
        for name in ("keep", "stored"):  # absent at their defaults: older results have neither
            if getattr(self, name) == getattr(Recipe, name):
                del settings[name]
        return settings

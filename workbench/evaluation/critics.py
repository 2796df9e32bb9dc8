"""The units of critics: fit them to attacked samples, and score attacked samples with them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from workbench import seeds
from workbench.data import Dataset
from workbench.devices import device_name, full_precision
from workbench.evaluation.jobs import Job, Result
from workbench.evaluation.records import COPIED
from workbench.evaluation.store import Stored, tensors_in
from workbench.evaluation.verify import logits_of
from workbench.information import (
    REFERENCE_SIZE,
    SCORING_VERSION,
    Diverged,
    Fit,
    Pairs,
    Reference,
    fit_critic,
    image_critic,
    with_null,
)
from workbench.models import Classifier
from workbench.specs import (
    ADVERSARIAL,
    NATURAL,
    STANDARD,
    CriticUnit,
    InformationUnit,
    settings_of,
    untouched,
)

OUTPUTS = {  # that each critic scores with its own patterns
    NATURAL: ("natural", "adversarial"),
    ADVERSARIAL: ("natural", "adversarial"),
    STANDARD: ("adversarial",),
}


def critic_unit(
    critic: str,
    model: Classifier,
    train: Dataset,
    attacked: Sequence[str],
    start: int,
    stop: int,
    fit: Fit,
    seed: int,
) -> CriticUnit:
    """The unit of a critic that is fitted to samples start..stop, and their attack units' keys.

    A natural critic by MI sees no attack, and is the same beside each.
    """
    own = _fit_of(critic, fit)
    natural = untouched(model.fingerprint, train.fingerprint, start, stop)
    seen = tuple(attacked) if _sees_attack(critic, own) else natural
    return CriticUnit(critic, seen, settings_of(own), seed)


def fit_jobs(
    critics: Sequence[str],
    model: Classifier,
    train: Dataset,
    units: Sequence[Stored],
    fit: Fit,
    seed: int,
) -> list[Job]:
    """Fit critics to attacked training samples: (x, h(x)), (n, h(x̃)), or (x̃, h(x̃)).

    critics: names. units: of one attack on consecutive samples of `train`. seed: of the critics.
    The standard critic is fitted by Eq. 4 whatever the others maximise. A critic whose fit
    diverges has no weights; the unit's facts say so.
    """
    places = tuple(map(_Place.of, units))
    start, stop = places[0].start, places[-1].stop
    keys = [unit.key for unit in units]
    return [
        Job(
            critic_unit(critic, model, train, keys, start, stop, fit, seed),
            partial(_fitted, critic, model, train, places, _fit_of(critic, fit), seed),
            stop - start,
            f"{critic} critic of {model.origin}",
        )
        for critic in critics
    ]


def score_jobs(
    critics: "FittedCritics", test: Dataset, scored: Sequence[Stored], seed: int
) -> list[Job]:
    """Score each of the `scored` attack units on `test` with critics of that seed."""
    return [
        Job(
            InformationUnit(unit.key, critics.keys, SCORING_VERSION),
            partial(_scored, critics, test, _Place.of(unit), unit.rows, seed),
            unit.info["spec"]["stop"] - unit.info["spec"]["start"],
            f"MI of {critics.model.origin}",
            attack=unit.attack,
        )
        for unit in scored
    ]


@dataclass(frozen=True)
class _Place:
    """Where the unit of one attack on samples start..stop is stored."""

    folder: Path
    start: int
    stop: int

    @classmethod
    def of(cls, unit: Stored) -> "_Place":
        spec = unit.info["spec"]
        return cls(unit.folder, spec["start"], spec["stop"])


@dataclass(frozen=True)
class FittedCritics:
    """Fitted critics, by where all lies that they are made from: so they may travel.

    names: of all. keys: of their units. folders: those units', of critics whose fit converged.
    """

    model: Classifier
    train: Dataset
    fitted_to: tuple[_Place, ...]
    names: tuple[str, ...]
    keys: tuple[str, ...]
    folders: tuple[tuple[str, Path], ...]
    fit: Fit

    @classmethod
    def of(
        cls,
        model: Classifier,
        train: Dataset,
        fitted_to: Sequence[Stored],
        fitted: Sequence[Stored],
        fit: Fit,
    ) -> "FittedCritics":
        """The critics of the units `fitted`, from `fit_jobs` with the same arguments."""
        names = tuple(unit.info["spec"]["critic"] for unit in fitted)
        folders = [
            (name, unit.folder)
            for name, unit in zip(names, fitted, strict=True)
            if "diverged" not in unit.info["fit"]
        ]
        keys = tuple(unit.key for unit in fitted)
        return cls(model, train, tuple(map(_Place.of, fitted_to)), names, keys, tuple(folders), fit)

    def converged(self) -> dict[str, str]:
        """The keys of the critics that have weights, by their names."""
        able = dict(self.folders)
        return {n: key for n, key in zip(self.names, self.keys, strict=True) if n in able}

    def references(self) -> dict[str, Reference]:
        """The critics that have weights, with their reference sets, on the model's device."""
        return _references(self)


@dataclass(frozen=True)
class _Attacked:
    """What critics see of attacked samples, made when it is asked for and then kept.

    The target model runs at most once on x and once on x̃.
    """

    model: Classifier
    data: Dataset
    places: tuple[_Place, ...]

    @cached_property
    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """x (n, c, h, w) and y (n,)."""
        return self.data.batch(self.places[0].start, self.places[-1].stop, self.model.device)

    @cached_property
    def x_adv(self) -> torch.Tensor:
        """x̃ (n, c, h, w)."""
        stored = np.concatenate([tensors_in(place.folder)["x_adv"] for place in self.places])
        return torch.from_numpy(stored).to(self.model.device)

    @cached_property
    def logits(self) -> torch.Tensor:
        """h(x) (n, classes)."""
        return torch.from_numpy(logits_of(self.model, self.batch[0])).to(self.model.device)

    @cached_property
    def adversarial_logits(self) -> torch.Tensor:
        """h(x̃) (n, classes)."""
        return torch.from_numpy(logits_of(self.model, self.x_adv)).to(self.model.device)

    def patterns(self, critic: str) -> torch.Tensor:
        """What a critic sees: x, n = x̃ − x, or x̃."""
        if critic == ADVERSARIAL:
            return self.x_adv - self.batch[0]
        return self.batch[0] if critic == NATURAL else self.x_adv

    def pairs(self, critic: str) -> Pairs:
        """Outputs of natural and adversarial samples, for objectives that contrast them."""
        outputs = self.logits, self.adversarial_logits
        return Pairs(*outputs, self.batch[1], natural=critic == NATURAL)


def _fit_of(critic: str, fit: Fit) -> Fit:
    """The fit of one of the critics: standard MI is always fitted by Eq. 4."""
    return replace(fit, objective="mim") if critic == STANDARD else fit


def _sees_attack(critic: str, fit: Fit) -> bool:
    """Whether adversarial samples have a part in a critic's fit."""
    return critic != NATURAL or fit.quantity == "contrast"


def _fitted(
    critic: str,
    model: Classifier,
    train: Dataset,
    places: tuple[_Place, ...],
    fit: Fit,
    seed: int,
) -> Result:
    """Fit a critic; facts are the last check of the fit, or that it diverged."""
    seen = _Attacked(model, train, places)
    patterns = seen.patterns(critic)
    outputs = seen.logits if critic == NATURAL else seen.adversarial_logits
    weights = seeds.derive(seed, critic, "weights")
    found = image_critic(patterns.shape[1], outputs.shape[1], fit.units, seed=weights)
    device = {"device": device_name(model.device)}
    try:
        checks = fit_critic(
            found.to(patterns.device),
            patterns,
            outputs,
            fit,
            seeds.generator(seed, critic, "batches"),
            pairs=seen.pairs(critic) if fit.quantity == "contrast" else None,
        )
    except Diverged as error:
        return Result(None, {}, {"fit": {"diverged": str(error)}, **device})
    tensors = {name: tensor.cpu().numpy() for name, tensor in found.state_dict().items()}
    return Result(None, tensors, {"fit": checks[-1]._asdict(), **device})


@full_precision()
def _scored(
    critics: FittedCritics, test: Dataset, place: _Place, rows: pd.DataFrame, seed: int
) -> Result:
    """The scores of one attacked unit, with its rows; NaN where a critic diverged."""
    seen = _Attacked(critics.model, test, (place,))
    partner = _partners(len(rows), seeds.generator(seed, "null", place.start))
    references = critics.references()
    numbers: dict[str, np.ndarray] = {}
    for name in critics.names:
        values = _values(references.get(name), name, seen, partner)
        quantity = _fit_of(name, critics.fit).quantity
        numbers |= {f"{name}_{quantity}_{n}": value for n, value in values.items()}
    numbers |= _sureness("clean", seen.logits) | _sureness("adversarial", seen.adversarial_logits)
    objective = _fit_of(critics.names[0], critics.fit).objective
    facts = {"critic_seed": seed, "objective": objective}
    device = {"device": device_name(critics.model.device)}
    return Result(rows[[*COPIED]].assign(**facts, **numbers), {}, device)


def _values(
    reference: Reference | None, name: str, seen: _Attacked, partner: torch.Tensor
) -> dict[str, np.ndarray]:
    """The scores of one critic and their nulls, (n,) each; NaN where it diverged."""
    outputs = {"natural": seen.logits, "adversarial": seen.adversarial_logits}
    scored = [(seen.patterns(name), {output: outputs[output] for output in OUTPUTS[name]})]
    if name == NATURAL:  # and what a defender can ask of it, who has x̃ alone
        scored.append((seen.x_adv, {"received": seen.adversarial_logits}))
    if reference is None:
        nothing = np.full(len(partner), np.nan, np.float32)
        names = [output for _, part in scored for output in part]
        return {output + end: nothing for output in names for end in ("", "_null")}
    found = [with_null(reference, *pairs, partner) for pairs in scored]
    return {n: value.cpu().numpy() for part in found for n, value in part.items()}


def _sureness(name: str, logits: torch.Tensor) -> dict[str, np.ndarray]:
    """How sure a model is of its outputs (n, classes): what can be had without a critic."""
    first, second = logits.topk(2).values.T
    values = {"gap": first - second, "confidence": logits.softmax(1).amax(1)}
    return {f"{name}_{n}": value.cpu().numpy() for n, value in values.items()}


def _partners(n: int, generator: torch.Generator) -> torch.Tensor:
    """For each of n samples another one, in one random cycle through all: (n,) int64."""
    order = torch.randperm(n, generator=generator)
    partner = torch.empty_like(order)
    partner[order] = order.roll(1)
    return partner


@lru_cache(maxsize=1)
@full_precision()
def _references(critics: FittedCritics) -> dict[str, Reference]:
    """Critics with their reference sets, which a process makes once for all units it scores."""
    model, first = critics.model, critics.fitted_to[0].start
    used = tuple(p for p in critics.fitted_to if p.start - first < REFERENCE_SIZE)
    seen = _Attacked(model, critics.train, used)
    channels, classes = len(seen.batch[0][0]), logits_of(model, seen.batch[0][:1]).shape[1]
    found = {}
    for name, folder in critics.folders:
        critic = image_critic(channels, classes, critics.fit.units, seed=0)
        critic.load_state_dict({k: torch.from_numpy(v) for k, v in tensors_in(folder).items()})
        found[name] = Reference.of(critic.to(model.device), seen.patterns(name))
    return found


def forget_references() -> None:
    """Let go of the models and data that the last scores in this process were made with."""
    _references.cache_clear()

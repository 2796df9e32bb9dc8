"""The units of critics: fit them to attacked samples, and score attacked samples with them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from workbench import seeds
from workbench.data import Dataset
from workbench.devices import device_name, full_precision
from workbench.evaluation.jobs import Job, Result
from workbench.evaluation.store import Stored, tensors_in
from workbench.evaluation.verify import logits_of
from workbench.information import (
    REFERENCE_SIZE,
    SCORING_VERSION,
    Critic,
    Diverged,
    Fit,
    Pairs,
    Reference,
    fit_critic,
    image_critic,
    with_null,
)
from workbench.models import Classifier
from workbench.specs import CriticUnit, InformationUnit, settings_of

NATURAL, ADVERSARIAL, STANDARD = "natural", "adversarial", "standard"
OUTPUTS = {  # that each critic scores with its own patterns
    NATURAL: ("natural", "adversarial"),
    ADVERSARIAL: ("natural", "adversarial"),
    STANDARD: ("adversarial",),
}
COPIED = (
    *("model", "data", "attack", "norm", "epsilon", "seed"),
    *("index", "label", "clean_prediction", "clean_margin"),
    *("adversarial_prediction", "adversarial_margin", "verified", "robust"),
)


def fit_job(
    model: Classifier,
    train: Dataset,
    units: Sequence[Stored],
    fit: Fit,
    seed: int,
    standard: bool = False,
) -> Job:
    """Fit a natural and an adversarial critic to attacked training samples.

    units: of one attack on consecutive samples of `train`. seed: of the critics. standard: fit a
    third one to adversarial samples and their outputs, by Eq. 4 whatever the others maximise.
    A critic whose fit diverges has no weights; the unit's facts say so.
    """
    names = (NATURAL, ADVERSARIAL, STANDARD) if standard else (NATURAL, ADVERSARIAL)
    unit = CriticUnit(tuple(unit.key for unit in units), names, settings_of(fit), seed)
    places = tuple(_Place.of(unit) for unit in units)
    samples = places[-1].stop - places[0].start
    compute = partial(_fitted, model, train, places, names, fit, seed)
    return Job(unit, compute, samples, f"critics for {model.origin}")


def score_jobs(
    model: Classifier,
    train: Dataset,
    test: Dataset,
    fitted_to: Sequence[Stored],
    scored: Sequence[Stored],
    fitted: Stored,
    fit: Fit,
) -> list[Job]:
    """Score each of the `scored` attack units on `test` with the critics of the unit `fitted`."""
    critics = FittedCritics.of(model, train, fitted_to, fitted, fit)
    spec = fitted.info["spec"]
    facts = tuple(spec["critics"]), spec["seed"]
    return [
        Job(
            InformationUnit(unit.key, fitted.key, SCORING_VERSION),
            partial(_scored, critics, test, _Place.of(unit), unit.rows, *facts),
            unit.info["spec"]["stop"] - unit.info["spec"]["start"],
            f"MI of {model.origin}",
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
    """Critics whose fit converged, by where all lies that they are made from: so they may travel.

    key: of their unit in the store.
    """

    model: Classifier
    train: Dataset
    fitted_to: tuple[_Place, ...]
    folder: Path
    key: str
    names: tuple[str, ...]
    fit: Fit

    @classmethod
    def of(
        cls,
        model: Classifier,
        train: Dataset,
        fitted_to: Sequence[Stored],
        fitted: Stored,
        fit: Fit,
    ) -> "FittedCritics":
        """The critics of the unit `fitted`, from `fit_job` with the same arguments."""
        places = tuple(map(_Place.of, fitted_to))
        names = _converged(fitted)
        return cls(model, train, places, fitted.folder, fitted.key, names, fit)

    def references(self) -> dict[str, Reference]:
        """The critics by name, with their reference sets, on the model's device."""
        return _references(self)


@dataclass(frozen=True)
class _Attacked:
    """Attacked samples: x, x̃ (n, c, h, w), h(x), h(x̃) (n, classes), y (n,)."""

    x: torch.Tensor
    x_adv: torch.Tensor
    logits: torch.Tensor
    adversarial_logits: torch.Tensor
    y: torch.Tensor

    def fitted(self, critic: str, fit: Fit, seed: int) -> tuple[Critic, dict[str, float]]:
        """A critic fitted to its pairs, and the last check of the fit. Raises Diverged."""
        natural = critic == NATURAL
        outputs = self.logits if natural else self.adversarial_logits
        pairs = Pairs(self.logits, self.adversarial_logits, self.y, natural)
        weights = seeds.derive(seed, critic, "weights")
        found = image_critic(self.x.shape[1], outputs.shape[1], fit.units, seed=weights)
        checks = fit_critic(
            found.to(self.x.device),
            _patterns(critic, self.x, self.x_adv),
            outputs,
            fit,
            seeds.generator(seed, critic, "batches"),
            pairs=pairs if fit.quantity == "contrast" else None,
        )
        return found, checks[-1]._asdict()


def _patterns(critic: str, x: torch.Tensor, x_adv: torch.Tensor) -> torch.Tensor:
    """What a critic sees: x, n = x̃ − x, or x̃."""
    if critic == ADVERSARIAL:
        return x_adv - x
    return x if critic == NATURAL else x_adv


def _images(
    data: Dataset, places: Sequence[_Place], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Attacked samples: x, x̃ (n, c, h, w), and y (n,)."""
    x, y = data.batch(places[0].start, places[-1].stop, device)
    stored = np.concatenate([tensors_in(place.folder)["x_adv"] for place in places])
    return x, torch.from_numpy(stored).to(device), y


def _attacked(model: Classifier, data: Dataset, places: Sequence[_Place]) -> _Attacked:
    """What critics see of attacked samples; the target model runs once on x and once on x̃."""
    x, x_adv, y = _images(data, places, model.device)
    logits, adversarial = (
        torch.from_numpy(logits_of(model, t)).to(model.device) for t in (x, x_adv)
    )
    return _Attacked(x, x_adv, logits, adversarial, y)


def _fit_of(critic: str, fit: Fit) -> Fit:
    """The fit of one of the critics: standard MI is always fitted by Eq. 4."""
    return replace(fit, objective="mim") if critic == STANDARD else fit


def _fitted(
    model: Classifier,
    train: Dataset,
    places: Sequence[_Place],
    names: Sequence[str],
    fit: Fit,
    seed: int,
) -> Result:
    """Fit critics to (x, h(x)), to (n, h(x̃)), and to (x̃, h(x̃))."""
    seen = _attacked(model, train, places)
    weights: dict[str, np.ndarray] = {}
    facts: dict[str, dict[str, float | str]] = {}
    for name in names:
        try:
            critic, last = seen.fitted(name, _fit_of(name, fit), seed)
        except Diverged as error:
            facts[name] = {"diverged": str(error)}
            continue
        facts[name] = {**last}
        weights |= {f"{name}.{key}": v.cpu().numpy() for key, v in critic.state_dict().items()}
    return Result(None, weights, {"fit": facts, "device": device_name(model.device)})


def _converged(fitted: Stored) -> tuple[str, ...]:
    """The critics that have weights."""
    facts = fitted.info["fit"]
    return tuple(n for n in fitted.info["spec"]["critics"] if "diverged" not in facts[n])


def _load(
    folder: Path, names: Sequence[str], channels: int, classes: int, fit: Fit
) -> dict[str, Critic]:
    weights = tensors_in(folder) if names else {}
    critics = {}
    for name in names:
        own = {k.partition(".")[2]: v for k, v in weights.items() if k.startswith(f"{name}.")}
        critics[name] = image_critic(channels, classes, fit.units, seed=0)
        critics[name].load_state_dict({k: torch.from_numpy(v) for k, v in own.items()})
    return critics


@full_precision()
def _scored(
    critics: FittedCritics,
    test: Dataset,
    place: _Place,
    rows: pd.DataFrame,
    names: Sequence[str],
    critic_seed: int,
) -> Result:
    """The scores of one attacked unit, with its rows; NaN where a critic diverged."""
    seen = _attacked(critics.model, test, [place])
    partner = _partners(len(seen.x), seeds.generator(critic_seed, "null", place.start))
    references = critics.references()
    numbers: dict[str, np.ndarray] = {}
    for name in names:
        values = _values(references.get(name), name, seen, partner)
        quantity = _fit_of(name, critics.fit).quantity
        numbers |= {f"{name}_{quantity}_{n}": value for n, value in values.items()}
    numbers |= _sureness("clean", seen.logits) | _sureness("adversarial", seen.adversarial_logits)
    facts = {"critic_seed": critic_seed, "objective": critics.fit.objective}
    device = {"device": device_name(critics.model.device)}
    return Result(rows[[*COPIED]].assign(**facts, **numbers), {}, device)


def _values(
    reference: Reference | None, name: str, seen: _Attacked, partner: torch.Tensor
) -> dict[str, np.ndarray]:
    """The scores of one critic and their nulls, (n,) each; NaN where it diverged."""
    outputs = {"natural": seen.logits, "adversarial": seen.adversarial_logits}
    patterns = _patterns(name, seen.x, seen.x_adv)
    scored = [(patterns, {output: outputs[output] for output in OUTPUTS[name]})]
    if name == NATURAL:  # and what a defender can ask of it, who has x̃ alone
        scored.append((seen.x_adv, {"received": seen.adversarial_logits}))
    if reference is None:
        nothing = np.full(len(seen.x), np.nan, np.float32)
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
def _references(critics: FittedCritics) -> dict[str, Reference]:
    """Critics with their reference sets, which a process makes once for all units it scores."""
    model = critics.model
    first = critics.fitted_to[0].start
    used = [place for place in critics.fitted_to if place.start - first < REFERENCE_SIZE]
    x, x_adv, _ = _images(critics.train, used, model.device)
    classes = logits_of(model, x[:1]).shape[1]
    found = _load(critics.folder, critics.names, x.shape[1], classes, critics.fit)
    return {
        name: Reference.of(critic.to(model.device), _patterns(name, x, x_adv))
        for name, critic in found.items()
    }


def forget_references() -> None:
    """Let go of the models and data that the last scores in this process were made with."""
    _references.cache_clear()

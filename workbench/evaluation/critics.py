"""The units of critics: fit a pair to attacked samples, and score attacked samples with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from workbench import seeds
from workbench.data import Dataset
from workbench.devices import device_name
from workbench.evaluation.jobs import Job, Result
from workbench.evaluation.store import Stored, tensors_in
from workbench.evaluation.verify import logits_of
from workbench.information import (
    SCORING_VERSION,
    Critic,
    Fit,
    Reference,
    fit_critic,
    four_quantities,
    image_critic,
)
from workbench.models import Classifier
from workbench.specs import CriticUnit, InformationUnit, settings_of

NATURAL, ADVERSARIAL = "natural", "adversarial"
COPIED = (
    *("model", "data", "attack", "norm", "epsilon", "seed"),
    *("index", "label", "clean_prediction", "clean_margin"),
    *("adversarial_prediction", "adversarial_margin"),
)


def fit_job(model: Classifier, train: Dataset, units: Sequence[Stored], fit: Fit, seed: int) -> Job:
    """Fit a natural and an adversarial critic to attacked training samples (Eq. 4).

    units: of one attack on consecutive samples of `train`. seed: of the critics.
    """
    unit = CriticUnit(tuple(unit.key for unit in units), settings_of(fit), seed)
    places = tuple(_Place.of(unit) for unit in units)
    samples = places[-1].stop - places[0].start
    compute = partial(_fitted, model, train, places, fit, seed)
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
    pair = _Pair(
        model, train, tuple(_Place.of(unit) for unit in fitted_to), fitted.folder.absolute(), fit
    )
    return [
        Job(
            InformationUnit(unit.key, fitted.key, SCORING_VERSION),
            partial(_scored, pair, test, _Place.of(unit), unit.rows, fitted.info["spec"]["seed"]),
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
        return cls(unit.folder.absolute(), spec["start"], spec["stop"])


@dataclass(frozen=True)
class _Pair:
    """A fitted pair of critics, by where everything lies that it is made from."""

    model: Classifier
    train: Dataset
    fitted_to: tuple[_Place, ...]
    weights: Path
    fit: Fit


@dataclass(frozen=True)
class _Attacked:
    """Attacked samples: x, n = x̃ − x (n, c, h, w), h(x), h(x̃) (n, classes)."""

    x: torch.Tensor
    noise: torch.Tensor
    logits: torch.Tensor
    adversarial_logits: torch.Tensor


def _attacked(model: Classifier, data: Dataset, places: Sequence[_Place]) -> _Attacked:
    """What critics see of attacked samples; the target model runs once on x and once on x̃."""
    x, _ = data.batch(places[0].start, places[-1].stop, model.device)
    stored = np.concatenate([tensors_in(place.folder)["x_adv"] for place in places])
    x_adv = torch.from_numpy(stored).to(model.device)
    logits, adversarial = (
        torch.from_numpy(logits_of(model, t)).to(model.device) for t in (x, x_adv)
    )
    return _Attacked(x, x_adv - x, logits, adversarial)


def _critics(seen: _Attacked, fit: Fit, seed: int) -> dict[str, Critic]:
    """A pair of critics with the weights they start from."""
    channels, classes = seen.x.shape[1], seen.logits.shape[1]
    return {
        name: image_critic(
            channels, classes, fit.units, seed=seeds.derive(seed, name, "weights")
        ).to(seen.x.device)
        for name in (NATURAL, ADVERSARIAL)
    }


def _fitted(
    model: Classifier, train: Dataset, places: Sequence[_Place], fit: Fit, seed: int
) -> Result:
    """Fit the natural critic to (x, h(x)) and the adversarial critic to (n, h(x̃)) (Eq. 4)."""
    seen = _attacked(model, train, places)
    critics = _critics(seen, fit, seed)
    pairs = {
        NATURAL: (seen.x, seen.logits),
        ADVERSARIAL: (seen.noise, seen.adversarial_logits),
    }
    checks = {
        name: fit_critic(critic, *pairs[name], fit, seeds.generator(seed, name, "batches"))
        for name, critic in critics.items()
    }
    weights = {
        f"{name}.{key}": value.cpu().numpy()
        for name, critic in critics.items()
        for key, value in critic.state_dict().items()
    }
    facts = {name: checks[name][-1]._asdict() for name in critics}
    return Result(None, weights, {"fit": facts, "device": device_name(model.device)})


def _scored(
    pair: _Pair, test: Dataset, place: _Place, rows: pd.DataFrame, critic_seed: int
) -> Result:
    """The MI values of one attacked unit, with its rows."""
    seen = _attacked(pair.model, test, [place])
    references = _references(pair)
    values = four_quantities(
        references[NATURAL],
        references[ADVERSARIAL],
        seen.x,
        seen.noise,
        seen.logits,
        seen.adversarial_logits,
    )
    numbers = {name: value.cpu().numpy() for name, value in values.items()}
    return Result(
        rows[[*COPIED]].assign(critic_seed=critic_seed, **numbers),
        {},
        {"device": device_name(pair.model.device)},
    )


@lru_cache(maxsize=1)
def _references(pair: _Pair) -> dict[str, Reference]:
    """Critics with their reference sets, which a process makes once for all units it scores."""
    seen = _attacked(pair.model, pair.train, pair.fitted_to)
    critics = _critics(seen, pair.fit, 0)
    weights = {k: torch.from_numpy(v) for k, v in tensors_in(pair.weights).items()}
    for name, critic in critics.items():
        critic.load_state_dict(
            {k.partition(".")[2]: v for k, v in weights.items() if k.startswith(f"{name}.")}
        )
    return {
        NATURAL: Reference.of(critics[NATURAL], seen.x),
        ADVERSARIAL: Reference.of(critics[ADVERSARIAL], seen.noise),
    }


def forget_references() -> None:
    """Let go of the models and data that the last scores in this process were made with."""
    _references.cache_clear()

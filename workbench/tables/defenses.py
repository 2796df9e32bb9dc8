"""From models to defenses: accuracy over the seeds of training, and gains over standard AT.

A model is named DEFENSE@SEED, or DEFENSE-l2@SEED where it was trained under L2; a name without a
seed is a defense of one model.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd

from workbench.published import BASELINE
from workbench.statistics import holm, mcnemar, mean_difference, shared_share, sign_flip, student
from workbench.tables.accuracy import by_model, verdicts

L2_SUFFIX = "-l2"
GAIN = (
    *("mean_gain", "std_gain", "gain_low", "gain_high"),
    *("gain_trained_low", "gain_trained_high", "mean_p"),
)
EVERY_STEP = ":stop_at_success=false"


class Titled(Protocol):
    """Whatever has a model's name."""

    @property
    def title(self) -> str:
        """The name."""


T = TypeVar("T", bound=Titled)


def named(model: str) -> tuple[str, str]:
    """The defense and the seed in a model's name.

    >>> named("namid-l2@1"), named("mine")
    (('namid', '1'), ('mine', ''))
    """
    defense, _, seed = model.partition("@")
    return defense.removesuffix(L2_SUFFIX), seed


def trained_under(norm: str, models: Sequence[T]) -> list[T]:
    """The models that belong to a norm: those for L2 are named so, the others are for Linf.

    Where no model is named for L2, all belong to every norm.
    """
    for_l2 = [model.title.partition("@")[0].endswith(L2_SUFFIX) for model in models]
    wanted = norm == "L2"
    return [m for m, l2 in zip(models, for_l2, strict=True) if l2 == wanted or not any(for_l2)]


def plain_attack(name: str) -> str:
    """An attack's name without the setting that lets it run every step, as transfer needs.

    >>> plain_attack("pgd-40:stop_at_success=false")
    'pgd-40'
    """
    return name.removesuffix(EVERY_STEP)


def by_defense(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per model and attack, with what is known of its defense over all seeds.

    Columns: model, attack, defense, seed;
    seeds, mean, std: how many models of the defense, mean and standard deviation of their
    accuracies; mean_low, mean_high: 95 % interval of the mean over samples (`shared_share`);
    gain, p: this model's accuracy minus that of standard AT of the same seed, and McNemar's exact
    p-value on the same samples;
    mean_gain, std_gain: mean and standard deviation of the gains over the seeds that both have;
    gain_low, gain_high: 95 % interval of the mean gain over samples (`mean_difference`);
    gain_trained_low, gain_trained_high: the same over trainings (`student`);
    mean_p: exact p-value of it (`sign_flip`); holm_p: the same corrected for the number of
    defenses that are compared under the attack.
    Shares in [0, 1]; NaN where there is nothing to compare. The intervals over samples and the
    p-values hold for these models on further samples, those over trainings for further seeds on
    these samples.
    Raises ValueError where the models were not attacked on the same samples.
    """
    parts = []
    for attack, column in verdicts(rows).items():
        parts.append(_lines(by_model(column)).assign(attack=attack))
    return pd.concat(parts, ignore_index=True)


def _lines(wide: pd.DataFrame) -> pd.DataFrame:
    """The lines of one attack; wide: a column of verdicts per model."""
    defenses: dict[str, dict[str, str]] = {}
    for model in wide:
        defense, seed = named(str(model))
        defenses.setdefault(defense, {})[seed] = str(model)
    lines = []
    for defense, models in defenses.items():
        base = {} if defense == BASELINE else defenses.get(BASELINE, {})
        both = [seed for seed in models if seed in base]
        first, second = ([of[seed] for seed in both] for of in (models, base))
        shared = _over_seeds(wide[[*models.values()]])
        gains = over_pairs(wide[first].to_numpy(), wide[second].to_numpy())
        shared |= dict(zip(GAIN, gains, strict=True))
        for seed, model in models.items():
            own = _gain(wide[model], wide.get(base.get(seed)))
            lines.append({"model": model, "defense": defense, "seed": seed, **own, **shared})
    return _corrected(pd.DataFrame(lines))


def _over_seeds(verdict: pd.DataFrame) -> dict[str, float]:
    """Accuracy over seeds: mean, spread, and the mean's interval over samples."""
    found = shared_share(verdict.to_numpy())
    std = float(verdict.mean().std())
    mean = {"mean": found.value, "std": std, "mean_low": found.low, "mean_high": found.high}
    return {"seeds": verdict.shape[1], **mean}


def _gain(verdict: pd.Series, base: pd.Series | None) -> dict[str, float]:
    """How one model compares with another one on the same samples."""
    if base is None:
        return dict.fromkeys(("gain", "p"), float("nan"))
    first, second = verdict.to_numpy(), base.to_numpy()
    return {"gain": float(first.mean() - second.mean()), "p": mcnemar(first, second)}


def over_pairs(first: np.ndarray, second: np.ndarray) -> tuple[float, ...]:
    """How the models of two defenses compare, seed by seed: (n, seeds), (n, seeds) bool.

    The mean of the first's accuracies minus the second's, its standard deviation over seeds, its
    interval over samples (`mean_difference`), its interval over trainings (`student`), and its
    exact p-value over samples (`sign_flip`). NaN without a pair.
    """
    if not first.shape[1]:
        return (float("nan"),) * len(GAIN)
    found, gains = mean_difference(first, second), first.mean(axis=0) - second.mean(axis=0)
    trained, std = student(gains), float(pd.Series(gains).std())
    ends = np.clip([trained.low, trained.high], -1, 1)
    return (found.value, std, found.low, found.high, *map(float, ends), sign_flip(first, second))


def _corrected(lines: pd.DataFrame) -> pd.DataFrame:
    """Holm's correction over the defenses."""
    compared = lines.dropna(subset="mean_p").drop_duplicates("defense").set_index("defense")
    corrected = pd.Series(holm(compared["mean_p"].to_numpy()), compared.index, dtype=float)
    return lines.assign(holm_p=lines["defense"].map(corrected))

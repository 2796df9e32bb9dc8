"""Made-up records whose truth is known: defenses with given accuracies, seen by several seeds."""

import numpy as np
import pandas as pd
from scipy.special import ndtr

# the true accuracy of each defense, clean and under five attacks
DEFENSES = {
    "natural": (0.90, 0.02, 0.01, 0.12, 0.05, 0.01),
    "standard-at": (0.86, 0.79, 0.77, 0.78, 0.80, 0.77),
    "trades": (0.84, 0.79, 0.78, 0.78, 0.80, 0.78),
    "mart": (0.82, 0.80, 0.77, 0.79, 0.80, 0.77),
    "wmim": (0.85, 0.77, 0.75, 0.76, 0.78, 0.75),
    "namid": (0.86, 0.78, 0.76, 0.77, 0.79, 0.76),
    "namid-t": (0.84, 0.80, 0.79, 0.79, 0.81, 0.79),
    "namid-m": (0.81, 0.80, 0.80, 0.80, 0.80, 0.80),
}
ATTACKS = ("pgd-40", "autoattack", "fwa-40", "ti-dim", "cascade")


def rows(
    truth: dict[str, tuple[float, ...]] = DEFENSES,
    attacks: tuple[str, ...] = ATTACKS,
    seeds: int = 3,
    samples: int = 500,
    shared: float = 0.9,
    seed: int = 0,
    suffix: str = "",
) -> pd.DataFrame:
    """Records of models DEFENSE@SEED: a sample is robust where its strength is below the accuracy.

    truth: per defense the accuracy without attack and under each. Every strength is uniform, and
    between any two models correlated by `shared` (of a Gaussian copula). A model's strength of a
    sample is one under all attacks, so that the worst case has the smallest accuracy.
    """
    rng = np.random.default_rng(seed)
    common = rng.normal(size=samples)
    parts = []
    for defense, (clean, *under) in truth.items():
        for number in range(seeds):
            own = rng.normal(size=samples)
            strength = ndtr(np.sqrt(shared) * common + np.sqrt(1 - shared) * own)
            for attack, accuracy in zip(attacks, under, strict=True):
                part = {
                    "model": f"{defense}{suffix}@{number}",
                    "attack": attack,
                    "index": range(samples),
                    "label": 0,
                    "clean_prediction": (strength >= clean).astype(int),
                    "robust": strength < min(clean, accuracy),
                    "certified": False,
                    "linf": 0.1,
                }
                parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)

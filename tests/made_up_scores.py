"""Made-up scores of critics whose truth is known, and a small profile of digits."""

from pathlib import Path

import nets
import numpy as np
import pandas as pd

SCORES = ("natural_{}_natural", "natural_{}_adversarial")
SCORES += ("adversarial_{}_natural", "adversarial_{}_adversarial")
NULL = -3.0  # the mean of every null


def scored(
    name: str,
    critic_seed: int,
    objective: str,
    levels: tuple[float, ...],
    attack: str = "pgd-40:stop_at_success=false",
    standard: float | None = None,
    samples: int = 1000,
) -> pd.DataFrame:
    """One fit's scores: its own numbers around the levels, with a standard deviation of 1.

    levels: of the four scores as SCORES. standard: level of the standard MI of adversarial samples.
    """
    rng = np.random.default_rng([critic_seed, *name.encode(), *objective.encode()])
    kind = "mi" if objective == "mim" else "contrast"
    columns = {
        "name": name,
        "critic_seed": critic_seed,
        "objective": objective,
        "attack": attack,
        "index": range(samples),
        "label": 0,
        "clean_prediction": 0,
        "adversarial_prediction": (np.arange(samples) % 10 > 0).astype(int),
        "verified": np.arange(samples) % 10 > 0,
        "clean_gap": 1.0,
        "adversarial_gap": -1.0,
    }
    own = dict(zip([score.format(kind) for score in SCORES], levels, strict=True))
    own |= {} if standard is None else {"standard_mi_adversarial": standard}
    for column, level in own.items():
        columns[column] = level + rng.normal(size=samples)
        columns[f"{column}_null"] = NULL + rng.normal(size=samples)
    return pd.DataFrame(columns)


def write_profile(folder: Path, analysis: str, names: tuple[str, ...]) -> Path:
    """A profile of digits, whose models have one file and these names."""
    weights = nets.write_digits(folder / "digits.safetensors")
    models = [f'{{reference = "{weights}", arch = "{nets.ARCH}", name = "{n}"}}' for n in names]
    path = folder / "own.toml"
    path.write_text(f"""
data = "digits"
models = [{", ".join(models)}]
samples = 40
analyses = ["{analysis}"]
[[threats]]
norm = "L2"
eps = "0.5"
attacks = ["cw:steps=2"]
[[threats]]
norm = "Linf"
eps = "0.1"
attacks = ["pgd-40:steps=4", "cascade-fast:steps=2,target_steps=2", "ti-dim:steps=2"]
[information]
norm = "Linf"
eps = "0.2"
attack = "pgd-10:steps=2,stop_at_success=false"
samples = 40
fit_samples = 100
critic_seeds = [0, 1]
compared = ["pgd-10:stop_at_success=false", "fwa-10:steps=2,stop_at_success=false"]
""")
    return path

"""Made-up scores of samples, whose detectors' worth is known."""

import numpy as np
import pandas as pd

from workbench.tables.detection import DETECTORS

SHIFT = 1.5
SCORES = [name for d in DETECTORS.values() for name in (d.natural, d.adversarial)]


def made_up(n: int = 2000, seed: int = 0, **more: object) -> pd.DataFrame:
    """Samples whose x̃ scores SHIFT standard deviations below x; a third are flipped."""
    rng = np.random.default_rng(seed)
    verified = rng.random(n) < 1 / 3
    rows = {
        "model": "m@0",
        "critic_seed": 0,
        "attack": "pgd-40",
        "index": np.arange(n),
        "label": 0,
        "clean_prediction": (rng.random(n) < 0.1).astype(int),
        "verified": verified,
    }
    rows |= {name: rng.normal(size=n) for name in dict.fromkeys(SCORES)}
    rows["natural_mi_received"] = rng.normal(size=n) - SHIFT
    found = pd.DataFrame(rows)
    return found.assign(robust=~verified & (found["clean_prediction"] == 0), **more)

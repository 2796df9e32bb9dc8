"""What tests of the explorer look into: two small models of digits under two budgets."""

from pathlib import Path
from typing import Any

import nets

ATTACK = "pgd-10:steps=3,stop_at_success=false"


def arguments(folder: Path, store: Path) -> dict[str, Any]:
    """Arguments of `explore`, all plain; the models are written to the folder."""
    decays = {"sharp": 1.0, "smooth": 0.001}
    models = [nets.write_digits(folder / f"{name}.safetensors", d) for name, d in decays.items()]
    return {
        "models": list(map(str, models)),
        "arch": nets.ARCH,
        "data": "digits",
        "eps": ["0.1", "0.2"],
        "attacks": [ATTACK],
        "samples": 60,
        "fit_samples": 1000,
        "store": str(store),
        "device": "cpu",
    }

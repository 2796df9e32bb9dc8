"""Two small models of digits under two budgets, computed once for all tests of this folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nets
import pytest

ATTACK = "pgd-10:steps=3,stop_at_success=false"


@dataclass(frozen=True)
class Asked:
    """What the explorer is asked for: arguments of `explore`, all plain."""

    arguments: dict[str, Any]


@pytest.fixture(scope="session")
def asked(tmp_path_factory) -> Asked:
    """Its results are in the store once a first test has asked for them."""
    folder: Path = tmp_path_factory.mktemp("explore")
    models = [
        str(nets.write_digits(folder / f"{name}.safetensors", decay))
        for name, decay in (("sharp", 1.0), ("smooth", 0.001))
    ]
    return Asked(
        {
            "models": models,
            "arch": nets.ARCH,
            "data": "digits",
            "eps": ["0.1", "0.2"],
            "attacks": [ATTACK],
            "samples": 60,
            "fit_samples": 1000,
            "store": str(folder / "store"),
            "device": "cpu",
        }
    )

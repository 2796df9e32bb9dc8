"""Profiles cut to what a test can run: same models, attacks and analyses, little of everything."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SHARED

from analyses import assumption, calibration
from workbench import analysis, trainings
from workbench.attacks import ATTACKS, CW, DDN, PGD
from workbench.attacks.apgd import APGD
from workbench.attacks.fwa import FrankWolfeWasserstein
from workbench.attacks.momentum import MomentumIterative
from workbench.data import Dataset
from workbench.defenses import DEFENSES, recipe
from workbench.information import Fit
from workbench.information.assumption import EnumeratedTerms
from workbench.information.attacks import CRITIC_ATTACKS
from workbench.profiles import FOLDER, Profile

RECIPE = {"epochs": 1, "batch": 20, "attack_steps": 1, "units": 8, "fit_steps": 3}
NARROW = {"resnet18": "small-cnn", "vgg19": "medium-cnn"}
TRAIN, TEST = 40, 16  # images


@dataclass(frozen=True)
class StandIn(PGD):
    """In the place of AutoAttack, which takes thousands of passes."""

    steps: int = 2


QUICK = {
    "pgd-40": PGD(steps=2),
    "autoattack": StandIn(),
    "cascade": StandIn(steps=3),
    "cascade-exact": StandIn(),
    "apgd-ce": APGD(steps=2),
    "fwa-40": FrankWolfeWasserstein(steps=2),
    "ti-dim": MomentumIterative(steps=2, diversity_probability=0.7, kernel=5),
    "cw": CW(steps=2, searches=1),
    "ddn": DDN(steps=2),
}


def content(name: str, narrow: bool = True) -> dict[str, Any]:
    """A profile that comes along, cut: one seed, few samples, short trainings and fits.

    narrow: nets as small as those of Fashion-MNIST.
    """
    found = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    found |= {"samples": 12, "unit_size": 12, "recipe": found.get("recipe", {}) | RECIPE}
    found["information"] |= {"samples": 12, "fit_samples": 40, "critic_seeds": [0]}
    for part in found.get("trainings", []):
        part["seeds"] = [0]
        if "keep" in part.get("recipe", {}):
            part["recipe"] |= {"epochs": 2, "keep": [1]}
        if narrow:
            part["arch"] = NARROW.get(part["arch"], part["arch"])
    return found


def cut(name: str, defenses: Sequence[str] = tuple(DEFENSES)) -> Profile:
    """The same, validated; of the models that all analyses see, those of these defenses."""
    found = content(name)
    for part in found["trainings"]:
        if part.get("role", "models") == "models":
            part["defenses"] = [d for d in part["defenses"] if d in defenses]
    return Profile.model_validate(found)


def shorten(monkeypatch: pytest.MonkeyPatch, data: dict[str, Dataset]) -> None:
    """For the time of a test: these images, attacks of few steps, fits of few steps."""
    for module in (analysis, trainings):
        monkeypatch.setattr(module, "load_data", lambda name, split, say: data[split])
    for name, quick in QUICK.items():
        monkeypatch.setitem(ATTACKS, name, quick)
    for name, known in CRITIC_ATTACKS.items():
        if hasattr(known, "steps"):
            monkeypatch.setitem(CRITIC_ATTACKS, name, replace(known, steps=2))
    monkeypatch.setattr(analysis, "Fit", partial(Fit, units=8, steps=3, batch=16))
    monkeypatch.setattr(recipe, "Fit", partial(Fit, batch=16))
    monkeypatch.setattr(assumption, "EXPERIMENT", EnumeratedTerms(levels=5, radii=(0, 1), steps=2))
    monkeypatch.setattr(calibration, "DISTRIBUTIONS", calibration.DISTRIBUTIONS[:1])
    monkeypatch.setattr(calibration, "STEPS", 3)


def images(name: str) -> dict[str, Dataset]:
    """A few images for a profile: CIFAR-10 and Tiny-ImageNet real, the others made up.

    Skips the test where the shared folder is not there.
    """
    files = {"cifar10": "cifar10_jpeg_20k.npz", "tiny-imagenet": "tiny_imagenet_val2000.npz"}
    if name not in files:
        return {split: _rows(name, split, n) for split, n in (("train", TRAIN), ("test", TEST))}
    path = SHARED / "data" / files[name]
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the shared folder")
    return _real(name, path)


def _real(name: str, path: Path) -> dict[str, Dataset]:
    """Every so many-th image of a file, since some files are sorted by class."""
    with np.load(path) as file:
        part = "test_" if "test_x" in file.files else ""
        x, y = file[f"{part}x"], file[f"{part}y"].astype(np.int64)
    chosen = np.linspace(0, len(x) - 1, TRAIN + TEST).astype(int)
    chosen = np.random.default_rng(0).permutation(chosen)
    x, classes = x[chosen].transpose(0, 3, 1, 2).copy(), tuple(map(str, range(y.max() + 1)))
    y = y[chosen]
    return {
        "train": Dataset(name, "train", x[TEST:], y[TEST:], classes),
        "test": Dataset(name, "test", x[:TEST], y[:TEST], classes),
    }


def _rows(name: str, split: str, n: int) -> Dataset:
    """Images of 28×28 pixels whose class is the brightest of ten rows."""
    rng = np.random.default_rng(n)
    labels = rng.integers(0, 10, n)
    pixels = rng.integers(0, 100, (n, 1, 28, 28), dtype=np.uint8)
    pixels[np.arange(n), 0, 2 * labels + 3] = 255
    return Dataset(name, split, pixels, labels.astype(np.int64), tuple("abcdefghij"))

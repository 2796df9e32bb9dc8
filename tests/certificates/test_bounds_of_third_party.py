"""Third-party nets: certified shares as an unbatched implementation of CROWN found them before.

CROWN with boxes from interval bounds certified 183 of the first 1000 Fashion-MNIST images and 217
of CIFAR-10's, full CROWN 657 of Fashion-MNIST's.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SHARED

from workbench.certificates import certified, certified_margins
from workbench.data import load_data
from workbench.errors import InputError
from workbench.models import Classifier, load_model
from workbench.threat import ThreatModel

RECIPES = Path(__file__).resolve().parents[1] / "recipes.py"
CHEAP, FULL = 250_000, 1 << 26  # budgets: with the small one hardly any box comes from CROWN
pytestmark = pytest.mark.skipif(
    not (SHARED / "models").is_dir(), reason="no shared folder beside the checkout"
)


def fashion_mnist(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    try:
        return load_data("fashion-mnist", "test").batch(0, n)
    except InputError as error:
        pytest.skip(f"no Fashion-MNIST: {error}")


def cifar10(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    with np.load(SHARED / "data" / "cifar10_jpeg_20k.npz") as file:
        x, y = file["test_x"][:n], file["test_y"][:n]
    return torch.from_numpy(x).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(y).long()


def shared_model(name: str) -> Classifier:
    return load_model(str(SHARED / "models" / name / "weights.safetensors"), f"{RECIPES}:{name}")


def count(name: str, images: tuple[torch.Tensor, torch.Tensor], eps: str, budget: int) -> int:
    """How many images are certified."""
    threat = ThreatModel("Linf", eps)
    found = certified_margins(shared_model(name), *images, threat, budget)
    return int(certified(found, images[1]).sum())


def test_the_cheap_bound_on_cifar10():
    assert 215 <= count("cifar10_wong_small_8px", cifar10(1000), "8/255", CHEAP) <= 217


def test_the_full_bound_on_fashion_mnist():
    assert 195 <= count("fashion_wong_01", fashion_mnist(300), "0.1", FULL) <= 200


@pytest.mark.slow
def test_65_per_cent_of_the_first_thousand_of_fashion_mnist():
    assert count("fashion_wong_01", fashion_mnist(1000), "0.1", CHEAP) in range(175, 184)
    assert count("fashion_wong_01", fashion_mnist(1000), "0.1", FULL) in range(650, 658)

"""Models that other groups trained, loaded from their recipes: accuracies they were given there."""

import warnings
from pathlib import Path

import exports
import numpy as np
import pytest
import recipes
import torch
from conftest import SHARED

from workbench.data import load_data
from workbench.errors import InputError
from workbench.models import check_fits, load_model

RECIPES = Path(__file__).resolve().parents[1] / "recipes.py"
CLEAN = {  # per cent of the first 1000 test images, from each RECIPE.md
    "cifar10_cnn_a_adv": 67.5,
    "cifar10_resnet2b": 69.5,
    "cifar10_wong_small_8px": 29.1,
    "fashion_wong_01": 79.3,
    "mnist_madry_tiny": 97.2,
}
FILES = {"cifar10": "cifar10_jpeg_20k.npz", "mnist": "mnist.npz"}


def first_thousand(data: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (1000, c, h, w) in [0, 1] and labels (1000,)."""
    if data == "fashion":
        return first_thousand_of_fashion()
    with np.load(SHARED / "data" / FILES[data]) as file:
        x, y = file["test_x"][:1000], file["test_y"][:1000]
    images = torch.from_numpy(x.reshape(*x.shape[:3], -1)).permute(0, 3, 1, 2).contiguous()
    return images.float() / 255, torch.from_numpy(y).long()


def first_thousand_of_fashion() -> tuple[torch.Tensor, torch.Tensor]:
    try:
        return load_data("fashion-mnist", "test").batch(0, 1000)
    except InputError as error:
        pytest.skip(f"no Fashion-MNIST: {error}")


@pytest.mark.skipif(not (SHARED / "models").is_dir(), reason="no shared folder beside the checkout")
@pytest.mark.parametrize("name", CLEAN)
def test_clean_accuracy_as_in_the_recipe(name):
    model = load_model(str(SHARED / "models" / name / "weights.safetensors"), f"{RECIPES}:{name}")
    x, y = first_thousand(name.split("_")[0])
    check_fits(model, tuple(x.shape[1:]), 10)
    with torch.no_grad():
        accuracy = (model(x).argmax(1) == y).float().mean().item()
    assert 100 * accuracy == pytest.approx(CLEAN[name], abs=1.5)


@pytest.mark.skipif(not (SHARED / "models").is_dir(), reason="no shared folder beside the checkout")
@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize("how", [exports.trace, exports.exported, exports.onnx])
def test_their_exports_compute_the_same(name, how, tmp_path):
    model = load_model(str(SHARED / "models" / name / "weights.safetensors"), f"{RECIPES}:{name}")
    net = getattr(recipes, name)()  # of a module that TorchScript can name
    net.load_state_dict(model.net.state_dict())
    shape = (3, 32, 32) if name.startswith("cifar10") else (1, 28, 28)
    x = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0), requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        how(net.eval(), x.detach(), tmp_path / "m")
    logits = [load_model(str(tmp_path / "m"), shape=shape)(x), model(x)]
    torch.testing.assert_close(*logits, rtol=1e-5, atol=1e-5)
    found, expected = (torch.autograd.grad(z.square().sum(), x)[0] for z in logits)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()

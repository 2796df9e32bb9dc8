"""Normalisation, order of channels and classes around a model, by hand."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from workbench.errors import InputError
from workbench.models import Loading, load_model, loading

SHAPE = (3, 2, 2)


class Sums(nn.Module):
    """Logits: the sum of each channel, and 10."""

    def __init__(self) -> None:
        super().__init__()
        self.ten = nn.Parameter(torch.tensor([10.0]))

    def forward(self, x):
        return torch.cat([x.sum((2, 3)), self.ten.expand(len(x), 1)], 1)


@pytest.fixture
def load(tmp_path):
    save_file(Sums().state_dict(), tmp_path / "w.safetensors")
    arch = f"{__file__}:Sums"

    def load(how: Loading = Loading()):  # noqa: B008
        return load_model(str(tmp_path / "w.safetensors"), arch, shape=SHAPE, loading=how)

    return load


X = torch.stack([torch.full((2, 2), v) for v in (0.1, 0.2, 0.3)])[None]


@pytest.mark.parametrize(
    ("how", "expected", "note"),
    [
        (Loading(mean=(0.1,), std=(0.5,)), [0.0, 0.8, 1.6, 10], ", mean 0.1, std 0.5"),
        (Loading(mean=(0.1, 0.2, 0.3)), [0.0, 0.0, 0.0, 10], ", mean 0.1,0.2,0.3"),
        (Loading(std=(0.1, 0.2, 0.3)), [4.0, 4.0, 4.0, 10], ", std 0.1,0.2,0.3"),
        (Loading(mean=(0.1, 0, 0), std=(0.5,)), [0.0, 1.6, 2.4, 10], ", mean 0.1,0,0, std 0.5"),
        (Loading(channels="bgr"), [1.2, 0.8, 0.4, 10], ", bgr"),
        (Loading(mean=(0.1, 0.2, 0.2), channels="bgr"), [0.4, 0.0, 0.0, 10], ", bgr"),
        (Loading(class_map=(3, 0)), [10, 0.4], ", classes 3,0"),
    ],
)
def test_what_is_around_a_model(load, how, expected, note):
    model, bare = load(how), load()
    torch.testing.assert_close(model(X), torch.tensor([expected]))
    assert note in model.origin
    assert model.fingerprint == load(how).fingerprint != bare.fingerprint


def test_nothing_around_a_model_leaves_its_fingerprint(load):
    assert load(Loading()).fingerprint == load(Loading(mean=(), class_map=())).fingerprint
    assert "," not in load().origin


def test_the_gradient_goes_through(load):
    x = X.clone().requires_grad_()
    load(Loading(std=(0.5,), channels="bgr", class_map=(1, 0)))(x)[0, 0].backward()
    assert x.grad.sum((2, 3)).tolist() == [[0.0, 8.0, 0.0]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((None, "0.1,x", None, "rgb", None), "mean takes numbers .* not '0.1,x'"),
        ((None, None, "0", "rgb", None), "finite ones above 0"),
        ((None, "nan", None, "rgb", None), "finite numbers"),
        ((None, "1e39", None, "rgb", None), "of sizes up to 1e\\+06"),
        ((None, None, "1e300", "rgb", None), "of sizes up to 1e\\+06"),
        ((None, None, "1e-50", "rgb", None), "of sizes up to 1e\\+06"),
        ((None, "0.1,0.2", "1,2,3", "rgb", None), "2 means and 3 stds"),
        ((None, "0.1,0.2", None, "rgb", None), "2 means or stds for images of 3 channels"),
        ((None, None, None, "gbr", None), "rgb or bgr, not 'gbr'"),
        ((None, None, None, "rgb", "0,0"), "each output of the model once"),
        ((None, None, None, "rgb", "-1"), "each output of the model once"),
        ((None, None, None, "rgb", "a"), "3,1,2,0, not 'a'"),
    ],
)
def test_what_makes_no_sense_is_refused(load, words, message):
    with pytest.raises(InputError, match=message):
        load(loading(*words))

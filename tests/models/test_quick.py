"""The quick form of a model computes the same, and leaves the model as it is."""

import threading

import pytest
import torch
from torch import nn

from workbench.models import Classifier, build
from workbench.models.quick import quick
from workbench.seeds import forked

GEOMETRIES = [
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 4, "stride": 2, "padding": 1},
    {"kernel_size": (3, 5), "stride": (1, 2), "padding": (0, 2)},
    {"kernel_size": 3, "dilation": 2, "padding": 2},
    {"kernel_size": 1, "stride": 2},
    {"kernel_size": 3, "padding": "same"},
    {"kernel_size": 3, "padding": 1, "padding_mode": "circular"},
]


def gradients(model: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and the gradient of a weighted sum of them."""
    x = x.clone().requires_grad_()
    logits = model(x)
    weights = torch.arange(logits.numel()).view_as(logits) / logits.numel()
    return logits.detach(), torch.autograd.grad((weights * logits).sum(), x)[0]


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_logits_are_equal_and_gradients_up_to_rounding(geometry, channels) -> None:
    with forked(0):
        conv = nn.Conv2d(channels, 6, **geometry)
        model = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        x = torch.rand(5, channels, 12, 11)
    model = model.eval().requires_grad_(False)
    logits, gradient = gradients(model, x)
    same_logits, same_gradient = gradients(quick(model), x)
    assert torch.equal(logits, same_logits)
    assert torch.allclose(gradient, same_gradient, atol=1e-5)


def test_the_model_itself_stays_and_weights_are_shared() -> None:
    model = Classifier(build("small-cnn", (1, 28, 28), 10), "net")
    twin = quick(model)
    assert twin is not model
    assert type(model.net[0]) is nn.Conv2d
    assert type(twin.net[0]) is not nn.Conv2d
    assert [p.data_ptr() for p in twin.parameters()] == [p.data_ptr() for p in model.parameters()]


def test_where_nothing_pays_it_is_the_model() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    assert quick(model) is model


def test_weights_that_learn_get_their_gradient() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
    quick(model)(torch.rand(2, 1, 4, 4, requires_grad=True)).sum().backward()
    assert model[0].weight.grad is not None


def test_a_net_that_cannot_be_copied_stays_as_it_is() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten())
    model.lock = threading.Lock()
    assert quick(model) is model


class Mixed(nn.Module):
    """A net that computes in half precision by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.conv(x).flatten(1)


def test_a_net_with_autocast_inside_keeps_its_gradients() -> None:
    model = Mixed().eval().requires_grad_(False)
    x = torch.rand(3, 1, 6, 6)
    for found, expected in zip(gradients(quick(model), x), gradients(model, x), strict=True):
        assert torch.equal(found, expected)

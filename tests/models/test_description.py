"""Pairs of nets that compute different things, and must not share a fingerprint."""

import functools
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.errors import InputError
from workbench.models.fingerprint import fingerprint


class Holds(nn.Module):
    """A net of the user's that computes with what it holds."""

    def __init__(self, held: object) -> None:
        super().__init__()
        self.held = held


class Shift:
    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.by


def scaled(factor: float):
    def scale(x: torch.Tensor) -> torch.Tensor:
        return x * factor

    return scale


def doubled(x: torch.Tensor, factor: float = 2.0) -> torch.Tensor:
    return x * factor


def squared(x: torch.Tensor) -> torch.Tensor:
    return x**2


# Factories of what a net may hold, called afresh for every net.
PAIRS = {
    "numpy scalars": (lambda: np.float32(0.1), lambda: np.float32(0.2)),
    "numpy precisions": (lambda: np.float32(0.5), lambda: np.float64(0.5)),
    "numpy arrays": (lambda: np.arange(3.0), lambda: np.arange(3.0) + 1),
    "numpy shapes": (lambda: np.zeros((2, 3)), lambda: np.zeros((3, 2))),
    "numpy objects": (lambda: np.array([1, "a"], object), lambda: np.array([1, "b"], object)),
    "dicts": (lambda: {"scale": 1.0}, lambda: {"scale": 2.0}),
    "nested dicts": (lambda: {"a": [{"b": 1}]}, lambda: {"a": [{"b": 2}]}),
    "sets": (lambda: {"a", "b", "c"}, lambda: {"a", "b", "d"}),
    "lists of tensors": (lambda: [torch.zeros(2)], lambda: [torch.ones(2)]),
    "tuples of tensors": (lambda: (torch.zeros(2),), lambda: (torch.ones(2),)),
    "dicts of tensors": (lambda: {"mean": torch.zeros(2)}, lambda: {"mean": torch.ones(2)}),
    "functions of torch": (lambda: F.relu, lambda: F.gelu),
    "functions in C": (lambda: torch.relu, lambda: torch.tanh),
    "pooling functions": (lambda: F.max_pool2d, lambda: F.max_pool1d),
    "functions of numpy": (lambda: np.tanh, lambda: np.sin),
    "own functions": (lambda: doubled, lambda: squared),
    "lambdas": (lambda: lambda x: x + 1, lambda: lambda x: x + 2),
    "lambdas that call": (lambda: lambda x: F.relu(x), lambda: lambda x: F.gelu(x)),
    "closures": (lambda: scaled(2.0), lambda: scaled(3.0)),
    "partials": (
        lambda: functools.partial(doubled, factor=3.0),
        lambda: functools.partial(doubled, factor=4.0),
    ),
    "own objects": (lambda: Shift(1.0), lambda: Shift(2.0)),
    "methods": (lambda: Shift(1.0).__call__, lambda: Shift(2.0).__call__),
    "namespaces": (lambda: SimpleNamespace(eps=1), lambda: SimpleNamespace(eps=2)),
    "classes": (lambda: nn.ReLU, lambda: nn.Tanh),
    "modules in lists": (lambda: [nn.Flatten(1)], lambda: [nn.Flatten(2)]),
    "precisions": (lambda: torch.float32, lambda: torch.float64),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_what_a_net_holds_counts(kind):
    one, other = PAIRS[kind]
    assert fingerprint(Holds(one())) == fingerprint(Holds(one()))
    assert fingerprint(Holds(one())) != fingerprint(Holds(other()))


def test_the_same_in_another_process_whatever_a_net_holds():
    code = "import test_description; print(test_description.all_fingerprints())"
    there = subprocess.run(
        [sys.executable, "-c", code],
        cwd=os.path.dirname(__file__),
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == all_fingerprints()


def all_fingerprints() -> str:
    return ",".join(fingerprint(Holds(one())) for one, _ in PAIRS.values())


def alike(*nets: nn.Module) -> list[nn.Module]:
    for net in nets:
        net.load_state_dict(nets[0].state_dict())
    return list(nets)


def encoder(**settings: object) -> nn.Module:
    return nn.TransformerEncoderLayer(8, 2, 8, **settings)


@pytest.mark.parametrize(
    "nets",
    [
        alike(nn.MultiheadAttention(8, 1), nn.MultiheadAttention(8, 4)),
        alike(encoder(norm_first=False), encoder(norm_first=True)),
        alike(encoder(activation="relu"), encoder(activation="gelu")),
        alike(encoder(activation=torch.tanh), encoder(activation=torch.sigmoid)),
    ],
    ids=["heads", "norm first", "activation", "own activation"],
)
def test_settings_that_torch_does_not_show_count(nets):
    first, second = nets
    assert fingerprint(first) != fingerprint(second)
    assert fingerprint(nn.Sequential(first)) != fingerprint(nn.Sequential(second))


def test_the_order_of_layers_counts():
    layers = {"a": nn.ReLU(), "b": nn.Tanh()}
    turned = dict(reversed(layers.items()))
    assert fingerprint(nn.ModuleDict(layers)) != fingerprint(nn.ModuleDict(turned))


def test_a_forward_put_on_the_instance_counts():
    net = nn.Linear(2, 2)
    before = fingerprint(net)
    net.forward = squared
    assert fingerprint(net) != before


class Above(nn.Module):
    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(x) + 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("wrap", [torch.compile, torch.jit.script, torch.fx.symbolic_trace])
def test_nets_that_torch_rewrote(wrap):
    relu, again, tanh = (fingerprint(wrap(Above(act()))) for act in (nn.ReLU, nn.ReLU, nn.Tanh))
    assert relu == again != tanh


def test_train_mode_does_not_count():
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    assert fingerprint(net.train()) == fingerprint(net.eval())


def test_a_net_that_holds_itself():
    net = Holds(None)
    net.held = [net]
    assert len(fingerprint(net)) == 16


HOOKS = [
    "register_forward_hook",
    "register_forward_pre_hook",
    "register_full_backward_hook",
    "register_full_backward_pre_hook",
]


@pytest.mark.parametrize("register", HOOKS)
def test_hooks_are_refused_wherever_they_are(register):
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2)))
    handle = getattr(net[0][0], register)(lambda *_: None)
    with pytest.raises(InputError, match="the net has hooks, which a fingerprint cannot cover"):
        fingerprint(net)
    handle.remove()
    assert len(fingerprint(net)) == 16

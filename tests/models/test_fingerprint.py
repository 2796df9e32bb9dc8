import linecache
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from workbench.models import load_model
from workbench.models.architectures import resnet18, small_cnn
from workbench.models.fingerprint import fingerprint

NET = '''
import torch
from torch import nn

class Scaled(nn.Module):
    """What it does."""

    def __init__(self, scale=2.0):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.scale = scale

    def forward(self, x):
        return self.linear(x.flatten(1)) * self.scale

def make():
    return Scaled()
'''


@pytest.fixture
def loaded(tmp_path):
    """The fingerprint of one fixed set of weights in the net of a given source text."""
    weights = tmp_path / "weights.safetensors"
    save_file({"linear.weight": torch.ones(3, 4), "linear.bias": torch.arange(3.0)}, weights)

    def load(source: str, name: str = "net.py") -> str:
        path = tmp_path / name
        path.write_text(source)
        return load_model(str(weights), arch=f"{path}:make").fingerprint

    return load


def constant(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(0.5)
    return net


def test_golden():
    # Every stored record is filed under such a number: if this changes, all are computed anew.
    assert fingerprint(constant(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)))) == "996c51b9d494a04f"


def test_the_same_from_every_format(tmp_path):
    net = small_cnn()
    weights = net.state_dict()
    save_file(weights, tmp_path / "a.safetensors")
    torch.save(weights, tmp_path / "b.pt")
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in weights.items()}},
        tmp_path / "c.pth",
    )
    torch.save(weights, tmp_path / "d.pt", _use_new_zipfile_serialization=False)
    found = {load_model(str(path), arch="small-cnn").fingerprint for path in tmp_path.iterdir()}
    assert found == {fingerprint(net)}


def test_the_same_for_weights_stored_in_another_layout():
    net = constant(resnet18())
    before = fingerprint(net)
    assert fingerprint(net.to(memory_format=torch.channels_last)) == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_same_on_every_device():
    net = resnet18()
    before = fingerprint(net)
    assert fingerprint(net.to("cuda")) == before


def test_the_same_in_another_process(loaded, tmp_path):
    here = loaded(NET)
    code = (
        "from workbench.models import load_model\n"
        "print(load_model('weights.safetensors', arch='net:make').fingerprint)"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here


def test_a_net_may_move_and_be_commented(loaded):
    before = loaded(NET)
    assert loaded(NET, "elsewhere.py") == before
    assert loaded(NET.replace("What it does.", "Other words, and more of them.")) == before
    assert loaded(NET.replace("return self", "# why\n        return self")) == before


def test_an_edited_forward_is_another_model(loaded):
    before = loaded(NET)
    assert loaded(NET.replace("* self.scale", "* self.scale + 1")) != before


def test_an_edited_base_class_is_another_model(loaded):
    derived = NET.replace("return Scaled()", "return Derived()") + "\nclass Derived(Scaled): pass\n"
    assert loaded(derived) != loaded(derived.replace("* self.scale", "/ self.scale"))


def test_another_setting_is_another_model(loaded):
    assert loaded(NET) != loaded(NET.replace("Scaled()", "Scaled(scale=20.0)"))


@pytest.mark.parametrize("how", ["register_buffer('mean', {}, persistent=False)", "mean = {}"])
def test_constants_outside_the_state_dict_count(loaded, how):
    constant = "self." + how.format("torch.full((1,), scale)")
    net = NET.replace("self.scale = scale", constant).replace("* self.scale", "- self.mean")
    assert loaded(net) == loaded(net)
    assert loaded(net) != loaded(net.replace("Scaled()", "Scaled(scale=3.0)"))


def test_classes_without_a_file_differ_by_their_methods():
    # As in a notebook: a class that was run from text in memory.
    found = []
    for i, body in enumerate(["x + 1", "x + 2"]):
        source = f"class Cell(nn.Module):\n    def forward(self, x):\n        return {body}\n"
        name = f"<cell {i}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        scope = {"nn": nn, "__name__": "cells"}
        exec(compile(source, name, "exec"), scope)
        found.append(fingerprint(scope["Cell"]()))
    assert found[0] != found[1]


@given(st.integers(0, 166_405), st.sampled_from([1e-7, -1.0, 2.0]))
def test_every_weight_counts(index, change):
    net = constant(small_cnn())
    before = fingerprint(net)
    flat = torch.cat([p.detach().flatten() for p in net.parameters()])
    flat[index] += change
    torch.nn.utils.vector_to_parameters(flat, net.parameters())
    assert fingerprint(net) != before


def test_the_tree_counts():
    with_relu, with_tanh = (nn.Sequential(nn.Linear(2, 2), act()) for act in (nn.ReLU, nn.Tanh))
    assert fingerprint(constant(with_relu)) != fingerprint(constant(with_tanh))


def test_addresses_in_a_repr_do_not_count():
    class Shown(nn.Module):
        def extra_repr(self) -> str:
            return repr(object())

    assert fingerprint(Shown()) == fingerprint(Shown())

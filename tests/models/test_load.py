import json
import struct
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from workbench.errors import InputError
from workbench.models import Classifier, check_fits, load_model, needs_arch
from workbench.models.architectures import small_cnn
from workbench.models.fingerprint import fingerprint

FACTORY = "from workbench.models.architectures import small_cnn\ndef make(): return small_cnn()\n"


@pytest.fixture
def net() -> nn.Module:
    return small_cnn()


@pytest.fixture
def weights(net, tmp_path) -> str:
    save_file(net.state_dict(), tmp_path / "weights.safetensors")
    return str(tmp_path / "weights.safetensors")


def test_gives_a_classifier_that_computes_what_the_net_does(net, weights):
    model = load_model(weights, arch="small-cnn")
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert isinstance(model, Classifier)
    assert torch.equal(model(x), net(x))
    assert model.origin == f"{weights} as small-cnn"


def test_weights_alone_need_an_architecture(weights, net, tmp_path):
    torch.jit.script(net).save(tmp_path / "net.pt")
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    references = (weights, f"{tmp_path}/weights.pt", f"{tmp_path}/net.pt", "zoo:fashion-mnist/x")
    assert [needs_arch(reference) for reference in references] == [True, True, False, False]


@pytest.mark.parametrize("arch", ["workbench.models.architectures:small_cnn", "small-cnn"])
def test_arch_of_the_package(net, weights, arch):
    assert load_model(weights, arch=arch).fingerprint == fingerprint(net)


@pytest.mark.parametrize(("shape", "classes"), [((1, 8, 8), 10), ((3, 32, 32), 100)])
def test_a_named_arch_for_other_images(shape, classes, tmp_path):
    net = small_cnn(shape, classes)
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    path = str(tmp_path / "w.safetensors")
    model = load_model(path, "small-cnn", shape=shape, classes=classes)
    check_fits(model, shape, classes)
    assert model.fingerprint == fingerprint(net)
    with pytest.raises(InputError, match="does not fit the architecture"):
        load_model(path, "small-cnn")


def test_a_factory_of_the_user_is_called_without_arguments(net, weights, tmp_path):
    (tmp_path / "nets.py").write_text(FACTORY)
    model = load_model(weights, f"{tmp_path}/nets.py:make", shape=(3, 32, 32), classes=100)
    assert model.fingerprint == fingerprint(net)


@pytest.mark.parametrize("arch", ["factory_here:make", "factory_here.py:make"])
def test_arch_in_the_current_folder(net, weights, arch, tmp_path, monkeypatch):
    (tmp_path / "factory_here.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", str(Path.cwd()))])
    before = list(sys.path)
    assert load_model(weights, arch=arch).fingerprint == fingerprint(net)
    assert sys.path == before


def test_an_arch_file_imports_its_neighbours(net, weights, tmp_path):
    folder = tmp_path / "their repository"
    folder.mkdir()
    (folder / "their_nets.py").write_text(FACTORY)
    (folder / "entry.py").write_text(
        "def build():\n    from their_nets import make\n    return make()\n"
    )
    assert load_model(weights, arch=f"{folder}/entry.py:build").fingerprint == fingerprint(net)


def test_an_arch_file_edited_a_moment_ago_is_the_one_that_runs(tmp_path):
    nets = tmp_path / "nets.py"
    save_file({"bias": torch.ones(1)}, tmp_path / "w.safetensors")
    for sign in "+-":
        nets.write_text(
            "from torch import nn\n"
            "class Shift(nn.Module):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.bias = nn.Parameter(nn.Linear(1, 1).bias)\n"
            f"    def forward(self, x): return x {sign} self.bias\n"
        )
        model = load_model(str(tmp_path / "w.safetensors"), arch=f"{nets}:Shift")
        assert model(torch.zeros(1, 1)).item() == {"+": 1.0, "-": -1.0}[sign]


@pytest.mark.parametrize("prefix", ["module.", "model.", "net.", "module.model."])
def test_uniform_prefix_is_stripped_and_mentioned(net, prefix, tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({prefix + name: tensor for name, tensor in net.state_dict().items()}, path)
    model = load_model(str(path), arch="small-cnn")
    assert model.fingerprint == fingerprint(net)
    assert f"prefix {prefix} stripped" in model.origin


def test_a_prefix_that_the_net_has_itself_stays(tmp_path):
    (tmp_path / "wrapped.py").write_text(
        "from workbench.models.architectures import small_cnn\n"
        "from torch import nn\n"
        "def make(): return nn.ModuleDict({'net': small_cnn()})\n"
    )
    path = tmp_path / "w.safetensors"
    save_file({f"net.{name}": tensor for name, tensor in small_cnn().state_dict().items()}, path)
    model = load_model(str(path), arch=f"{tmp_path}/wrapped.py:make")
    assert "stripped" not in model.origin


@pytest.mark.parametrize("nest", [None, "state_dict", "model", "model_state_dict", "net"])
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".checkpoint"])
def test_state_dicts_of_torch(net, nest, suffix, tmp_path):
    content = net.state_dict() if nest is None else {"epoch": 7, nest: net.state_dict()}
    path = tmp_path / f"w{suffix}"
    torch.save(content, path)
    assert load_model(str(path), arch="small-cnn").fingerprint == fingerprint(net)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_the_nets_own(dtype, tmp_path):
    net = small_cnn().to(dtype)
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    model = load_model(str(tmp_path / "w.safetensors"), arch="small-cnn")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert model.fingerprint == fingerprint(net.float())


@pytest.mark.parametrize("length", [128, 0x3C20])
def test_a_length_that_looks_like_another_format(length, tmp_path):
    # safetensors starts with the length of its header: 0x80 also starts a pickle, " <" a web page.
    header = {"bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    content = struct.pack("<Q", length) + json.dumps(header).ljust(length).encode() + bytes(8)
    (tmp_path / "w.safetensors").write_bytes(content)
    (tmp_path / "nets.py").write_text(
        "from torch import nn\ndef make(): return nn.ParameterDict({'bias': nn.Linear(2, 2).bias})"
    )
    model = load_model(str(tmp_path / "w.safetensors"), arch=f"{tmp_path}/nets.py:make")
    assert model.net["bias"].tolist() == [0.0, 0.0]


def test_check_fits_accepts_what_fits(net):
    check_fits(Classifier(net, "a net"), (1, 28, 28), 10)
    check_fits(Classifier(net, "a net"), (1, 28, 28), 4)


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((3, 32, 32), 10, "a net does not take images of 3x32x32: RuntimeError: "),
        ((1, 28, 28), 100, r"shape \(2, 10\) .* its 100 classes needs \(2, 100\)"),
    ],
)
def test_check_fits_refuses_other_data(net, shape, classes, message):
    with pytest.raises(InputError, match=message) as caught:
        check_fits(Classifier(net, "a net"), shape, classes)
    assert "\n" not in str(caught.value)


class Gives(nn.Module):
    """A model that gives whatever it is told to."""

    def __init__(self, output: object) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: torch.Tensor) -> object:
        return self.output


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (torch.full((2, 10), torch.nan), "NaN or infinite"),
        (torch.zeros(10), r"shape \(10,\)"),
        (torch.zeros(1, 10), r"shape \(1, 10\)"),
        ((torch.zeros(2, 10), None), "gives a tuple"),
    ],
)
def test_check_fits_refuses_what_are_no_logits(output, message):
    with pytest.raises(InputError, match=message):
        check_fits(Classifier(Gives(output), "a net"), (1, 28, 28), 10)

"""Every wrong model file or architecture: one line that names the trouble, and nothing is run."""

import pickle
import struct

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from workbench.errors import InputError
from workbench.models import load_model
from workbench.models.architectures import small_cnn


def refusal(path, arch: str | None = "small-cnn", **more: str) -> str:
    with pytest.raises(InputError) as caught:
        load_model(str(path), arch=arch, **more)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def outcome(path, arch: str) -> str:
    try:
        return load_model(str(path), arch=arch).fingerprint
    except InputError as error:
        return str(error)


@pytest.fixture
def good(tmp_path):
    save_file(small_cnn().state_dict(), tmp_path / "good.safetensors")
    return tmp_path / "good.safetensors"


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.to_sparse(),
        lambda t: t.to_sparse_csr(),
        lambda t: t.to("meta"),
        lambda t: torch.nested.nested_tensor([*t]),
    ],
)
def test_tensors_that_are_not_plain(change, tmp_path):
    weights = small_cnn().state_dict()
    name = next(name for name, tensor in weights.items() if tensor.ndim == 2)
    torch.save(weights | {name: change(weights[name])}, tmp_path / "w.pt")
    message = refusal(tmp_path / "w.pt")
    assert "no plain tensor" in message or "truncated" in message


def test_names_of_files_are_no_patterns(good):
    odd = good.with_name("a**b[.safetensors")
    odd.write_bytes(good.read_bytes())
    good.with_name(f"{odd.name}.lock").symlink_to("nowhere")
    assert load_model(str(odd), "small-cnn").fingerprint


def test_no_such_file(tmp_path):
    message = refusal(tmp_path / "absent.safetensors")
    assert "absent.safetensors" in message
    assert "No such file" in message


def test_a_folder(tmp_path):
    assert "Is a directory" in refusal(tmp_path)


def test_an_empty_file(tmp_path):
    (tmp_path / "w.pt").touch()
    assert "empty" in refusal(tmp_path / "w.pt")


@pytest.mark.parametrize("kept", [3, 8, 60, 5000, -4])
def test_truncated_safetensors(good, kept):
    good.write_bytes(good.read_bytes()[:kept])
    assert "truncated or corrupt" in refusal(good)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("kept", [60, 5000, -10])
def test_truncated_state_dict(tmp_path, kept, legacy):
    path = tmp_path / "w.pt"
    torch.save(small_cnn().state_dict(), path, _use_new_zipfile_serialization=not legacy)
    path.write_bytes(path.read_bytes()[:kept])
    assert "truncated or corrupt" in refusal(path)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "web page"),
        (b"\n  <html>" + b" " * 2000, "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 12\n", "Git LFS"),
    ],
)
def test_something_else_saved_as_a_model(tmp_path, name, content, what):
    (tmp_path / name).write_bytes(content)
    assert what in refusal(tmp_path / name)


def test_an_unknown_format(tmp_path):
    (tmp_path / "w.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert "neither a safetensors file nor a state dict" in refusal(tmp_path / "w.h5")


class Payload:
    """Unpickled by a trusting reader, it creates the file that it names."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("how", ["pickle", "zip", "legacy"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, how):
    path, trace = tmp_path / "w.pt", tmp_path / "trace"
    content = {"state_dict": Payload(str(trace))}
    if how == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "zip")
    message = refusal(path)
    assert "needs code" in message
    assert "safetensors" in message
    assert not trace.exists()
    torch.load(path, weights_only=False) if how != "pickle" else pickle.loads(path.read_bytes())
    assert trace.exists()  # the payload was a live one


def test_a_whole_module_is_refused_by_the_name_of_its_code(tmp_path):
    torch.save(small_cnn(), tmp_path / "w.pt")
    assert "torch.nn.modules.container.Sequential" in refusal(tmp_path / "w.pt")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (torch.zeros(3), "holds a Tensor"),
        ([small_cnn().state_dict()], "holds a list"),
        ({"state_dict": [small_cnn().state_dict()]}, "'state_dict' is a list"),
        ({**small_cnn().state_dict(), "epoch": 3}, "'epoch' is a int"),
        ({}, "missing '0.weight', '0.bias', '2.weight' and 5 more"),
        ({0: torch.zeros(3)}, "unexpected '0'"),
    ],
)
def test_no_state_dict(tmp_path, content, what):
    torch.save(content, tmp_path / "w.pt")
    assert what in refusal(tmp_path / "w.pt")


def test_arch_missing(good):
    message = refusal(good, arch=None)
    assert "small-cnn" in message
    assert "path/to/file.py:factory" in message


@pytest.mark.parametrize("name", ["~nobody-here/w.pt", "a\0b.pt"])
def test_no_path_at_all(name):
    assert "cannot read model file" in refusal(name)


@pytest.mark.parametrize("arch", ["small_cnn", "resnet", "", ":make", "package:", "a\0b.py:make"])
def test_arch_unknown(good, arch):
    assert f"unknown architecture {arch!r}" in refusal(good, arch=arch)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def make(:", "SyntaxError"),
        ("raise SystemExit('usage: train.py')", "SystemExit: usage"),
        ("", "no factory called 'make'"),
        ("make = 3", "no factory called 'make'"),
        ("def make(depth): ...", "failed: TypeError"),
        ("def make(): raise ValueError('first\\nsecond')", "failed: ValueError: first"),
        ("def make(): return {}", "gave a dict, not an nn.Module"),
        ("from sys import exit as make", "failed: SystemExit"),
    ],
)
def test_arch_that_gives_no_net(good, tmp_path, source, what):
    (tmp_path / "nets.py").write_text(source)
    assert what in refusal(good, arch=f"{tmp_path}/nets.py:make")


@pytest.mark.parametrize(
    "arch", ["no_such_package.nets:make", "no/such/file.py:make", "~nobody-here/nets.py:make"]
)
def test_arch_that_cannot_be_imported(good, arch):
    assert f"cannot import architecture {arch.split(':')[0]}" in refusal(good, arch=arch)


def changed(path, **tensors: torch.Tensor | None):
    """The weights of a small net with some tensors replaced, added or (None) left out."""
    weights = small_cnn().state_dict() | tensors
    save_file({name: tensor for name, tensor in weights.items() if tensor is not None}, path)
    return path


def test_missing_and_unexpected_keys_are_named_and_counted(tmp_path):
    lacking = {"0.weight": None, "0.bias": None, "2.weight": None, "2.bias": None}
    extra = {f"head.{i}": torch.zeros(1) for i in range(5)}
    message = refusal(changed(tmp_path / "w.safetensors", **lacking, **extra))
    assert "missing '0.weight', '0.bias', '2.weight' and 1 more" in message
    assert "unexpected 'head.0', 'head.1', 'head.2' and 2 more" in message


def test_shape_mismatch(tmp_path):
    message = refusal(changed(tmp_path / "w.safetensors", **{"7.weight": torch.zeros(100, 100)}))
    assert "'7.weight' should have shape (10, 100), got (100, 100)" in message


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.complex64])
def test_weights_that_are_no_real_numbers(tmp_path, dtype):
    path = changed(tmp_path / "w.safetensors", **{"7.bias": torch.zeros(10, dtype=dtype)})
    assert f"'7.bias' should be torch.float32, got {dtype}" in refusal(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite(tmp_path, value):
    bias = torch.zeros(10)
    bias[3] = value
    path = changed(tmp_path / "w.safetensors", **{"7.bias": bias})
    assert "NaN or infinite weights in '7.bias'" in refusal(path)


def test_device_that_is_not_there(good):
    assert "cannot use device 'no such device'" in refusal(good, device="no such device")


def test_device_that_refuses_a_precision(tmp_path):
    # As MPS does, which this machine need not have.
    (tmp_path / "nets.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Linear):\n"
        "    def __init__(self): super().__init__(2, 2)\n"
        "    def to(self, device): raise TypeError('Cannot convert a MPS Tensor to float64')\n"
    )
    save_file(nn.Linear(2, 2).state_dict(), tmp_path / "w.safetensors")
    message = refusal(tmp_path / "w.safetensors", f"{tmp_path}/nets.py:Net", device="mps")
    assert "cannot use device 'mps': TypeError: Cannot convert a MPS Tensor" in message


@pytest.fixture(scope="module", params=["w.safetensors", "w.pt", "legacy.pt"])
def small_file(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / request.param
    weights = nn.Linear(2, 2).state_dict()
    if request.param == "w.safetensors":
        save_file(weights, path)
    else:
        torch.save(weights, path, _use_new_zipfile_serialization=request.param == "w.pt")
    (path.parent / "nets.py").write_text("from torch import nn\ndef make(): return nn.Linear(2, 2)")
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_byte_is_refused_in_one_line_or_harmless(small_file, position, change):
    content = bytearray(small_file.read_bytes())
    content[position % len(content)] ^= change
    damaged = small_file.with_name("damaged" + small_file.suffix)
    damaged.write_bytes(content)
    assert len(outcome(damaged, f"{small_file.parent}/nets.py:make").splitlines()) == 1


def test_a_header_that_claims_more_than_there_is(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", 2**40) + b"{" + b" " * 100)
    assert "truncated or corrupt" in refusal(tmp_path / "w.safetensors")

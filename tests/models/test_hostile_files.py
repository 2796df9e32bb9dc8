"""Files made to harm: each is refused in one line or harmless, and no code of theirs runs."""

import importlib.util
import io
import json
import os
import pickle
import random
import re
import struct
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import exports
import numpy as np
import pytest
import torch
from hostile import ARCH, FORMATS, Payload, tiny, unzipped, write_all, zipped
from torch import nn

from workbench.errors import InputError
from workbench.models import load_model
from workbench.models.exported import OfSizes
from workbench.models.scripted import _check_code

MUTATIONS = 40


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict[str, bytes]:
    """A good small file of each format."""
    return write_all(tmp_path_factory.mktemp("good"))


def outcome(path: Path) -> str:
    """The one line of a refusal, or what a model that works has as its fingerprint."""
    arch = ARCH if path.name.startswith("w.") else None
    try:
        model = load_model(str(path), arch, shape=(1, 4, 4))
    except InputError as error:
        lines = str(error).splitlines()
    else:
        lines = [model.fingerprint]
        assert len(model(torch.rand(2, 1, 4, 4))) == 2
    assert len(lines) == 1
    return lines[0]


def refusal(path: Path, content: bytes | None = None) -> str:
    if content is not None:
        path.write_bytes(content)
    said = outcome(path)
    assert len(said) != 16, "it was loaded"
    return said


@pytest.mark.parametrize("name", FORMATS)
def test_good_files_load(good, name, tmp_path):
    (tmp_path / name).write_bytes(good[name])
    assert len(outcome(tmp_path / name)) == 16


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("name", FORMATS)
def test_truncated_files(good, name, share, tmp_path):
    message = refusal(tmp_path / name, good[name][: int(share * len(good[name]))])
    assert "truncated or corrupt" in message or "nor TorchScript" in message


@pytest.mark.parametrize("name", FORMATS)
def test_a_web_page(name, tmp_path):
    assert "a web page" in refusal(tmp_path / name, b"<!DOCTYPE html><html>Not found</html>")


@pytest.mark.parametrize("name", FORMATS)
def test_random_bytes_behind_every_magic_number(good, name, tmp_path):
    draw = random.Random(0)
    for kept in (2, 4, 9, 64):
        refusal(tmp_path / name, good[name][:kept] + draw.randbytes(1000))


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_bytes_are_refused_in_one_line_or_harmless(good, name, tmp_path):
    draw = random.Random(1)
    for _ in range(MUTATIONS):
        content = bytearray(good[name])
        for _ in range(draw.choice([1, 1, 4])):
            content[draw.randrange(len(content))] ^= draw.randrange(1, 256)
        (tmp_path / name).write_bytes(content)
        outcome(tmp_path / name)


@pytest.mark.parametrize("name", ["w.pt", "m.pt", "m.pt2"])
def test_damage_behind_intact_checksums(good, name, tmp_path):
    with zipfile.ZipFile(io.BytesIO(good[name])) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}
    draw = random.Random(2)
    texts = [entry for entry in files if entry.endswith((".py", ".pkl", ".json"))]
    for _ in range(MUTATIONS):
        entry = draw.choice(texts)
        content = bytearray(files[entry])
        content[draw.randrange(len(content))] ^= draw.randrange(1, 256)
        (tmp_path / name).write_bytes(zipped({**files, entry: bytes(content)}))
        outcome(tmp_path / name)


def test_a_zip_bomb(tmp_path):
    bomb = zipped({"m/data.pkl": bytes(64 << 20)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 20
    assert "claims to unpack to 67108864 bytes" in refusal(tmp_path / "w.pt", bomb)


@pytest.mark.parametrize("name", ["/etc/passwd", "../../escape", "m/../../escape", "C:/x", "m\\x"])
def test_archives_that_name_files_outside(name, tmp_path):
    content = zipped({"m/data.pkl": b"", name: b""})
    assert "outside of itself" in refusal(tmp_path / "w.pt", content)


def test_an_archive_that_names_a_file_twice(tmp_path):
    content = zipped({"m/data.pkl": b"", "m/xata.pkl": b""}).replace(b"xata", b"data")
    assert "or one twice" in refusal(tmp_path / "w.pt", content)


def test_a_numpy_archive_with_code(tmp_path):
    trace = tmp_path / "trace"
    np.savez(tmp_path / "w.npz", weights=np.array([Payload(trace)], dtype=object))
    assert "a NumPy archive" in refusal(tmp_path / "w.npz")
    assert not trace.exists()


@pytest.mark.parametrize("shape", [[2**40], [2**31, 2**31], [2**62, 4]])
def test_a_header_that_claims_more_than_there_is(shape, tmp_path):
    size = 4 * int(np.prod(shape, dtype=object))
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}
    header = json.dumps({"1.weight": entry}).encode()
    content = struct.pack("<Q", len(header)) + header + bytes(64)
    assert "truncated or corrupt" in refusal(tmp_path / "w.safetensors", content)


def test_nan_in_torchscript(tmp_path):
    net = tiny().eval()
    net[1].bias.data[0] = torch.nan
    exports.script(net, torch.rand(2, 1, 4, 4), tmp_path / "m.pt")
    assert "NaN or infinite weights in '1.bias'" in refusal(tmp_path / "m.pt")


@pytest.mark.parametrize(
    "claim", [b"X" + struct.pack("<I", 2**32 - 1), b"r" + struct.pack("<I", 2**31)]
)
def test_torchscript_that_claims_more_than_there_is(claim, good, tmp_path):
    with zipfile.ZipFile(io.BytesIO(good["m.pt"])) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    pickled = next(name for name in files if name.endswith("data.pkl"))
    began = time.monotonic()
    files[pickled] = files[pickled][:2] + claim + files[pickled][2:]
    assert "truncated or corrupt" in refusal(tmp_path / "m.pt", zipped(files))
    assert time.monotonic() - began < 5  # without those bytes being allocated


def test_torchscript_whose_weights_claim_more_than_there_is(good, tmp_path):
    files = unzipped(good["m.pt"])
    pickled = next(name for name in files if name.endswith("data.pkl"))
    for change in range(1, 256):  # the 3 rows, or the 16 columns, of the weights, and their steps
        for number in (3, 16):
            one = bytes([ord("K"), number])
            content = files[pickled].replace(one, bytes([ord("K"), number ^ change]))
            (tmp_path / "m.pt").write_bytes(zipped({**files, pickled: content}))
            outcome(tmp_path / "m.pt")  # torch would read beyond the end, and perhaps crash


class Writes(nn.Module):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x):
        return x.flatten(1) + torch.from_file(self.path, shared=True, size=16)


def test_torchscript_that_writes_a_file(tmp_path):
    trace = tmp_path / "trace"
    torch.jit.script(Writes(str(trace))).save(tmp_path / "m.pt")
    assert "names 'from_file'" in refusal(tmp_path / "m.pt")
    assert not trace.exists()
    torch.jit.load(tmp_path / "m.pt")(torch.rand(2, 1, 4, 4))
    assert trace.exists()  # the payload was a live one


def changed(content: bytes, **replaced: bytes | Callable[[bytes], bytes]) -> bytes:
    """A pt2 archive with some of its files replaced, by the last parts of their names."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name in files:
        for end, new in replaced.items():
            if name.endswith(end):
                files[name] = new(files[name]) if callable(new) else new
    return zipped(files)


def with_graph(edit: Callable[[dict], None]) -> dict[str, Callable[[bytes], bytes]]:
    """Files of an archive, whose graph is edited in place."""

    def new(content: bytes) -> bytes:
        told = json.loads(content)
        edit(told)
        return json.dumps(told).encode()

    return {"models/model.json": new}


def code(trace: Path) -> str:
    return f"open({str(trace)!r}, 'w')"


def in_guards(told: dict, text: str) -> None:
    told["guards_code"] = [text]


def in_sizes(told: dict, text: str) -> None:
    told["graph_module"]["graph"]["tensor_values"]["input"]["sizes"][0]["as_expr"]["expr_str"] = (
        text
    )


def in_names(told: dict, text: str) -> None:
    told["graph_module"]["graph"]["nodes"][0]["name"] = f"x; {text}; y"


@pytest.mark.parametrize("edit", [in_guards, in_sizes, in_names])
def test_python_in_the_graph_of_an_export_is_never_run(edit, good, tmp_path):
    trace = tmp_path / "trace"
    graph = with_graph(lambda told: edit(told, code(trace)))
    (tmp_path / "m.pt2").write_bytes(changed(good["m.pt2"], **graph))
    outcome(tmp_path / "m.pt2")
    assert not trace.exists()


def test_a_pickle_as_the_sample_inputs_of_an_export_is_never_read(good, tmp_path):
    trace = tmp_path / "trace"
    content = changed(good["m.pt2"], **{"sample_inputs/model.pt": pickle.dumps(Payload(trace))})
    (tmp_path / "m.pt2").write_bytes(content)
    outcome(tmp_path / "m.pt2")
    assert not trace.exists()
    with pytest.raises(Exception):  # noqa: B017, PT011
        torch.export.load(tmp_path / "m.pt2")
    assert trace.exists()  # torch's own reader runs it


def test_a_pickle_as_a_weight_of_an_export_is_refused(good, tmp_path):
    trace = tmp_path / "trace"
    buffer = io.BytesIO()
    torch.save(Payload(trace), buffer)
    replaced = {
        "weights_config.json": lambda c: c.replace(b'"use_pickle": false', b'"use_pickle": true'),
        "weights/weight_0": buffer.getvalue(),
    }
    message = refusal(tmp_path / "m.pt2", changed(good["m.pt2"], **replaced))
    assert "it holds a pickle for '1.weight'" in message
    assert not trace.exists()


def target(name: str, *texts: str) -> Callable[[dict], None]:
    """The first node calls something else, with texts as its arguments."""

    def edit(told: dict) -> None:
        node = told["graph_module"]["graph"]["nodes"][0]
        node["target"] = name
        node["inputs"] = [{"name": "a", "arg": {"as_string": t}, "kind": 1} for t in texts]

    return edit


@pytest.mark.parametrize(
    "name",
    [
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.save.default",
        "torch.ops.aten.no_such.default",
        "torch.ops.aten.__class__.__init__",
        "torch.load",
        "torch.hub.load",
        "_operator.attrgetter",
        "#namespace:op",
        "torch.ops.higher_order.cond",
        "torch.ops.mine.op.default",
    ],
)
def test_an_export_that_calls_anything_but_arithmetic_is_refused(name, good, tmp_path):
    graph = with_graph(target(name, str(tmp_path / "trace")))
    assert "is refused: it holds" in refusal(tmp_path / "m.pt2", changed(good["m.pt2"], **graph))
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("sizes", "strides"), [([2**40, 2**10], [0, 0]), ([2**40], [1]), ([-1], [1])]
)
def test_an_export_whose_weights_claim_more_than_there_is(sizes, strides, good, tmp_path):
    def edit(content: bytes) -> bytes:
        told = json.loads(content)
        for entry in told["config"].values():
            entry["tensor_meta"]["sizes"] = [{"as_int": n} for n in sizes]
            entry["tensor_meta"]["strides"] = [{"as_int": n} for n in strides]
        return json.dumps(told).encode()

    refusal(tmp_path / "m.pt2", changed(good["m.pt2"], **{"weights_config.json": edit}))


def test_an_export_whose_graph_changes_its_weights(good, tmp_path):
    def edit(told: dict) -> None:
        node = told["graph_module"]["graph"]["nodes"][0]
        node["target"] = "torch.ops.aten.relu_.default"
        node["inputs"] = [{"name": "self", "arg": {"as_tensor": {"name": "p_1_weight"}}, "kind": 1}]

    message = refusal(tmp_path / "m.pt2", changed(good["m.pt2"], **with_graph(edit)))
    assert "changes the net's own weights" in message


def test_sizes_of_an_export_do_not_grow_without_end():
    size = 2**61
    with pytest.raises(OverflowError):
        OfSizes("mul")(size, size)
    assert OfSizes("mul")(3, -4) == -12
    assert OfSizes("truediv")(1, 4) == 0.25


@pytest.mark.parametrize("text", ['print ("a")', "ops . own.act(x)", "ops.own.act(x)"])
def test_torchscript_is_looked_through_whatever_its_spaces(text, tmp_path):
    with pytest.raises(InputError, match="no arithmetic"):
        _check_code(f"def forward(self, x):\n  {text}", tmp_path)


def test_an_older_export_is_refused(tmp_path):
    content = zipped({"version": b"5.1", "serialized_exported_program.json": b"{}"})
    assert "exported by an older torch" in refusal(tmp_path / "m.pt2", content)


NET = """
import torch
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        y = x.flatten(1)[:, :3]
"""


def scripted(path: Path, body: str) -> Path:
    """A TorchScript net whose forward computes logits y with these lines of code."""
    source = path.with_suffix(".py")
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    source.write_text(f"{NET}{lines}        return y\n")
    spec = importlib.util.spec_from_file_location("scripted_net", source)
    module = importlib.util.module_from_spec(spec)
    sys.modules["scripted_net"] = module  # where torch looks for the source
    spec.loader.exec_module(module)
    torch.jit.script(module.Net()).save(str(path))
    return path


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("while True:\n    y = y + 1", "has a while loop"),
        ("n = 0\nwhile n < 3:\n    n += 1", "has a while loop"),
        ("for i in range(1000000000000):\n    y = y + i", "loops take 1e\\+12 steps"),
        ("for i in range(9999):\n    for j in range(9999):\n        y = y + i", "1e\\+08 steps"),
        ("for i in range(int(x.sum())):\n    y = y + i", "no known number of steps"),
        ("for i in range(x.size(1) * 1000000000):\n    y = y + i", "1e\\+12 steps"),
        ("n = x.size(1)\n" + "n = n + n\n" * 60 + "for i in range(n):\n    y = y + i", "1e\\+21"),
        ("l = [1, 2]\nfor i in range(40):\n    l = l + l\nfor i in l:\n    y = y + i", "no known"),
        ("print(x)", "names 'print'"),
        ("y = y + torch.zeros([1000000, 1000000])[0, :3]", "does not run on 1 images"),
        ("y = y + torch.zeros([4000000000])[:3]", "does not run on 1 images"),
    ],
)
def test_torchscript_that_never_ends_or_takes_all_memory(body, what, tmp_path):
    assert re.search(what, refusal(scripted(tmp_path / "m.pt", body)))


@pytest.mark.parametrize(
    "body",
    [
        "for i in range(100):\n    y = y + i",
        "for i in range(x.size(2)):\n    y = y + x.shape[3] * i",
        "for i in range(1, x.size(2), 2):\n    y = y + i",
        "for part in x.unbind(2):\n    y = y + 0 * part.sum()",
        "for i, part in enumerate(x.unbind(2)):\n    y = y + i * y",
        "for a, b in zip(x.unbind(2), x.unbind(3)):\n    y = y * 2",
    ],
)
def test_torchscript_with_loops_that_end_is_loaded(body, tmp_path):
    assert len(outcome(scripted(tmp_path / "m.pt", body))) == 16


def test_a_graph_that_asks_for_all_memory(good, tmp_path):
    def edit(told: dict) -> None:
        nodes = told["graph_module"]["graph"]["nodes"]
        nodes[0]["target"] = "torch.ops.aten.full.default"
        nodes[0]["inputs"] = [
            {"name": "size", "arg": {"as_ints": [10**6, 10**6]}, "kind": 1},
            {"name": "fill_value", "arg": {"as_float": 0.0}, "kind": 1},
        ]

    message = refusal(tmp_path / "m.pt2", changed(good["m.pt2"], **with_graph(edit)))
    assert "4000000000000 bytes" in message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "m.pt")
    assert "a device or a pipe" in refusal(tmp_path / "m.pt")

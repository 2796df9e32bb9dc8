"""Bad files, bad data and bad words by the thousand, each told by a seed."""

import json
import os
import pickle
import random
import re
import string
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from hostile import ARCH, FORMATS, Payload, unzipped, zipped
from PIL import Image

Good = Mapping[str, bytes]
Options = dict[str, str]
"""Words of the command by the names of its options; "model" is its argument."""

CANARY = "canary"  # the file that code in a file would make
ZIPPED = ("w.pt", "m.pt", "m.pt2")
NUMBERS = (0, 1, -1, 3, 2**31 - 1, 2**31, 2**40, 2**63 - 1, -(2**63), 10**12)
JSON: tuple[Any, ...] = (*NUMBERS, None, True, 1.5, 1e400, "", "x", [], {}, [[]], {"as_int": 2**40})
OPERATORS = ("Relu", "Loop", "Expand", "ConstantOfShape", "Tile", "Reshape", "Range", "Foo", "Conv")
WORDS = (
    *("", " ", "0", "-1", "nan", "inf", "-inf", "1e400", "1e999999999", "1e-999999999", "8/255"),
    *("8/0", "1/1e-400", "0x10", "1_0", "٣", "½", "0.1,0.2", ",", "=", ":", "..", ".", "/", "~"),
    *("~nobody/x.py:f", "a\0b", "a\nb", "a\rb", "\x1b[31mred", "\udcff", "é" * 300, "x" * 5000),
    *("--", "-", "-5", "None", "true", "[]", "{}", "%s%n", "$(touch canary)", "clean=50", "L2"),
    *("clean=1e400", "pgd-40=101", "pgd-40:steps=0=5", "pgd-40:steps=1e9=5", "none=5", "cw=5"),
    *("clean=5,clean=6", "autoattack", "rgb", "bgr", "2,1,0", "0,0,1", "0,1,99", "1e39", "1e-50"),
    *("os.path:join", "sys:exit", "builtins:dict", "torch.nn:Identity", "small-cnn", "zoo:x/y"),
    *("broken:none", "hf:", "timm:", "robustbench:a/b/c/d", "/dev/null", "/dev/zero", "/proc/x"),
)
LETTERS = string.printable + "é½٣\u2028\0"
OPTIONS = (
    *("model", "arch", "weights", "mean", "std", "channels", "class-map", "data", "norm", "eps"),
    *("claim", "out", "depth", "fail-on", "samples", "seed", "device", "store", "json", "workers"),
    *("against", "against-arch"),
)


def spoiled(draw: random.Random, content: bytes) -> bytes:
    """Bytes cut, flipped, inserted, removed, moved, or overwritten with large numbers."""
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8))):
        at, length = draw.randrange(len(data) + 1), draw.choice((1, 2, 8, 100, 1000))
        part = bytes(data[at : at + length])
        how = draw.randrange(7)
        if how == 0:
            del data[at:]
        elif how == 1:
            data[at : at + 1] = bytes(b ^ 1 << draw.randrange(8) for b in data[at : at + 1])
        elif how == 2:
            data[at:at] = draw.randbytes(length)
        elif how == 3:
            del data[at : at + length]
        elif how == 4:
            data[at:at] = part * draw.choice((1, 2, 50))
        elif how == 5:
            data[at : at + length] = bytes(len(part))
        else:
            number = struct.pack(draw.choice("<>") + "q", draw.choice(NUMBERS))
            data[at : at + 8] = number[: draw.choice((1, 2, 4, 8))]
    return bytes(data)


def as_model(name: str, path: Path) -> Options:
    """The words that load a file of a format's name from a path."""
    return {"model": str(path), "arch": ARCH} if name.startswith("w.") else {"model": str(path)}


def files(draw: random.Random, folder: Path, good: Good) -> Options:
    """A file of any format, spoiled, perhaps under another name."""
    name = draw.choice([*FORMATS])
    path = folder / draw.choice((name, name, *FORMATS, "model", "model.txt"))
    path.write_bytes(spoiled(draw, good[name]))
    return as_model(name, path)


def members(draw: random.Random, folder: Path, good: Good) -> Options:
    """An archive with right checksums whose files are spoiled, swapped, renamed, lost or more."""
    name = draw.choice(ZIPPED)
    inside = unzipped(good[name])
    one, other = draw.choice([*inside]), draw.choice([*inside])
    how = draw.randrange(7)
    if how <= 1:
        inside[one] = spoiled(draw, inside[one])
    elif how == 2:
        inside[one], inside[other] = inside[other], inside[one]
    elif how == 3:
        inside[draw.choice((f"{one}x", f"x/{one}", "../x", "data.pkl", "/"))] = inside.pop(one)
    elif how == 4:
        del inside[one]
    elif how == 5:
        inside[draw.choice((one, "x/data.pkl", "x/version"))] = bytes(draw.choice((0, 20 << 20)))
    else:
        inside[one] = pickle.dumps(Payload(folder / CANARY), draw.choice((0, 2, 4)))
    packing = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    (folder / name).write_bytes(zipped(inside, packing))
    return as_model(name, folder / name)


def impostors(draw: random.Random, folder: Path, good: Good) -> Options:
    """Something else under the name of a model."""
    name = draw.choice([*FORMATS])
    path = folder / name
    code = pickle.dumps({"state_dict": Payload(folder / CANARY)}, draw.choice((0, 2, 4)))
    contents = (
        b"<!DOCTYPE html><html>Not found</html>",
        b"",
        draw.randbytes(3000),
        good[name][: draw.choice((2, 4, 9, 64))] + draw.randbytes(3000),
        code,
        zipped({"m/data.pkl": code, "m/version": b"3"}),
        zipped({"m/data.pkl": bytes(64 << 20)}, zipfile.ZIP_DEFLATED),
        struct.pack("<Q", draw.choice(NUMBERS) % 2**64) + b"{" + b" " * 100,
    )
    how = draw.randrange(len(contents) + 3)
    if how < len(contents):
        path.write_bytes(contents[how])
    elif how == len(contents):
        path.mkdir()
    elif how == len(contents) + 1:
        path.symlink_to(path)
    else:
        os.mkfifo(path)
    return as_model(name, path)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every place in a tree of JSON: the container, and the key or the number in it."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found = [(tree, key) for key, _ in pairs]
    inner = [tree[key] for _, key in found if isinstance(tree[key], dict | list)]
    return found + [place for branch in inner for place in _places(branch)]


def _edited(draw: random.Random, content: bytes) -> bytes:
    """JSON with other values at some places, and some of its keys lost."""
    tree = json.loads(content)
    for _ in range(draw.choice((1, 1, 3))):
        places = _places(tree)
        if not places:
            break
        holder, key = draw.choice(places)
        if draw.random() < 0.2:
            del holder[key]
        else:
            holder[key] = draw.choice(JSON)
    return json.dumps(tree).encode()


def headers(draw: random.Random, folder: Path, good: Good) -> Options:
    """Safetensors and exports whose JSON is well formed and tells something else."""
    name = draw.choice(("w.safetensors", "m.pt2", "m.pt2"))
    if name == "m.pt2":
        inside = unzipped(good[name])
        told = draw.choice([entry for entry in inside if entry.endswith(".json")])
        content = zipped({**inside, told: _edited(draw, inside[told])})
    else:
        (length,) = struct.unpack("<Q", good[name][:8])
        header = _edited(draw, good[name][8 : 8 + length])
        content = struct.pack("<Q", len(header)) + header + good[name][8 + length :]
    (folder / name).write_bytes(content)
    return as_model(name, folder / name)


def graphs(draw: random.Random, folder: Path, good: Good) -> Options:
    """ONNX graphs that are well formed, with other operators, sizes, settings or types."""
    model = onnx.load_model_from_string(good["m.onnx"])
    graph = model.graph
    for _ in range(draw.choice((1, 1, 3))):
        node, weight = draw.choice(graph.node), draw.choice(graph.initializer)
        how = draw.randrange(6)
        if how == 0:
            node.op_type = draw.choice(OPERATORS)
        elif how == 1 and weight.dims:
            weight.dims[draw.randrange(len(weight.dims))] = draw.choice(NUMBERS) % 2**63
        elif how == 2 and node.attribute:
            draw.choice(node.attribute).i = draw.choice(NUMBERS) % 2**63
        elif how == 3:
            weight.data_type = draw.randrange(25)
        elif how == 4:
            node.input[draw.randrange(len(node.input))] = draw.choice([*node.output, "", "x"])
        else:
            graph.input[0].type.tensor_type.shape.dim[draw.randrange(4)].dim_value = 2**31
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    return as_model("m.onnx", folder / "m.onnx")


def scripts(draw: random.Random, folder: Path, good: Good) -> Options:
    """TorchScript whose code has other numbers, other names, or loops."""
    inside = unzipped(good["m.pt"])
    name = draw.choice([entry for entry in inside if entry.endswith(".py")])
    text = inside[name].decode()
    loop = draw.choice(("while True:", f"for _i in range({draw.choice(NUMBERS)}):"))
    looped = rf"\n  {loop}\n    y = torch.relu(x)\n  return \1"
    new = (
        lambda: re.sub(r"\b\d+\b", str(draw.choice(NUMBERS)), text, count=draw.choice((1, 2))),
        lambda: re.sub(r"torch\.\w+", f"torch.{draw.choice(('zeros', 'save', 'x'))}", text),
        lambda: re.sub(r"\n  return (.*)", looped, text),
        lambda: text.replace("return ", "return torch.zeros([1000000, 1000000]) + ", 1),
        lambda: text.replace("return ", f"return ops.{draw.choice(('os', 'aten'))}.system ", 1),
    )
    inside[name] = draw.choice(new)().encode()
    (folder / "m.pt").write_bytes(zipped(inside))
    return as_model("m.pt", folder / "m.pt")


def arrays(draw: random.Random, folder: Path, good: Good) -> Options:
    """An .npz of other keys, types, shapes and values, or a spoiled one."""
    numbers = np.random.default_rng(draw.randrange(2**32))
    shapes = ((4, 1, 4, 4), (4, 4, 4, 3), (0, 4, 4), (4,), (4, 4), (4, 9, 1), (2, 4, 4))
    kinds = ("u1", "i8", "f2", "f4", "f8", "c8", "?", "U3", "O", "M8[s]", "i4,f4", "S2")
    scale = _often(draw, 1, (255, -1, np.nan, np.inf, 1e300))
    x = numbers.random(_often(draw, (4, 4, 4), shapes)) * scale
    labels = (4, [0, 1], [0, 0, 0, 0], [0, 1, 2, -1], [0, 1, 2, 10**9], [0, 1, 2, np.nan], [[0]])
    y = np.array(_often(draw, [0, 1, 2, 1], labels))
    content = {
        "x": _as(_often(draw, "f4", kinds), x),
        "y": _as(_often(draw, y.dtype.str, kinds), y),
    }
    if draw.random() < 0.2:
        content["classes"] = _as(draw.choice(kinds), np.arange(draw.choice((0, 1, 3, 4))))
    if draw.random() < 0.2:
        content[draw.choice("xyz")] = np.array([Payload(folder / CANARY)], dtype=object)
    if draw.random() < 0.2:
        content.pop(draw.choice("xy"))
    path = folder / draw.choice(("d.npz", "d.zip", "d"))
    with path.open("wb") as file:
        draw.choice((np.savez, np.savez_compressed))(file, **content)
    if draw.random() < 0.3:
        inside = unzipped(path.read_bytes())
        if inside and draw.random() < 0.7:
            one = draw.choice([*inside])
            path.write_bytes(zipped({**inside, one: spoiled(draw, inside[one])}))
        else:
            path.write_bytes(spoiled(draw, path.read_bytes()))
    return {"data": str(path)}


def _often(draw: random.Random, usual: Any, others: Sequence[Any]) -> Any:
    """The usual value, or in one case of four another."""
    return usual if draw.random() < 0.75 else draw.choice(others)


def _as(kind: str, values: np.ndarray) -> np.ndarray:
    """The values as another type, or zeros of it where they have no meaning there."""
    try:
        with np.errstate(all="ignore"):
            return values.astype(kind)
    except (TypeError, ValueError):
        return np.zeros(values.shape, kind)


def pictures(draw: random.Random, folder: Path, good: Good) -> Options:
    """A folder of images, of which one is broken, of another size or kind, or no image."""
    root = folder / "images"
    for label in range(3):
        (root / str(label)).mkdir(parents=True)
        for i in range(2):
            Image.new("L", (4, 4), 40 * label + i).save(root / str(label) / f"{i}.png")
    bad = root / str(draw.randrange(3)) / draw.choice(("0.png", "z.jpg", "é.gif", "z"))
    mode, size = draw.choice(("1", "L", "RGB", "I;16", "F", "CMYK")), draw.choice(((4, 4), (5, 4)))
    how = draw.randrange(6)
    if how == 0:
        bad.write_bytes(spoiled(draw, (root / "0" / "1.png").read_bytes()))
    elif how == 1:
        bad.write_bytes(draw.choice((b"", b"<html>", pickle.dumps(Payload(folder / CANARY)))))
    elif how == 2:
        bad.with_suffix(".d").mkdir()
    elif how == 3:
        os.mkfifo(bad.with_suffix(".pipe"))
    elif how == 4:
        bad.write_bytes(
            b"P5 %d %d 255\n" % draw.choice(((1 << 16, 1 << 16), (13000, 13000), (0, 0)))
        )
    else:
        Image.new(mode, size).save(bad.with_suffix(".tiff"))
    return {"data": str(root)}


def words(draw: random.Random, folder: Path, good: Good) -> Options:
    """Options that make no sense, or barely."""
    chosen = draw.sample(OPTIONS, draw.choice((1, 1, 2)))
    found = {}
    for name in chosen:
        text = draw.choice(WORDS)
        if draw.random() < 0.3:
            text = "".join(draw.choices(LETTERS, k=draw.choice((1, 5, 40))))
        if name in ("out", "json", "store") and not text.startswith(("/dev/null", "/proc")):
            text = str(folder / text.strip("/~.$"))
        found[name] = text
    return found


KINDS: dict[str, Callable[[random.Random, Path, Good], Options]] = {
    "file": files,
    "member": members,
    "impostor": impostors,
    "header": headers,
    "graph": graphs,
    "script": scripts,
    "array": arrays,
    "picture": pictures,
    "word": words,
}

"""From the bytes of an ONNX file to a graph whose claims are believable."""

import math
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from workbench.errors import InputError
from workbench.models.factories import in_one_line

MOST_BYTES = (1 << 31) - 1  # what protobuf can hold
CONTROL = ("If", "Loop", "Scan", "SequenceMap")


def package(name: str) -> Any:
    """onnx or onnxruntime, which are optional. Raises ``InputError`` where it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            f"ONNX files need the package {name}: pip install 'robustness-workbench[onnx]'"
        ) from error


def read_proto(path: Path) -> Any:
    """The ModelProto of a file, whole and with weights of its own.

    Refused, with one line: damaged files, control flow, functions, which may call themselves, and
    weights in other files than one beside this one. Raises ``InputError``.
    """
    onnx = package("onnx")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path} is larger than an ONNX file can be: get the file again")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf raises what it likes
        raise InputError(f"{path} is truncated or corrupt, or no ONNX file") from error
    _check_kind(model, path)
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _take_in(tensor, path)
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # of its C++ library, which raises several kinds
        raise InputError(f"{path} is truncated or corrupt ({in_one_line(error)})") from error
    return model


def _check_kind(model: Any, path: Path) -> None:
    if len(model.functions):
        raise InputError(
            f"{path} has functions of its own, which may call themselves: "
            "write them out by onnx.inliner.inline_local_functions"
        )
    for node in model.graph.node:
        if node.op_type in CONTROL or any(a.HasField("g") or a.graphs for a in node.attribute):
            raise InputError(
                f"{path} has control flow ({node.op_type!r}), which no attack can follow: "
                "export the net without it"
            )


def _tensors(model: Any) -> Iterator[Any]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _take_in(tensor: Any, path: Path) -> None:
    """Read the bytes of a tensor from the file beside its own, as torch's exporter leaves it."""
    told = {entry.key: entry.value for entry in tensor.external_data}
    name = told.get("location", "")
    beside = path.parent / name
    if Path(name).name != name or name in ("", ".", "..") or beside.is_symlink():
        raise InputError(f"{path} is refused: it takes weights from {name!r}, not beside itself")
    try:
        offset, length = int(told.get("offset", 0)), int(told.get("length", -1))
        size = beside.stat().st_size
        length = size - offset if length < 0 else length
        if offset < 0 or offset + length > size:
            raise InputError(f"{path} takes more from {name!r} than it holds: get both files again")
        with beside.open("rb") as file:
            file.seek(offset)
            tensor.raw_data = file.read(length)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} needs the file {name!r} beside it: get both files again"
        ) from error
    del tensor.external_data[:]
    tensor.ClearField("data_location")


def check_sizes(model: Any, path: Path) -> None:
    """Raise ``InputError`` where a tensor claims a shape that its bytes do not fill."""
    for tensor in _tensors(model):
        if math.prod(tensor.dims) > 8 * tensor.ByteSize() or min(tensor.dims, default=0) < 0:
            raise InputError(
                f"{path} is truncated or corrupt: {tensor.name!r} claims {tuple(tensor.dims)}"
            )

"""What a file is, told by its content; and the formats that bring their own architecture."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from workbench.errors import InputError
from workbench.models import archives
from workbench.models.architectures import Shape
from workbench.models.exported import read_exported
from workbench.models.onnx import read_onnx
from workbench.models.scripted import read_script

IMPOSTORS = {b"<": "a web page", b"version https://git-lfs": "a Git LFS pointer"}
ZIP, PICKLE, ONNX = b"PK\x03\x04", b"\x80", b"\x08"  # protobuf: field 1, the version, comes first

# Each takes a path and the shape (c, h, w) of the images, or None, and gives the net and a name.
NETS: dict[str, Callable[[Path, Shape | None], tuple[nn.Module, str]]] = {
    "torchscript": read_script,
    "pt2": read_exported,
    "onnx": read_onnx,
}


def kind_of(path: Path) -> str:
    """A name of ``NETS``, or "safetensors" or "torch" for weights alone.

    Raises ``InputError`` where the file is missing, empty, damaged, or something else.
    """
    head = _head(path)
    # First, because the eight bytes before this one are a length and can look like anything else.
    if head[8:9] == b"{":
        return "safetensors"
    if head.startswith(ZIP):
        return archives.kind(path)
    if head.startswith(PICKLE):
        return "torch"
    for start, what in IMPOSTORS.items():
        if head.lstrip().lower().startswith(start):
            raise InputError(f"{path} is {what}, not a model: download the file itself")
    if path.suffix == ".safetensors":
        raise InputError(f"{path} is truncated or corrupt: get the file again")
    if head.startswith(ONNX) or path.suffix == ".onnx":
        return "onnx"
    raise InputError(
        f"{path} is neither a safetensors file nor a state dict saved by torch, "
        "nor TorchScript, torch.export or ONNX"
    )


def _head(path: Path) -> bytes:
    try:
        if not (path.is_file() or path.is_dir()) and path.exists():
            raise InputError(f"{path} is a device or a pipe: copy the model to a file")
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InputError(f"cannot read model file {path}: {error.strerror}") from error
    except ValueError as error:  # a path with a zero byte
        raise InputError(f"cannot read model file {str(path)!r}: {error}") from error
    if not head:
        raise InputError(f"{path} is empty: get the file again")
    return head

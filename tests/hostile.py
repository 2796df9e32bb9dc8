"""Good small model files of every format, and the means to spoil them."""

import io
import warnings
import zipfile
from pathlib import Path

import exports
import torch
from safetensors.torch import save_file
from torch import nn

ARCH = f"{__file__}:tiny"
SHAPE = (1, 4, 4)


def tiny() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


class Payload:
    """Unpickled by a trusting reader, it creates the file that it names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def safetensors(path: Path) -> None:
    save_file(tiny().state_dict(), path)


def state_dict(path: Path) -> None:
    torch.save({"model": tiny().state_dict(), "ema": tiny().state_dict()}, path)


def legacy(path: Path) -> None:
    torch.save(tiny().state_dict(), path, _use_new_zipfile_serialization=False)


def torchscript(path: Path) -> None:
    exports.script(tiny().eval(), torch.rand(2, *SHAPE), path)


def pt2(path: Path) -> None:
    buffer = io.BytesIO()
    shapes = ({0: torch.export.Dim("batch")},)
    example = (torch.rand(2, *SHAPE),)
    torch.export.save(torch.export.export(tiny().eval(), example, dynamic_shapes=shapes), buffer)
    path.write_bytes(buffer.getvalue())


def onnx(path: Path) -> None:
    exports.onnx(tiny().eval(), torch.rand(2, *SHAPE), path)


FORMATS = {  # w.*: weights, which need ARCH
    "w.safetensors": safetensors,
    "w.pt": state_dict,
    "w.legacy.pt": legacy,
    "m.pt": torchscript,
    "m.pt2": pt2,
    "m.onnx": onnx,
}


def write_all(folder: Path) -> dict[str, bytes]:
    """A good small file of each format, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's news that its formats are old or new
        for name, write in FORMATS.items():
            write(folder / name)
    return {name: (folder / name).read_bytes() for name in FORMATS}


def zipped(files: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of these files, whose checksums are right."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    """The files of an archive by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}

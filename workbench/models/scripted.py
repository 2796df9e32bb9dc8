"""TorchScript: a net with its code in a language of torch's own, which reaches no Python."""

import io
import math
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from workbench.errors import InputError
from workbench.models import archives
from workbench.models.architectures import Shape
from workbench.models.loops import steps
from workbench.models.pickles import check_claims
from workbench.models.program import check_alone

ADVICE = "save it in eval mode, by torch.jit.script where torch.jit.trace fixes the batch"
# What the language can do beyond arithmetic: files, the screen, operators that somebody registered,
# and code that is run while a file is loaded.
REFUSED = re.compile(
    r"\b(from_file|save|rpc_\w+|ops\s*\.\s*(?!aten\b|prim\b)\w+|print(?=\s*\()|__setstate__)\b"
)
ENDLESS = re.compile(r"^\s*while\b", re.MULTILINE)
MOST_STEPS = 10_000_000  # of a script for one batch: seconds


class Scripted(nn.Module):
    """A TorchScript module that stays in eval mode; content: a digest of code and weights."""

    def __init__(self, script: torch.jit.ScriptModule, content: str) -> None:
        super().__init__()
        self.script, self.content = script, content

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, classes)."""
        return self.script(x)

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002
        """Stay in eval mode, which a frozen script has no word for."""
        self.training = False
        return self

    def __getstate__(self) -> dict[str, Any]:
        """As bytes, because pickle takes no script."""
        packed = io.BytesIO()
        with _quiet():
            torch.jit.save(self.script, packed)
        return {"packed": packed.getvalue(), "content": self.content}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From the bytes of a job that was sent."""
        Scripted.__init__(self, _script(io.BytesIO(state["packed"])), state["content"])


def read_script(path: Path, shape: Shape | None) -> tuple[nn.Module, str]:
    """A TorchScript file as a net, and what to call it.

    Its code is looked through first, because loading may run some of it: one that names functions
    for files, or operators from outside torch, is refused. Raises ``InputError``.
    """
    files = archives.read(path)
    try:
        _check_records(torch._C.PyTorchFileReader(str(path)), path)
        script = _script(path)
        weights = script.state_dict()
    except InputError:
        raise
    except Exception as error:  # torch's reader raises anything on a damaged file
        raise InputError(f"{path} is truncated or corrupt: get the file again") from error
    if broken := [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]:
        raise InputError(f"{path} has NaN or infinite weights in {broken[0]!r}: get an intact file")
    _check_steps(script, path)
    net = Scripted(script, archives.digest(files))
    if shape is not None:
        check_alone(net, shape, str(path), ADVICE)
    return net, "TorchScript"


def scripted(script: torch.jit.ScriptModule) -> Scripted:
    """One's own module of TorchScript as a net: a copy, with its code and weights' digest."""
    with _quiet():
        packed = script.save_to_buffer()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        content = archives.digest(archives.files_in(archive))
    return Scripted(_script(io.BytesIO(packed)), content)


def _check_records(reader: Any, path: Path) -> None:
    """Look through code and pickles as torch sees them, were zipfile to see something else."""
    names = reader.get_all_records()
    for name in names:
        if name.endswith(".py"):
            _check_code(reader.get_record(name).decode(errors="replace"), path)
        elif name in ("data.pkl", "constants.pkl"):  # others, of traced inputs, torch does not read
            folder = name.removesuffix(".pkl") + "/"
            beside = [other for other in names if other.startswith(folder)]
            sizes = {other.removeprefix(folder): len(reader.get_record(other)) for other in beside}
            check_claims(reader.get_record(name), sizes)


def _check_code(text: str, path: Path) -> None:
    if ENDLESS.search(text):
        raise InputError(
            f"{path} is refused: its code has a while loop, which may never end: "
            "write it as a for loop over a range, or unroll it by torch.jit.trace"
        )
    if found := REFUSED.search(text):
        raise InputError(f"{path} is refused: its code names {found[0]!r}, which is no arithmetic")


def _check_steps(script: torch.jit.ScriptModule, path: Path) -> None:
    graph = script.inlined_graph  # kept: its nodes die with it
    if (taken := steps(graph)) > MOST_STEPS:
        counted = "no known number of" if math.isinf(taken) else f"{taken:.0e}"
        raise InputError(
            f"{path} is refused: its loops take {counted} steps, where {MOST_STEPS:.0e} are "
            "allowed: unroll them by torch.jit.trace"
        )


def _script(source: Path | io.BytesIO) -> torch.jit.ScriptModule:
    with _quiet():
        script = torch.jit.load(source, map_location="cpu")
        if any(hasattr(module, "training") for module in script.modules()):
            script.eval()
    _ = script.forward  # kept at its first use, and what a module keeps is in its fingerprint
    return script


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's news that TorchScript is old
        yield

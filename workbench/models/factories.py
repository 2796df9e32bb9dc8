"""From the name of an architecture to a net: the user names the code, the weights never do."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from workbench.errors import InputError
from workbench.models.architectures import ARCHITECTURES, Shape

HOW = (
    f"one of {', '.join(ARCHITECTURES)}, or the factory of your own net as "
    '"package.module:factory" or "path/to/file.py:factory"'
)


def build(arch: str, shape: Shape | None = None, classes: int | None = None) -> nn.Module:
    """A fresh net with random weights.

    ``arch`` is a short name from ``ARCHITECTURES``, ``"package.module:factory"`` or
    ``"path/to/file.py:factory"``. A short name gives a net for images of ``shape`` (c, h, w) and
    for ``classes`` classes, each the architecture's own unless given. Your own factory takes no
    arguments and returns an ``nn.Module``: it knows its shape. Modules are found in the current
    folder too, and beside a file. Raises ``InputError``.
    """
    if arch in ARCHITECTURES:
        return _named(arch, shape, classes)
    source, colon, name = arch.rpartition(":")
    if not (source and colon and name) or "\0" in source:
        raise InputError(f"unknown architecture {arch!r}: give {HOW}")
    with _importable(Path.cwd(), path_of(source).resolve().parent):
        net = _call(_factory(source, name), arch)
    if not isinstance(net, nn.Module):
        raise InputError(f"architecture {arch!r} gave a {type(net).__name__}, not an nn.Module")
    return net


def _named(arch: str, shape: Shape | None, classes: int | None) -> nn.Module:
    settings: dict[str, Any] = {}
    if shape is not None:
        if len(shape) != 3 or min(shape) < 1:
            raise InputError(f"images have a shape (channels, height, width), not {shape}")
        settings["shape"] = shape
    if classes is not None:
        if classes < 1:
            raise InputError(f"{arch} needs at least one class, got {classes}")
        settings["classes"] = classes
    return ARCHITECTURES[arch](**settings)


def path_of(text: str) -> Path:
    """A path as it was written, with ~ as the home folder; a user who is not known stays as is."""
    return Path(os.path.expanduser(text))


def in_one_line(error: BaseException) -> str:
    """The error's type and the first line of its message, without what could steer a terminal."""
    lines = str(error).strip().splitlines() or ["no message"]
    line = "".join(letter if letter.isprintable() else "?" for letter in lines[0])
    return f"{type(error).__name__}: {line}"


@contextmanager
def _importable(*folders: Path) -> Iterator[None]:
    # The path of a console script does not hold the current folder, unlike that of python -m.
    before = sys.path.copy()
    sys.path[:0] = [str(folder) for folder in folders]
    try:
        yield
    finally:
        sys.path[:] = before


def _factory(source: str, name: str) -> Callable[[], Any]:
    try:
        module = _run_file(source) if source.endswith(".py") else importlib.import_module(source)
    except (Exception, SystemExit) as error:  # the user's module may raise anything, scripts exit
        raise InputError(f"cannot import architecture {source}: {in_one_line(error)}") from error
    factory = getattr(module, name, None)
    if not callable(factory):
        raise InputError(f"{source} has no factory called {name!r}")
    return factory


def _run_file(source: str) -> ModuleType:
    path = path_of(source).resolve()
    module = ModuleType(f"architecture file {path}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # inspect.getsource, and so the fingerprint, looks here
    # Not by importlib: its cache beside the file goes stale when two edits fall into one second.
    exec(compile(path.read_bytes(), path, "exec"), vars(module))
    return module


def _call(factory: Callable[[], Any], arch: str) -> Any:
    try:
        return factory()
    except (Exception, SystemExit) as error:  # the user's factory may raise anything
        raise InputError(f"architecture {arch!r} failed: {in_one_line(error)}") from error

"""What a model computes, as 16 hex digits: results are stored under it."""

import ast
import hashlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn


def fingerprint(net: nn.Module) -> str:
    """16 hex digits that change when the weights, the module tree or a ``forward`` change.

    sha256 over (a) the tree's repr, (b) every parameter and buffer: name, dtype, shape, bytes,
    (c) the plain settings of modules from outside torch and (d) the normalised source of their
    classes. File format, device, file name, comments and docstrings have no part in it; nor have
    functions outside the classes, so an edit to a helper that ``forward`` calls goes unseen.
    """
    digest = hashlib.sha256(_without_addresses(repr(net)).encode())
    for name, tensor in _tensors(net).items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(_bytes(tensor))
    for line in [*_settings(net), *sorted(_sources(net))]:
        digest.update(line.encode())
    return digest.hexdigest()[:16]


def _without_addresses(text: str) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def _tensors(net: nn.Module) -> dict[str, Tensor]:
    # The normalisation is often in no state dict: a buffer not persistent, a tensor as attribute.
    tensors = {**net.state_dict(), **dict(net.named_buffers())}
    for path, module in net.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, Tensor):
                tensors[f"{path}.{name}"] = value
    return tensors


def _bytes(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes()


def _is_foreign(cls: type) -> bool:
    return cls.__module__.split(".")[0] not in ("torch", "builtins")


def _settings(net: nn.Module) -> Iterator[str]:
    for path, module in net.named_modules():
        if _is_foreign(type(module)):
            for name, value in sorted(vars(module).items()):
                if not name.startswith("_") and name != "training" and _is_plain(value):
                    yield f"{path}.{name}={value!r}"


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


def _sources(net: nn.Module) -> set[str]:
    classes = {cls for module in net.modules() for cls in type(module).__mro__ if _is_foreign(cls)}
    return {_source(cls) for cls in classes}


def _source(cls: type) -> str:
    try:
        return _normalised(inspect.getsource(cls))
    except (OSError, TypeError):  # the class came from no file: a notebook cell, or exec
        return "".join(sorted(map(_function_source, vars(cls).values())))


def _function_source(member: object) -> str:
    if not inspect.isfunction(member):
        return ""
    try:
        return _normalised(inspect.getsource(member))
    except OSError:
        return ""


def _normalised(source: str) -> str:
    tree = ast.parse(textwrap.dedent(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)

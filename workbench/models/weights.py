"""From a file of weights to tensors that fit a net. Files are hostile until shown otherwise."""

import pickle
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from workbench.errors import InputError
from workbench.models.checkpoints import choose

Weights = dict[str, Tensor]

PREFIXES = ("module.", "model.", "net.", "_orig_mod.")  # left by DataParallel and by wrappers


def read_weights(path: Path, kind: str, wanted: str | None = None) -> tuple[Weights, str]:
    """The tensors of a file by name, on the CPU, and a note on which of several they are.

    ``kind``: "safetensors", or "torch" for a state dict saved by torch. ``wanted``: the name of
    one of several state dicts (see checkpoints.choose). No code from the file is run. Raises
    ``InputError`` where the file is damaged, something else, or needs code.
    """
    if kind == "torch":
        return _state_dict(_read_torch(path), wanted, path)
    if wanted is not None:
        raise InputError(f"{path} holds one state dict: leave weights={wanted!r} out")
    return _read_safetensors(path), ""


def _read_safetensors(path: Path) -> Weights:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise InputError(f"{path} is truncated or corrupt: get the file again") from error


def _read_torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice about a file that is refused anyway
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"needs code ({named[1]})" if named else "needs code or is damaged"
        raise InputError(
            f"{path} is refused: this pickle {what}, and code in a model file could do anything; "
            "where you trust it, load it and save net.state_dict() with safetensors.torch.save_file"
        ) from error
    except Exception as error:  # torch's reader raises anything on a damaged file
        raise InputError(f"{path} is truncated or corrupt: get the file again") from error


def _state_dict(content: Any, wanted: str | None, path: Path) -> tuple[Weights, str]:
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a {type(content).__name__}, not a state dict of tensors")
    found, note = choose(content, wanted, path)
    for name, value in found.items():
        if not isinstance(value, Tensor):
            raise InputError(
                f"{path} is no plain state dict: {name!r} is a {type(value).__name__}, not a tensor"
            )
    return {str(name): tensor for name, tensor in found.items()}, note


def without_prefix(weights: Weights, expected: Iterable[str]) -> tuple[Weights, str]:
    """Drop what every name starts with but the names of the net do not; also give what was dropped.

    ``expected`` are the names of the net's tensors.
    """
    dropped = ""
    wanted = set(expected)
    while prefix := next((p for p in PREFIXES if weights and _all_start(weights, p)), ""):
        if _all_start(wanted, prefix):
            break
        weights = {name.removeprefix(prefix): tensor for name, tensor in weights.items()}
        dropped += prefix
    return weights, dropped


def _all_start(names: Iterable[str], prefix: str) -> bool:
    return all(name.startswith(prefix) for name in names)


def fill(net: nn.Module, weights: Weights, where: str) -> None:
    """Copy ``weights`` into ``net``, or raise ``InputError`` that says what does not fit.

    Names and shapes must agree exactly, real numbers must meet real numbers, and all must be
    finite. Half and double precision become the net's own. ``where`` names the file.
    """
    expected = net.state_dict()
    _check_names(weights, expected, where)
    for name, tensor in weights.items():
        _check_tensor(name, tensor, expected[name], where)
    net.load_state_dict(weights)


def _check_names(weights: Weights, expected: Mapping[str, Tensor], where: str) -> None:
    problems = [
        _few(kind, names)
        for kind, names in [
            ("missing", [name for name in expected if name not in weights]),
            ("unexpected", [name for name in weights if name not in expected]),
        ]
        if names
    ]
    if problems:
        raise InputError(f"{where} does not fit the architecture: {'; '.join(problems)}")


def _few(kind: str, names: list[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    # repr, because a hostile file may hold names that steer a terminal
    return f"{kind} {', '.join(map(repr, names[:3]))}{rest}"


def _check_tensor(name: str, tensor: Tensor, expected: Tensor, where: str) -> None:
    if tensor.layout != torch.strided or tensor.is_nested or tensor.is_meta:
        raise InputError(
            f"{where} does not fit the architecture: {name!r} is no plain tensor; save it dense"
        )
    if tensor.shape != expected.shape:
        raise InputError(
            f"{where} does not fit the architecture: {name!r} should have shape "
            f"{tuple(expected.shape)}, got {tuple(tensor.shape)}"
        )
    if tensor.is_floating_point() != expected.is_floating_point():
        raise InputError(
            f"{where} does not fit the architecture: {name!r} should be {expected.dtype}, "
            f"got {tensor.dtype}"
        )
    if not torch.isfinite(tensor.to(expected.dtype)).all():
        raise InputError(f"{where} has NaN or infinite weights in {name!r}: get an intact file")

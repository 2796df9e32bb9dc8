"""Any value of a net as text: the same text in every process and on every device."""

import argparse
import ast
import functools
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType, MethodType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Around = tuple[int, ...]  # ids of the values that hold a value: some hold themselves

# training, the dicts of parameters, of hooks, ...; torch.compile leaves an address on its nets
BOOKKEEPING = frozenset(vars(nn.Module())) | {"_torchdynamo_wrapper_id"}
LIBRARIES = {"torch", *sys.stdlib_module_names}  # known by name; other people's code by its source
PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.dtype, type(Ellipsis))


def describe(value: Any, around: Around = ()) -> str:
    """What is known of ``value``: a module's whole tree, a tensor's bytes, a function's source.

    Containers, functions (with defaults and closures), modules and instances of classes from
    outside torch and the standard library are followed; of anything else the type is told.
    """
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value), around)
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, PLAIN):
        return repr(value)
    if id(value) in around:
        return f"around {around.index(id(value))}"
    return _followed(value, (*around, id(value)))


def _followed(value: Any, around: Around) -> str:
    kind = type(value).__qualname__
    if isinstance(value, dict):
        return f"{kind}{{{_pairs(value.items(), around)}}}"
    if isinstance(value, list | tuple):
        return f"{kind}({_all(value, around)})"
    if isinstance(value, set | frozenset):
        return f"{kind}({sorted(describe(item, around) for item in value)})"
    if isinstance(value, nn.Module):
        return _module(value, around)
    if isinstance(value, type):
        return _class(value, around)
    if callable(value) and hasattr(value, "__name__"):
        return _function(value, around)
    return _instance(value, around)


def _all(values: Iterable[Any], around: Around) -> str:
    return ", ".join(describe(value, around) for value in values)


def _pairs(pairs: Iterable[tuple[Any, Any]], around: Around) -> str:
    return ", ".join(f"{describe(key, around)}: {describe(value, around)}" for key, value in pairs)


def _tensor(tensor: Tensor) -> str:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    content = hashlib.sha256(flat.view(torch.uint8).numpy().tobytes()).hexdigest()
    return f"{tensor.dtype} {tuple(tensor.shape)} {content}"


def _array(array: np.ndarray, around: Around) -> str:
    if array.dtype.hasobject:
        return f"object {array.shape} {_all(array.flat, around)}"
    return f"{array.dtype.str} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"


def _module(module: nn.Module, around: Around) -> str:
    own = {**vars(module), **module._parameters, **module._buffers}
    pairs = [(name, own[name]) for name in sorted(own.keys() - BOOKKEEPING)]
    # The order of the children is the order of the layers in an nn.Sequential.
    children = module._modules.items()
    return f"{_class(type(module), around)}({_pairs([*pairs, *children], around)})"


def _instance(value: Any, around: Around) -> str:
    if isinstance(value, functools.partial):
        return f"partial({_all([value.func, value.args, value.keywords], around)})"
    # A logger, a lock or a generator differs from process to process, and computes no logits.
    config = isinstance(value, SimpleNamespace | argparse.Namespace)
    if not (config or _is_foreign(type(value))):
        return type(value).__qualname__
    held = sorted(getattr(value, "__dict__", {}).items())
    return f"{_class(type(value), around)}({_pairs(held, around)})"


def _is_foreign(code: Any) -> bool:
    # Not by the name of the module itself: that of a file of nets is the file's.
    return (getattr(code, "__module__", None) or "builtins").split(".")[0] not in LIBRARIES


def _class(cls: type, around: Around) -> str:
    sources = [
        _file_source(base) or _members(base, around) for base in cls.__mro__ if _is_foreign(base)
    ]
    known = [f"{b.__module__}.{b.__qualname__}" for b in cls.__mro__ if not _is_foreign(b)]
    return f"{cls.__qualname__} {known} {sources}"


@functools.lru_cache(maxsize=1000)  # a net has many blocks of a class, and a search takes 10 ms
def _file_source(cls: type) -> str:
    try:
        return _normalised(inspect.getsource(cls))
    except (OSError, TypeError):  # the class came from no file: a notebook cell, or exec
        return ""


def _members(cls: type, around: Around) -> str:
    named = sorted(vars(cls).items())
    # The names with underscores hold where the class was written, not what it does.
    members = [(name, _unwrapped(m)) for name, m in named if callable(m) or name[:2] != "__"]
    return _pairs(members, around)


def _unwrapped(member: Any) -> Any:
    # Of a static method, a class method or a property.
    return getattr(member, "__func__", None) or getattr(member, "fget", None) or member


def _function(function: Callable[..., Any], around: Around) -> str:
    if isinstance(function, MethodType):
        return f"method({_all([function.__func__, function.__self__], around)})"
    if not (isinstance(function, FunctionType) and _is_foreign(function)):
        return f"{function.__module__} {function.__qualname__} {function.__name__}"
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    held = _all([function.__defaults__, function.__kwdefaults__, cells], around)
    return f"{function.__qualname__} {_function_source(function, around)} {held}"


def _function_source(function: FunctionType, around: Around) -> str:
    # The source of a lambda is the line around it, which may hold another one.
    if function.__name__ != "<lambda>":
        try:
            return _normalised(inspect.getsource(function))
        except (OSError, SyntaxError):
            pass
    return _code(function.__code__, around)


def _code(code: CodeType, around: Around) -> str:
    nested = [
        _code(c, around) if isinstance(c, CodeType) else describe(c, around) for c in code.co_consts
    ]
    return f"{code.co_code.hex()} {code.co_names} {nested}"


def _normalised(source: str) -> str:
    tree = ast.parse(textwrap.dedent(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)

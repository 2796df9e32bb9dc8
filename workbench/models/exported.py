"""Archives of torch.export: their graph is read here, because torch's reader runs code of the file.

torch.export.load unpickles sample inputs and evaluates the texts of symbolic sizes as Python. Here
the graph is data: operators of torch's own library on tensors that lie in the archive as bytes.
"""

import json
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import InputError
from workbench.models import archives
from workbench.models.architectures import Shape
from workbench.models.program import DEVICE, Name, Program, Step, check_alone, check_order

ADVICE = (
    "export it in eval mode and with a dynamic batch, "
    "dynamic_shapes=({0: torch.export.Dim('batch')},)"
)
DTYPES = {  # as torch/_export/serde/schema.py numbers them
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}
MEMORY_FORMATS = {
    1: torch.contiguous_format,
    2: torch.channels_last,
    3: torch.channels_last_3d,
    4: torch.preserve_format,
}
MOST_SIZE = 1 << 63  # no size is larger, and Python's numbers would grow without end
OF_SIZES = (
    *("add", "sub", "mul", "floordiv", "mod", "neg", "truediv"),
    *("eq", "ne", "lt", "le", "gt", "ge", "getitem"),
)


@dataclass(frozen=True)
class OfSizes:
    """Arithmetic of Python's numbers, by the function's name in the module operator."""

    name: str

    def __call__(self, *arguments: Any) -> Any:
        result = getattr(operator, self.name)(*arguments)
        if isinstance(result, int) and abs(result) > MOST_SIZE:
            raise OverflowError("a size beyond 2^63")
        return result


PLAIN: dict[str, Callable[..., Any]] = {
    **{f"_operator.{name}": OfSizes(name) for name in OF_SIZES},
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "torch.sym_max": max,
    "torch.sym_min": min,
}
# Names in these places choose between formulas; any other text, such as a file's name, is refused.
TEXTS = {"approximate", "rounding_mode", "padding", "equation", "mode", "reduce", "indexing"}
CHECKS = ("_assert", "sym_constrain_range")  # of sizes, which the images decide here


class _RefusedError(Exception):
    """What the graph has and this reader does not take."""


@dataclass(frozen=True)
class Aten:
    """An operator of torch's library by its name, as "relu.default"."""

    name: str

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return _operator(self.name)(*arguments, **keywords)


@lru_cache(maxsize=1000)
def _operator(name: str) -> Any:
    packet, _, overload = name.partition(".")
    try:
        found = getattr(getattr(torch.ops.aten, packet), overload)
    except (AttributeError, RuntimeError):
        found = None
    if not isinstance(found, torch._ops.OpOverload):
        raise _RefusedError(f"{name!r}, which this torch does not have")
    for argument in found._schema.arguments:
        if "str" in str(argument.type) and argument.name not in TEXTS:
            raise _RefusedError(f"{name!r}, which is no arithmetic")
    return found


def read_exported(path: Path, shape: Shape | None) -> tuple[nn.Module, str]:
    """An archive of torch.export as a net, and what to call it.

    Sample inputs, which are a pickle, and compiled code are not looked at. Raises ``InputError``.
    """
    files = archives.read(path)
    try:
        content = json.loads(files["models/model.json"])["graph_module"]
        image, size = _image(content)
        weights = _weights(content["signature"], files)
        net = _program(content, image, weights, str(path))
    except _RefusedError as error:
        raise InputError(f"{path} is refused: it holds {error}; {ADVICE}") from error
    # what is not as torch writes it is found where it is used
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise InputError(
            f"{path} is no archive of torch.export 2.9 or later, or corrupt: export it again"
        ) from error
    check_alone(net, shape or size, str(path), ADVICE)
    return net, "torch.export"


def _image(content: dict[str, Any]) -> tuple[str, tuple[int, ...]]:
    """The name of the one input, and its shape (c, h, w)."""
    specs = content["signature"]["input_specs"]
    names = [s["user_input"]["arg"]["as_tensor"]["name"] for s in specs if "user_input" in s]
    if len(names) != 1:
        raise _RefusedError(f"a net of {len(names)} inputs, where a classifier has one")
    sizes = content["graph"]["tensor_values"][names[0]]["sizes"][1:]
    return names[0], tuple(_size(size) for size in sizes)


def _size(size: dict[str, Any]) -> int:
    return int(size["as_int"] if "as_int" in size else size["as_expr"]["hint"]["as_int"])


def _weights(signature: dict[str, Any], files: Mapping[str, bytes]) -> dict[str, Tensor]:
    """The parameters, buffers and constants by the names that the steps know them by."""
    tables = {
        folder: json.loads(files[f"data/{folder}/model_{folder}_config.json"])["config"]
        for folder in ("weights", "constants")
    }
    found = {}
    for spec in signature["input_specs"]:
        ((kind, told),) = spec.items()
        if kind == "user_input":
            continue
        if kind not in ("parameter", "buffer", "tensor_constant"):
            raise _RefusedError(f"an input of the kind {kind!r}")
        name = told[f"{kind}_name"]
        folder = "weights" if name in tables["weights"] else "constants"
        found[told["arg"]["name"]] = _tensor(name, tables[folder][name], folder, files)
    return found


def _tensor(name: str, told: dict[str, Any], folder: str, files: Mapping[str, bytes]) -> Tensor:
    if told["use_pickle"] or not told["path_name"].startswith(("weight_", "tensor_")):
        raise _RefusedError(f"a pickle for {name!r}, and code in a pickle could do anything")
    meta = told["tensor_meta"]
    sizes, strides = ([_size(size) for size in meta[key]] for key in ("sizes", "strides"))
    stored = bytearray(files[f"data/{folder}/{told['path_name']}"])
    flat = torch.frombuffer(stored, dtype=DTYPES[meta["dtype"]])
    tensor = flat.as_strided(sizes, strides, _size(meta["storage_offset"]))
    if tensor.numel() > flat.numel():
        raise _RefusedError(f"a shape of {name!r} that its bytes do not fill")
    if tensor.isnan().any():
        raise _RefusedError(f"NaN in {name!r}")
    return tensor.contiguous()


def _program(
    content: dict[str, Any], image: str, weights: dict[str, Tensor], where: str
) -> Program:
    specs = content["signature"]["output_specs"]
    outputs = [spec["user_output"]["arg"] for spec in specs if "user_output" in spec]
    if len(outputs) != 1 or len(specs) != 1:
        raise _RefusedError("a net that gives something beside its logits, or changes its buffers")
    output = outputs[0]["as_tensor"]["name"]
    steps = [_step(node, weights) for node in content["graph"]["nodes"] if not _is_check(node)]
    check_order(steps, [image, *weights], output, where)
    return Program(image, steps, output, weights, {})


def _is_check(node: dict[str, Any]) -> bool:
    return node["target"].startswith(tuple(f"torch.ops.aten.{name}" for name in CHECKS))


def _step(node: dict[str, Any], weights: Mapping[str, Tensor]) -> Step:
    function = _function(node["target"])
    arguments = [(told, _argument(told["arg"])) for told in node["inputs"]]
    places = tuple(value for told, value in arguments if told.get("kind", 1) != 2)
    keywords = {told["name"]: value for told, value in arguments if told.get("kind", 1) == 2}
    step = Step(function, places, tuple(_results(node["outputs"])), keywords)
    changed = places[0] if places else None
    in_place = isinstance(function, Aten) and _operator(function.name)._schema.is_mutable
    if in_place and (not isinstance(changed, Name) or changed.name in weights):
        raise _RefusedError(f"{node['target']!r}, which changes the net's own weights")
    return step


def _function(target: str) -> Callable[..., Any]:
    if target in PLAIN:
        return PLAIN[target]
    if not target.startswith("torch.ops.aten."):
        raise _RefusedError(f"{target!r}, which is no operator of torch's own library")
    function = Aten(target.removeprefix("torch.ops.aten."))
    _operator(function.name)
    return function


def _results(outputs: list[dict[str, Any]]) -> list[str]:
    found = [value for told in outputs for value in _flat(_argument(told))]
    return [value.name if isinstance(value, Name) else "" for value in found]


def _flat(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _argument(told: dict[str, Any]) -> Any:
    """A serialized argument as a value, or as the Name of one."""
    ((kind, value),) = told.items()
    if kind not in ARGUMENTS:
        raise _RefusedError(f"an argument of the kind {kind!r}")
    return ARGUMENTS[kind](value)


def _each(read: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [read(value) for value in values]


def _named(value: dict[str, Any]) -> Name:
    return Name(value["name"])


def _symbolic(value: dict[str, Any]) -> Any:
    ((kind, held),) = value.items()
    return Name(held) if kind == "as_name" else held


def _optional(value: dict[str, Any]) -> Name | None:
    return _named(value["as_tensor"]) if "as_tensor" in value else None


def _as_is(value: Any) -> Any:
    return value


ARGUMENTS: dict[str, Callable[[Any], Any]] = {
    "as_none": lambda _: None,
    "as_tensor": _named,
    "as_tensors": _each(_named),
    "as_optional_tensor": _optional,
    "as_optional_tensors": _each(_optional),
    "as_sym_int": _symbolic,
    "as_sym_ints": _each(_symbolic),
    "as_sym_bool": _symbolic,
    "as_sym_float": _symbolic,
    "as_scalar_type": lambda value: DTYPES[value],
    "as_memory_format": lambda value: MEMORY_FORMATS[value],
    "as_layout": lambda _: torch.strided,
    "as_device": lambda _: Name(DEVICE),
    **dict.fromkeys(
        ("as_int", "as_ints", "as_float", "as_floats", "as_bool", "as_bools", "as_string"), _as_is
    ),
}

"""From an ONNX graph to a program of torch operators, which has gradients."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.models.onnx.elementwise import ELEMENTWISE, Operator
from workbench.models.onnx.file import package
from workbench.models.onnx.layers import LAYERS
from workbench.models.onnx.reductions import REDUCTIONS
from workbench.models.onnx.settings import Settings, UnsupportedError
from workbench.models.onnx.shapes import SHAPES
from workbench.models.program import Name, Program, Step, check_order

OPERATORS: dict[str, Operator] = {**ELEMENTWISE, **REDUCTIONS, **LAYERS, **SHAPES}
FOR_A_BATCH = ("Reshape", "Expand")  # their shapes name the batch that the file was made for


def convert(model: Any, batch: int | None, path: Path) -> Program:
    """The graph as a program; batch: the number of images that its shapes are for, None for any.

    Raises ``UnsupportedError`` for an operator that is not known, ``InputError`` for a bad graph.
    """
    graph = model.graph
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
    if opset < 7 or len(graph.sparse_initializer):
        raise UnsupportedError(f"the operator set {opset}, or sparse weights")
    tensors = {tensor.name: _tensor(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            tensors[node.output[0]] = _constant(node)
    (image,) = image_names(model)
    moving = {n: t for n, t in tensors.items() if t.is_floating_point() or t.dtype == torch.bool}
    held = {name: tensor for name, tensor in tensors.items() if name not in moving}
    of_image = _of_image(graph, image)
    steps = [
        _step(node, opset, batch, image if of_image & set(node.input) else None)
        for node in graph.node
        if node.op_type != "Constant"
    ]
    check_order(steps, [image, *tensors], graph.output[0].name, str(path))
    return Program(image, steps, graph.output[0].name, moving, held)


def image_names(model: Any) -> list[str]:
    """The inputs of a graph; in old files the weights are listed there too."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value.name for value in model.graph.input if value.name not in weights]


def _of_image(graph: Any, image: str) -> set[str]:
    """The names of all values that are computed from the images, and not only from their shape."""
    found = {image}
    for node in graph.node:
        if node.op_type != "Shape" and found & set(node.input):
            found |= set(node.output)
    return found


def _step(node: Any, opset: int, batch: int | None, image: str | None) -> Step:
    if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
        full = f"{node.domain}.{node.op_type}".removeprefix(".")
        raise UnsupportedError(f"the operator {full!r}")
    attributes = {attribute.name: _value(attribute) for attribute in node.attribute}
    attributes["outputs"] = len(node.output)
    fixed = batch if image else None
    arguments: list[Any] = [Name(name) if name else None for name in node.input]
    if fixed is not None and node.op_type in FOR_A_BATCH and image:
        arguments.append(Name(image))
    settings = Settings(attributes, opset, fixed)
    return Step(OPERATORS[node.op_type], (settings, *arguments), tuple(node.output))


def _value(attribute: Any) -> Any:
    onnx = package("onnx")
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, onnx.TensorProto):
        return _tensor(value)
    if isinstance(value, int | float):
        return value
    if attribute.type in (attribute.INTS, attribute.FLOATS):
        return list(value)
    raise UnsupportedError(f"an attribute {attribute.name!r} of another kind")


def _constant(node: Any) -> Tensor:
    ((name, value),) = ((attribute.name, _value(attribute)) for attribute in node.attribute)
    if isinstance(value, Tensor):
        return value
    if isinstance(value, str):
        raise UnsupportedError("a constant text")
    kind = torch.float32 if name.startswith("value_float") else torch.int64
    return torch.tensor(value, dtype=kind)


def _tensor(tensor: Any) -> Tensor:
    array = package("onnx").numpy_helper.to_array(tensor)
    if array.dtype.kind not in "fiub" or array.dtype in (np.uint16, np.uint32, np.uint64):
        raise UnsupportedError(f"numbers of the type {array.dtype}")
    return torch.from_numpy(np.array(array))


def weights_of(program: Program) -> Mapping[str, Tensor]:
    """The floating-point weights of a program, by their names in the file."""
    named = zip(program.names, program.weights, strict=True)
    return {name: tensor for name, tensor in named if tensor.is_floating_point()}

"""From a model to its list of operations: run once on a value that notes what is done to it."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.certificates.network import (
    Add,
    Affine,
    Convolution,
    Network,
    Operation,
    Pair,
    Relu,
    Shape,
)
from workbench.models import Classifier
from workbench.models.counted import Counted


class UnsupportedError(Exception):
    """The net has an operation that no bound is known for."""


def trace(model: nn.Module, x: Tensor) -> Network | None:
    """The model's operations on images like x (n, c, h, w), or None where one is not known.

    The list must give the model's own logits for x's first two images, one at a time: that finds
    what is not seen, such as values overwritten in place or samples that depend on each other.
    """
    while isinstance(model, Classifier | Counted):
        model = model.net if isinstance(model, Classifier) else model.model
    zeros = x.new_zeros(1, *x.shape[1:])
    start = Value([], [tuple(x.shape[1:])], 0, zeros)
    try:
        with torch.no_grad():
            end = model(start)
    except Exception:  # a user's forward may raise anything for what is no tensor
        return None
    if not isinstance(end, Value) or end.index != len(start.operations) or end.example.ndim != 2:
        return None
    network = Network(start.operations, start.shapes)
    return network if _agrees(network, model, x[:2] if len(x) else zeros) else None


def _agrees(network: Network, model: nn.Module, x: Tensor) -> bool:
    with torch.no_grad():
        expected = model(x)
        found = torch.cat([network(image) for image in x.split(1)])
    if expected.dtype != torch.float32:  # the bounds are for what float32 arithmetic gives
        return False
    tolerance = 1e-4 * (expected.max() - expected.min()).item()
    return torch.allclose(found, expected, rtol=0, atol=tolerance)


class Value:
    """Stands for a tensor in a model's forward; operations that are not known raise.

    operations, shapes: the record, shared by all values of one run.
    index: its place among the values.
    example: a tensor of its shape, for one image.
    """

    def __init__(
        self, operations: list[Operation], shapes: list[Shape], index: int, example: Tensor
    ) -> None:
        self.operations = operations
        self.shapes = shapes
        self.index = index
        self.example = example

    @classmethod
    def __torch_function__(
        cls, func: Callable, types: Sequence[type], args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        rule = RULES.get(func)
        if rule is None:
            raise UnsupportedError(str(func))
        return rule(*args, **(kwargs or {}))

    def append(self, operation: Operation, example: Tensor) -> "Value":
        """What the operation gives, as the record's newest value."""
        self.operations.append(operation)
        self.shapes.append(tuple(example.shape[1:]))
        return Value(self.operations, self.shapes, len(self.operations), example)

    def affine(
        self,
        apply: Callable[[Tensor, Tensor], Tensor],
        transpose: Callable[[Tensor, Tensor, Shape], Tensor],
        weight: Tensor,
        bias: Tensor | None = None,
        terms: int = 2,
        mixes: bool = True,
        convolution: Convolution | None = None,
    ) -> "Value":
        """An affine map of this value; ``Affine`` says what the arguments are."""
        bias = torch.zeros(1, device=weight.device) if bias is None else bias.detach()
        weight = weight.detach()
        made = Affine(self.index, apply, transpose, weight, bias, terms, mixes, convolution)
        return self.append(made, made(self.example))

    @property
    def shape(self) -> torch.Size:
        return self.example.shape

    def size(self, dim: int | None = None) -> Any:
        return self.example.size() if dim is None else self.example.size(dim)

    def dim(self) -> int:
        return self.example.dim()

    def __len__(self) -> int:
        return len(self.example)

    def relu(self) -> "Value":
        return self.append(Relu(self.index), self.example.relu())

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> "Value":
        return self._flat(self.example.flatten(start_dim, end_dim))

    def view(self, *shape: Any) -> "Value":
        return self._flat(self.example.view(*shape))

    def reshape(self, *shape: Any) -> "Value":
        return self._flat(self.example.reshape(*shape))

    def _flat(self, example: Tensor) -> "Value":
        if example.shape != (1, self.example.numel()):
            raise UnsupportedError(f"a reshaping to {tuple(example.shape)}")
        return self.affine(_flatten, _unflatten, self.example.new_ones(()), mixes=False)

    def __add__(self, other: Any) -> "Value":
        if not isinstance(other, Value):
            return _scaled(self, 1.0, other)
        if self.shape != other.shape:
            raise UnsupportedError(f"a sum of {self.shape} and {other.shape}")
        return self.append(Add(self.index, other.index), self.example + other.example)

    def __iadd__(self, other: Any) -> Self:
        raise UnsupportedError("a sum in place")

    def __sub__(self, constant: Any) -> "Value":
        return _scaled(self, 1.0, -constant)

    def __mul__(self, constant: Any) -> "Value":
        return _scaled(self, constant, 0.0)

    def __truediv__(self, constant: Any) -> "Value":
        return _scaled(self, 1.0 / constant, 0.0)


def _flatten(z: Tensor, weight: Tensor) -> Tensor:
    return z.flatten(1) * weight


def _unflatten(rows: Tensor, weight: Tensor, shape: Shape) -> Tensor:
    return rows.view(-1, *shape) * weight


def _scaled(z: Value, scale: Any, shift: Any) -> Value:
    """scale · z + shift for constants; those that depend on the image are not known."""
    scale, shift = (torch.as_tensor(c, device=z.example.device) for c in (scale, shift))
    if torch.broadcast_shapes(scale.shape, shift.shape, z.shape) != z.shape:
        raise UnsupportedError("a constant larger than the value")
    return z.affine(torch.mul, _scale_back, scale.to(z.example), shift.to(z.example), mixes=False)


def _scale_back(rows: Tensor, weight: Tensor, shape: Shape) -> Tensor:  # noqa: ARG001
    return rows * weight


def _linear(z: Value, weight: Tensor, bias: Tensor | None = None) -> Value:
    if z.dim() != 2:
        raise UnsupportedError("a linear layer on more than a vector")
    return z.affine(F.linear, _linear_back, weight, bias, sum(weight.shape))


def _linear_back(rows: Tensor, weight: Tensor, shape: Shape) -> Tensor:  # noqa: ARG001
    return rows @ weight


def _conv2d(
    z: Value,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    if isinstance(padding, str):
        raise UnsupportedError(f"padding {padding}")
    kernel = _pair(weight.shape[2:])
    conv = Convolution(kernel, _pair(stride), _pair(padding), _pair(dilation), groups)
    bias = None if bias is None else bias.view(1, -1, 1, 1)
    terms = math.prod(kernel) * (weight.shape[1] + weight.shape[0] // groups)
    return z.affine(conv.apply, conv.transpose, weight, bias, terms, convolution=conv)


def _pair(value: Any) -> Pair:
    first, second = (value, value) if isinstance(value, int) else value
    return first, second


def _batch_norm(
    z: Value,
    mean: Tensor | None,
    variance: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,  # noqa: ARG001
    eps: float = 1e-5,
) -> Value:
    if training or mean is None or variance is None:
        raise UnsupportedError("batch norm with the batch's own statistics")
    form = (1, -1, *(1 for _ in z.shape[2:]))
    scale = (variance + eps).rsqrt() * (1.0 if weight is None else weight)
    shift = torch.zeros_like(mean) if bias is None else bias
    return _scaled(z - mean.view(form), scale.view(form), shift.view(form))


def _pooled(pool: Callable[..., Tensor]) -> Callable[..., Value]:
    """An average: linear, with weights that are not negative."""

    def rule(z: Value, *args: Any, **kwargs: Any) -> Value:
        def apply(z: Tensor, weight: Tensor) -> Tensor:
            return pool(z, *args, **kwargs) * weight

        def transpose(rows: Tensor, weight: Tensor, shape: Shape) -> Tensor:
            zeros = rows.new_zeros(len(rows), *shape)
            return torch.func.vjp(lambda z: apply(z, weight), zeros)[1](rows)[0]

        return z.affine(apply, transpose, z.example.new_ones(()), terms=2 * z.example[0].numel())

    return rule


def _relu(z: Value, inplace: bool = False) -> Value:  # noqa: ARG001
    return z.relu()


def _dropout(
    z: Value,
    p: float = 0.5,  # noqa: ARG001
    training: bool = True,
    inplace: bool = False,  # noqa: ARG001
) -> Value:
    if training:
        raise UnsupportedError("dropout that draws")
    return z


def _flat(z: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    return z.flatten(start_dim, end_dim)


RULES: dict[Any, Callable[..., Value]] = {
    F.linear: _linear,
    F.conv2d: _conv2d,
    F.batch_norm: _batch_norm,
    F.relu: _relu,
    torch.relu: _relu,
    F.dropout: _dropout,
    F.dropout2d: _dropout,
    torch.flatten: _flat,
    torch.add: Value.__add__,
    F.avg_pool2d: _pooled(F.avg_pool2d),
    F.adaptive_avg_pool2d: _pooled(F.adaptive_avg_pool2d),
}

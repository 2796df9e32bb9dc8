"""Operators that treat every number alone."""

import operator
from collections.abc import Callable, Sequence
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from workbench.models.onnx.settings import Settings, UnsupportedError

Operator = Callable[..., Tensor | Sequence[Tensor]]
DTYPES = {  # as TensorProto.DataType numbers them
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
    16: torch.bfloat16,
}


def together(*tensors: Tensor) -> list[Tensor]:
    """Tensors on one device: shapes and constants are computed on the CPU beside the images."""
    devices = [tensor.device for tensor in tensors if tensor.device.type != "cpu"]
    return [tensor.to(devices[0]) for tensor in tensors] if devices else list(tensors)


def unary(function: Callable[[Tensor], Tensor]) -> Operator:
    """An operator of one tensor without settings."""

    def run(settings: Settings, x: Tensor) -> Tensor:
        return function(x)

    return run


def binary(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """An operator of two tensors that are broadcast."""

    def run(settings: Settings, x: Tensor, y: Tensor) -> Tensor:
        return function(*together(x, y))

    return run


def variadic(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """An operator of any number of tensors."""

    def run(settings: Settings, *tensors: Tensor) -> Tensor:
        return reduce(function, together(*tensors))

    return run


def divide(x: Tensor, y: Tensor) -> Tensor:
    """x / y; whole numbers are truncated towards zero."""
    return x / y if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


def power(settings: Settings, x: Tensor, exponent: Tensor) -> Tensor:
    """x to the exponent, of the type of x."""
    if exponent.numel() == 1 and not exponent.requires_grad:
        return torch.pow(x, exponent.item())  # the gradient of a square is finite at 0
    return torch.pow(*together(x, exponent)).to(x.dtype)


def modulo(settings: Settings, x: Tensor, y: Tensor) -> Tensor:
    """The remainder with the sign of y, or of x where fmod is set."""
    x, y = together(x, y)
    return torch.fmod(x, y) if settings.get("fmod", 0) else torch.remainder(x, y)


def clip(
    settings: Settings, x: Tensor, low: Tensor | None = None, high: Tensor | None = None
) -> Tensor:
    """Bounds as inputs from operator set 11 on, as attributes before."""
    least = settings.get("min") if low is None else low.item()
    most = settings.get("max") if high is None else high.item()
    return x if least is None and most is None else torch.clamp(x, least, most)


def leaky_relu(settings: Settings, x: Tensor) -> Tensor:
    return F.leaky_relu(x, settings.get("alpha", 0.01))


def elu(settings: Settings, x: Tensor) -> Tensor:
    return F.elu(x, settings.get("alpha", 1.0))


def celu(settings: Settings, x: Tensor) -> Tensor:
    return F.celu(x, settings.get("alpha", 1.0))


def selu(settings: Settings, x: Tensor) -> Tensor:
    """γ (α (eˣ − 1)) below zero, γ x above."""
    alpha, gamma = settings.get("alpha", 1.6732632), settings.get("gamma", 1.0507010)
    return gamma * F.elu(x, alpha)


def prelu(settings: Settings, x: Tensor, slope: Tensor) -> Tensor:
    x, slope = together(x, slope)
    return torch.where(x < 0, slope * x, x)


def hard_sigmoid(settings: Settings, x: Tensor) -> Tensor:
    return torch.clamp(settings.get("alpha", 0.2) * x + settings.get("beta", 0.5), 0, 1)


def gelu(settings: Settings, x: Tensor) -> Tensor:
    return F.gelu(x, approximate=settings.get("approximate", "none"))


def cast(settings: Settings, x: Tensor) -> Tensor:
    if settings.get("to") not in DTYPES:
        raise UnsupportedError(f"a cast to type {settings.get('to')}")
    return x.to(DTYPES[settings.get("to")])


def cast_like(settings: Settings, x: Tensor, y: Tensor) -> Tensor:
    return x.to(y.dtype)


def where(settings: Settings, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    condition, x, y = together(condition, x, y)
    return torch.where(condition, x, y)


def dropout(
    settings: Settings, x: Tensor, ratio: Tensor | None = None, train: Tensor | None = None
) -> Tensor:
    """The identity, as in eval mode."""
    if train is not None and bool(train):
        raise UnsupportedError("dropout in train mode")
    return x


ELEMENTWISE: dict[str, Operator] = {
    "Abs": unary(torch.abs),
    "Add": binary(operator.add),
    "And": binary(torch.logical_and),
    "Cast": cast,
    "CastLike": cast_like,
    "Ceil": unary(torch.ceil),
    "Celu": celu,
    "Clip": clip,
    "Cos": unary(torch.cos),
    "Div": binary(divide),
    "Dropout": dropout,
    "Elu": elu,
    "Equal": binary(torch.eq),
    "Erf": unary(torch.erf),
    "Exp": unary(torch.exp),
    "Floor": unary(torch.floor),
    "Gelu": gelu,
    "Greater": binary(torch.gt),
    "GreaterOrEqual": binary(torch.ge),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": unary(F.hardswish),
    "Identity": unary(lambda x: x),
    "LeakyRelu": leaky_relu,
    "Less": binary(torch.lt),
    "LessOrEqual": binary(torch.le),
    "Log": unary(torch.log),
    "Max": variadic(torch.maximum),
    "Min": variadic(torch.minimum),
    "Mish": unary(F.mish),
    "Mod": modulo,
    "Mul": binary(operator.mul),
    "Neg": unary(torch.neg),
    "Not": unary(torch.logical_not),
    "Or": binary(torch.logical_or),
    "PRelu": prelu,
    "Pow": power,
    "Reciprocal": unary(torch.reciprocal),
    "Relu": unary(F.relu),
    "Round": unary(torch.round),
    "Selu": selu,
    "Sigmoid": unary(torch.sigmoid),
    "Sign": unary(torch.sign),
    "Sin": unary(torch.sin),
    "Softplus": unary(F.softplus),
    "Softsign": unary(F.softsign),
    "Sqrt": unary(torch.sqrt),
    "Sub": binary(operator.sub),
    "Sum": variadic(operator.add),
    "Tanh": unary(torch.tanh),
    "Where": where,
}

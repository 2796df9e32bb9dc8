"""Operators that sum, average or compare along axes, and those that normalise along them."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from workbench.models.onnx.elementwise import Operator
from workbench.models.onnx.settings import Settings, integers

Reduction = Callable[[Tensor, list[int], bool], Tensor]


def reduction(function: Reduction) -> Operator:
    """Axes as an attribute, or as an input in later operator sets; all unless given."""

    def run(settings: Settings, x: Tensor, axes: Tensor | None = None) -> Tensor:
        given = integers(settings.get("axes", []) if axes is None else axes)
        if not given and settings.get("noop_with_empty_axes", 0):
            return x
        keep = bool(settings.get("keepdims", 1))
        return function(x, given or list(range(x.ndim)), keep)

    return run


def product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    """torch takes one axis at a time."""
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


def along_axis(function: Callable[..., Tensor]) -> Operator:
    """Softmax and LogSoftmax: along one axis; before operator set 13 along all from it on."""

    def run(settings: Settings, x: Tensor) -> Tensor:
        if settings.opset >= 13:
            return function(x, dim=settings.get("axis", -1))
        axis = settings.get("axis", 1) % x.ndim
        return function(x.flatten(axis), dim=axis).reshape(x.shape)

    return run


def arg_max(settings: Settings, x: Tensor) -> Tensor:
    settings.only("select_last_index", 0)
    return x.argmax(settings.get("axis", 0), keepdim=bool(settings.get("keepdims", 1)))


def layer_norm(settings: Settings, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    """Over all axes from `axis` on."""
    shape = x.shape[settings.get("axis", -1) % x.ndim :]
    normal = F.layer_norm(x, shape, eps=settings.get("epsilon", 1e-5)) * scale
    return normal if bias is None else normal + bias


def batch_norm(
    settings: Settings, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    """With the running statistics, as in eval mode."""
    settings.only("training_mode", 0)
    settings.only("spatial", 1)
    epsilon = settings.get("epsilon", 1e-5)
    return F.batch_norm(x, mean, variance, scale, bias, training=False, eps=epsilon)


def instance_norm(settings: Settings, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return F.instance_norm(x, weight=scale, bias=bias, eps=settings.get("epsilon", 1e-5))


def group_norm(settings: Settings, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return F.group_norm(x, settings.get("num_groups"), scale, bias, settings.get("epsilon", 1e-5))


def rms_norm(settings: Settings, x: Tensor, scale: Tensor) -> Tensor:
    shape = x.shape[settings.get("axis", -1) % x.ndim :]
    return F.rms_norm(x, shape, eps=settings.get("epsilon", 1e-5)) * scale


REDUCTIONS: dict[str, Operator] = {
    "ArgMax": arg_max,
    "BatchNormalization": batch_norm,
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "LayerNormalization": layer_norm,
    "LogSoftmax": along_axis(F.log_softmax),
    "RMSNormalization": rms_norm,
    "ReduceL1": reduction(lambda x, axes, keep: x.abs().sum(axes, keepdim=keep)),
    "ReduceL2": reduction(lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keepdim=keep)),
    "ReduceLogSumExp": reduction(lambda x, axes, keep: x.logsumexp(axes, keepdim=keep)),
    "ReduceMax": reduction(lambda x, axes, keep: x.amax(axes, keepdim=keep)),
    "ReduceMean": reduction(lambda x, axes, keep: x.mean(axes, keepdim=keep)),
    "ReduceMin": reduction(lambda x, axes, keep: x.amin(axes, keepdim=keep)),
    "ReduceProd": reduction(product),
    "ReduceSum": reduction(lambda x, axes, keep: x.sum(axes, keepdim=keep)),
    "ReduceSumSquare": reduction(lambda x, axes, keep: x.square().sum(axes, keepdim=keep)),
    "Softmax": along_axis(F.softmax),
}

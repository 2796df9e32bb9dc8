"""A model whose gradients cost less: the same function, equal up to the rounding of a sum."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEW_CHANNELS = 4


def quick(model: nn.Module) -> nn.Module:
    """The model with a quicker gradient to its images, where that was measured to pay.

    On the CPU torch's gradient of a first convolution may run at a fifth of the speed of a matrix
    product: 36 against 8 µs per image of 28×28, of 94 for the whole pass of the small net. That
    pays for one input channel, and for up to four where the convolution strides; for others the
    matrix product took up to six times as long (tests/benchmarks/bench_gradients.py).
    Logits are equal bit for bit. Weights are shared, and the model itself is left as it is.
    """
    if not any(map(_pays, model.modules())):
        return model
    try:
        found = twin(model)
    except Exception:  # of others' nets, which may hold what cannot be copied, such as a lock
        return model
    for module in found.modules():
        if _pays(module):
            module.__class__ = _FoldedConv2d
    return found


def twin(net: nn.Module) -> nn.Module:
    """A copy of the net that shares its weights and buffers."""
    shared: dict[int, Any] = {id(t): t for t in (*net.parameters(), *net.buffers())}
    return copy.deepcopy(net, shared)


def _pays(module: nn.Module) -> bool:
    return (
        type(module) is nn.Conv2d
        and module.in_channels <= (FEW_CHANNELS if max(module.stride) > 1 else 1)
        and module.groups == 1
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
        and module.weight.device.type == "cpu"
    )


class _FoldedConv2d(nn.Conv2d):
    """A convolution whose gradient to its input is a matrix product, folded back to an image."""

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, channels, h', w')."""
        mixed = torch.is_autocast_enabled("cpu")  # torch's own gradient knows the types
        if not input.requires_grad or self.weight.requires_grad or mixed:
            return super().forward(input)
        return _Folded.apply(input, self)


class _Folded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, conv: nn.Conv2d) -> Tensor:
        ctx.conv, ctx.size = conv, x.shape[2:]
        geometry = (conv.stride, conv.padding, conv.dilation)
        return F.conv2d(x, conv.weight, conv.bias, *geometry)  # type: ignore[arg-type]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        conv: nn.Conv2d = ctx.conv
        columns = conv.weight.flatten(1).t() @ gradient.flatten(2)
        geometry = (conv.kernel_size, conv.dilation, conv.padding, conv.stride)
        return F.fold(columns, ctx.size, *geometry), None  # type: ignore[arg-type]

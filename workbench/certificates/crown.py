"""CROWN: linear bounds, carried back from an output to the image (Zhang et al., NeurIPS 2018)."""

import math

import torch
from torch import Tensor

from workbench.certificates.ball import UNIT, Ball, dot, smallest
from workbench.certificates.interval import Box
from workbench.certificates.network import Add, Affine, Network, Relu, padded


def lower_bounds(
    network: Network, boxes: list[Box], ball: Ball, target: int, rows: Tensor
) -> Tensor:
    """A lower bound of rows · value over each sample's ball: (n, r).

    boxes: for every value before ``target``, as ``interval_bounds`` gives them.
    rows: coefficients of the value with index ``target``, (n, r, ...).
    """
    terms: list[Tensor] = []
    pending = {target: rows}
    layers = network.layers()
    for index in range(target, 0, -1):
        if ball.threat.norm == "Linf" and layers[index] == 0 and pending.keys() == {index}:
            break  # its elements are as independent of each other as pixels are
        if index not in pending:
            continue
        rows = pending.pop(index)
        match network.operations[index - 1]:
            case Affine(source=source) as operation:
                terms += [rows.flatten(2) @ _vector(operation.bias, rows)]
                terms += [-_lost(rows, boxes[index])]
                going = [(source, _back(operation, rows, network.shapes[source]))]
            case Relu(source):
                rows, moved = _relaxed(rows, boxes[source])
                terms += [moved]
                going = [(source, rows)]
            case Add(left, right, margins):
                terms += [-_lost(rows, boxes[index])]
                going = [(left, padded(rows, margins[0])), (right, padded(rows, margins[1]))]
        for source, part in going:
            pending[source] = pending[source] + part if source in pending else part
    (first, rows), *_ = pending.items()
    least = smallest(rows, boxes[first].low, boxes[first].high) if first else ball.minimum(rows)
    parts = torch.stack([*terms, least])
    return parts.sum(0) - UNIT * (len(parts) + 2) * parts.abs().sum(0)


def _back(operation: Affine, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Coefficients of the operation's source: (n, r, ...)."""
    moved = operation.transpose(rows.flatten(0, 1), operation.weight, shape)
    return moved.view(*rows.shape[:2], *shape)


def _vector(bias: Tensor, rows: Tensor) -> Tensor:
    """The bias of every element of a value: (n, r, ...) -> (numbers in ...,)."""
    return bias.expand(1, *rows.shape[2:]).flatten()


def _lost(rows: Tensor, box: Box) -> Tensor:
    """What rounding can take from rows · value, and from the rows on their way back: (n, r)."""
    return dot(rows.abs(), box.rounding)


def _relaxed(rows: Tensor, box: Box) -> tuple[Tensor, Tensor]:
    """Coefficients before a ReLU (n, r, ...), and the constant (n, r) that they come with.

    Below the ReLU lies αz, with α ∈ {0, 1} the closer one (adaptive); above it the line through
    its ends, u (z − l) / (u − l), moved up by what its own rounding can hide.
    """
    low, high = box.low.clamp_max(0), box.high.clamp_min(0)
    upper = high / (high - low).clamp_min(torch.finfo(low.dtype).tiny)
    lower = (high > -low).to(upper)
    upper = torch.where(low == 0, (high > 0).to(upper), upper)
    offset = (8 * UNIT * high - upper * low) * (1 + (math.prod(low.shape[1:]) + 32) * UNIT)
    offset = torch.where((low < 0) & (high > 0), offset, 0)
    negative = rows.clamp_max(0)
    moved = dot(negative, offset)
    before = (rows - negative).mul_(lower.unsqueeze(1))
    return before.addcmul_(negative, upper.unsqueeze(1)), moved

"""Boxes inside the net made tighter by CROWN, where interval bounds leave a ReLU open."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from workbench.certificates.ball import Ball
from workbench.certificates.crown import lower_bounds
from workbench.certificates.interval import Box
from workbench.certificates.network import Network, Relu
from workbench.certificates.windows import Places, Window, cut, spreads, windows

CHUNK = 1 << 20  # numbers in the largest set of rows at a time

Found = tuple[tuple[Tensor, Tensor], Tensor, Tensor]  # (sample, element), lower and upper bounds


def refined(network: Network, boxes: list[Box], ball: Ball) -> list[Box]:
    """The boxes with CROWN's bounds for every value whose sign interval bounds leave open.

    Values that enter a ReLU matter, and none before the second mixing operation: there interval
    bounds are exact.
    """
    boxes = list(boxes)
    for target in _targets(network):
        boxes[target] = _tightened(network, boxes, ball, target)
    return boxes


def cost(network: Network, boxes: list[Box]) -> Tensor:
    """Coefficients that ``refined`` handles at most, for each sample: (n,)."""
    total = torch.zeros(len(boxes[0].low), device=boxes[0].low.device)
    for target in _targets(network):
        seen = windows(network, target)
        total += _open(boxes[target]).sum(1) * _length(network, target, seen)
    return total


def _targets(network: Network) -> list[int]:
    layers = network.layers()
    sources = {op.source for op in network.operations if isinstance(op, Relu)}
    return sorted(source for source in sources if layers[source] > 1)


def _open(box: Box) -> Tensor:
    """Elements of either sign: (n, numbers in a value) bool."""
    return ((box.low < 0) & (box.high > 0)).flatten(1)


def _length(network: Network, target: int, seen: dict[int, Window] | None) -> int:
    """Coefficients on the way from one element back to the image."""
    if seen is None:
        return sum(math.prod(shape) for shape in network.shapes[: target + 1])
    return sum(network.shapes[i][0] * math.prod(window.size) for i, window in seen.items())


def _tightened(network: Network, boxes: list[Box], ball: Ball, target: int) -> Box:
    box = boxes[target]
    low, high = box.low.flatten(1).clone(), box.high.flatten(1).clone()
    open_ = _open(box)
    if not open_.any():
        return box
    seen = windows(network, target)
    if seen is None:
        found = _from_images(network, boxes, ball, target, open_)
    else:
        found = _from_windows(network, boxes, ball, target, open_, seen)
    for at, lower, upper in found:
        low[at] = torch.where(open_[at], torch.maximum(low[at], lower), low[at])
        high[at] = torch.where(open_[at], torch.minimum(high[at], upper), high[at])
    return Box(low.view_as(box.low), high.view_as(box.high), box.rounding)


def _from_windows(
    network: Network,
    boxes: list[Box],
    ball: Ball,
    target: int,
    open_: Tensor,
    seen: dict[int, Window],
) -> Iterator[Found]:
    """Every open element by itself, on its window of the image."""
    _, height, width = network.shapes[target]
    spread = spreads(network, seen)
    largest = max(network.shapes[i][0] * math.prod(window.size) for i, window in seen.items())
    for chunk in open_.nonzero().split(max(1, CHUNK // (2 * largest))):
        sample, element = chunk.unbind(1)
        near = torch.arange(int(sample[0]), int(sample[-1]) + 1, device=sample.device)
        pixel = element % (height * width) + (sample - near[0]) * (height * width)
        places = Places((height, width), pixel)
        some = [box.rows(near) for box in boxes[: target + 1]]
        part = cut(network, some, ball.rows(near), seen, spread, places)
        rows = _unit_rows(element // (height * width), network.shapes[target][0])
        lower, upper = _both(part, target, rows.view(len(chunk), 1, -1, 1, 1))
        yield (sample, element), lower.squeeze(1), upper.squeeze(1)


def _from_images(
    network: Network, boxes: list[Box], ball: Ball, target: int, open_: Tensor
) -> Iterator[Found]:
    """Samples with about as many open elements each at a time, on the whole image."""
    counts = open_.sum(1)
    order = counts.argsort(descending=True)
    shape = network.shapes[target]
    widest = max(math.prod(shape) for shape in network.shapes[: target + 1])
    rows_held = max(1, CHUNK // (2 * widest))
    while len(order) and (most := int(counts[order[0]])):
        many = max(1, rows_held // most)
        index, order = order[:many], order[many:]
        # samples with fewer open elements fill up with others, whose bounds stay as they are
        elements = open_[index].float().topk(most, dim=1).indices
        part = network, [box.rows(index) for box in boxes[: target + 1]], ball.rows(index)
        for element in elements.split(rows_held, dim=1):
            rows = _unit_rows(element, math.prod(shape)).unflatten(2, shape)
            yield (index.unsqueeze(1), element), *_both(part, target, rows)


def _unit_rows(element: Tensor, size: int) -> Tensor:
    """(...) indices -> (..., size) with a 1 at each."""
    return torch.nn.functional.one_hot(element, size).float()


def _both(
    part: tuple[Network, list[Box], Ball], target: int, rows: Tensor
) -> tuple[Tensor, Tensor]:
    """Lower and upper bounds of rows · value: (n, r, ...) -> (n, r) twice."""
    lower, upper = lower_bounds(*part, target, torch.cat([rows, -rows], 1)).chunk(2, dim=1)
    return lower, -upper

"""Boxes inside the net made tighter by CROWN, where interval bounds leave a ReLU open."""

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from workbench.certificates.ball import Ball
from workbench.certificates.crown import lower_bounds
from workbench.certificates.interval import Box, carried
from workbench.certificates.network import Network, Relu, Shape
from workbench.certificates.windows import Part, cutter, lengths, windows

CHUNK = 1 << 20  # numbers in the largest set of rows at a time


def refined(network: Network, boxes: list[Box], ball: Ball) -> list[Box]:
    """The boxes with CROWN's bounds for every value whose sign cheaper bounds leave open.

    Values that enter a ReLU matter, and none before the second mixing operation: there interval
    bounds are exact. Each value's box, once tight, makes the interval bounds after it tighter.
    """
    for target in _targets(network):
        tight = _tightened(network, boxes, ball, target)
        boxes = carried(network, [*boxes[:target], tight, *boxes[target + 1 :]], target)
    return boxes


def cost(network: Network, boxes: list[Box]) -> Tensor:
    """Coefficients that ``refined`` handles at most, for each sample: (n,)."""
    total = torch.zeros(len(boxes[0].low), device=boxes[0].low.device)
    for target in _targets(network):
        box = boxes[target]
        open_ = ((box.low < 0) & (box.high > 0)).flatten(1)
        total += open_.sum(1) * sum(_lengths(network, target))
    return total


def _targets(network: Network) -> list[int]:
    layers = network.layers()
    sources = {op.source for op in network.operations if isinstance(op, Relu)}
    return sorted(source for source in sources if layers[source] > 1)


def _lengths(network: Network, target: int) -> list[int]:
    """Coefficients of each value on the way from one element back to the image."""
    seen = windows(network, target)
    if seen is None:
        return [math.prod(shape) for shape in network.shapes[: target + 1]]
    return lengths(network, seen)


def _tightened(network: Network, boxes: list[Box], ball: Ball, target: int) -> Box:
    """The value's box, with bounds that go back to the image for all elements of either sign."""
    box, seen = boxes[target], windows(network, target)
    part: Callable[[Tensor], Part] = partial(_images, network, boxes[: target + 1], ball)
    shape, order = network.shapes[target], list(range(box.low.ndim))
    if seen is not None:  # each pixel is a sample, and its channels are the elements
        part = cutter(network, boxes[: target + 1], ball, seen)
        shape, order = (shape[0], 1, 1), [0, 2, 3, 1]
    ends = [end.permute(order) for end in (box.low, box.high)]
    low, high = (end.reshape(-1, math.prod(shape)).clone() for end in ends)
    open_ = (low < 0) & (high > 0)
    held = max(1, CHUNK // (2 * max(_lengths(network, target))))
    for sample, element in _portions(open_, held):
        lower, upper = _both(part(sample), target, _unit_rows(element, shape))
        at = sample.unsqueeze(1), element
        low[at] = torch.where(open_[at], torch.maximum(low[at], lower), low[at])
        high[at] = torch.where(open_[at], torch.minimum(high[at], upper), high[at])
    back = [order.index(axis) for axis in range(len(order))]
    low, high = (end.view(ends[0].shape).permute(back) for end in (low, high))
    return Box(low.contiguous(), high.contiguous(), box.rounding)


def _images(network: Network, boxes: list[Box], ball: Ball, index: Tensor) -> Part:
    return network, [box.rows(index) for box in boxes], ball.rows(index)


def _portions(open_: Tensor, held: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Samples (p,) with some elements of each (p, r), until all that are open (n, e) had a turn.

    Samples with about as many open elements come together; those with fewer fill up with others.
    """
    counts = open_.sum(1)
    order = counts.argsort(descending=True)
    while len(order) and (most := int(counts[order[0]])):
        many = max(1, held // most)
        sample, order = order[:many], order[many:]
        elements = open_[sample].float().topk(most, dim=1).indices
        yield from ((sample, some) for some in elements.split(held, dim=1))


def _unit_rows(element: Tensor, shape: Shape) -> Tensor:
    """(p, r) indices -> (p, r, *shape) with a 1 at each."""
    return torch.nn.functional.one_hot(element, math.prod(shape)).float().unflatten(2, shape)


def _both(part: Part, target: int, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Lower and upper bounds of rows · value: (n, r, ...) -> (n, r) twice."""
    lower, upper = lower_bounds(*part, target, torch.cat([rows, -rows], 1)).chunk(2, dim=1)
    return lower, -upper

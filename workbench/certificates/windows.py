"""The part of a convolutional net that one pixel of a value sees, as a small net of its own.

A neuron of an early layer depends on a window of the image. Rows of coefficients over windows hold
100 numbers where rows over whole images hold thousands. All samples and pixels share the windows'
sizes, so that they make one batch, each pixel with the boxes of its own window.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from workbench.certificates.ball import Ball
from workbench.certificates.interval import Box
from workbench.certificates.network import (
    Add,
    Affine,
    Convolution,
    Margins,
    Network,
    Pair,
    Relu,
    Shape,
    padded,
)


@dataclass(frozen=True)
class Window:
    """Of a neuron at (i, j), all (i · stride − before + k) for k < size; each along both axes."""

    size: Pair
    stride: Pair
    before: Pair

    def under(self, conv: Convolution) -> "Window":
        """The window of the convolution's source."""
        size = [(self.size[a] - 1) * conv.stride[a] + conv.extent(a) for a in (0, 1)]
        before = [self.before[a] * conv.stride[a] + conv.padding[a] for a in (0, 1)]
        stride = [self.stride[a] * conv.stride[a] for a in (0, 1)]
        return Window((size[0], size[1]), (stride[0], stride[1]), (before[0], before[1]))

    def hull(self, other: "Window") -> "Window":
        """The smallest window around two of the same stride."""
        before = [max(self.before[a], other.before[a]) for a in (0, 1)]
        after = [max(w.size[a] - w.before[a] for w in (self, other)) for a in (0, 1)]
        size = before[0] + after[0], before[1] + after[1]
        return Window(size, self.stride, (before[0], before[1]))

    def around(self, part: "Window") -> Margins:
        """What to pad a part of this window with."""
        first = [self.before[a] - part.before[a] for a in (0, 1)]
        last = [self.size[a] - part.size[a] - first[a] for a in (0, 1)]
        return first[1], last[1], first[0], last[0]

    def views(self, maps: Tensor, size: Pair) -> Tensor:
        """Every pixel's window: (n, c, h, w) -> (n, *size, c, k, k), zeros outside the image.

        size: of the map of pixels that see the windows.
        """
        margins = [self._margins(maps.shape[2 + a], size[a], a) for a in (1, 0)]
        padded = F.pad(maps, margins[0] + margins[1])
        views = padded.unfold(2, self.size[0], self.stride[0])
        return views.unfold(3, self.size[1], self.stride[1]).permute(0, 2, 3, 1, 4, 5)

    def _margins(self, length: int, count: int, axis: int) -> list[int]:
        """Zeros on both sides of a map, fewer than 0 to cut off, for exactly ``count`` windows."""
        needed = (count - 1) * self.stride[axis] + self.size[axis]
        return [self.before[axis], needed - length - self.before[axis]]


SMALL = 0.75  # share of the whole values' coefficients below which windows are faster


def windows(network: Network, target: int) -> dict[int, Window] | None:
    """The windows of a value and of all that it is made of, by index.

    None unless these come from convolutions, channelwise scales, ReLUs and sums, and hold few
    enough coefficients. A value's window holds all that is asked of it.
    """
    if len(network.shapes[target]) != 3:
        return None
    found = {target: Window((1, 1), (1, 1), (0, 0))}
    for index in range(target, 0, -1):
        if index not in found:
            continue
        needed = found[index]
        match network.operations[index - 1]:
            case Affine(source=source, convolution=Convolution() as conv):
                needed, sources = needed.under(conv), [source]
            case Affine(source=source, mixes=False) as scale if _channelwise(scale, network):
                sources = [source]
            case Relu(source):
                sources = [source]
            case Add(left, right):
                sources = [left, right]
            case _:
                return None
        for source in sources:
            if found.get(source, needed).stride != needed.stride:
                return None
            found[source] = needed.hull(found.get(source, needed))
    _grown(network, found)
    whole = sum(math.prod(network.shapes[i]) for i in found)
    return found if sum(lengths(network, found)) <= SMALL * whole else None


def lengths(network: Network, seen: dict[int, Window]) -> list[int]:
    """Coefficients of each value on the way from one element back to the image."""
    return [network.shapes[i][0] * math.prod(window.size) for i, window in seen.items()]


def _grown(network: Network, found: dict[int, Window]) -> None:
    """Elementwise operations take their source's window, where others need more of the source."""
    for index in sorted(found)[1:]:
        operation = network.operations[index - 1]
        match operation:
            case Relu(source):
                found[index] = found[source]
            case Affine(source=source, convolution=None):
                found[index] = found[source]


def _channelwise(operation: Affine, network: Network) -> bool:
    constants = (operation.weight, operation.bias)
    flat = all(c.numel() == 1 or c.shape[-2:] == (1, 1) for c in constants)
    return flat and len(network.shapes[operation.source]) == 3


Spread = Callable[[Tensor], Tensor]
DENSE = 1 << 16  # numbers in a matrix with which multiplying is faster than convolving


def _spread(conv: Convolution, weight: Tensor, size: Shape, margins: Margins) -> Spread:
    """(r, *size) -> (r, numbers in source): coefficients of all that a window is made of."""

    def spread(rows: Tensor) -> Tensor:
        return padded(conv.spread(rows, weight), margins).flatten(1)

    unit = torch.zeros(1, *size, device=weight.device)
    if math.prod(size) * spread(unit).numel() > DENSE:
        return spread
    matrix = spread(torch.eye(math.prod(size), device=weight.device).view(-1, *size))
    return lambda rows: rows.flatten(1) @ matrix


Part = tuple[Network, list[Box], Ball]


def cutter(
    network: Network, boxes: list[Box], ball: Ball, seen: dict[int, Window]
) -> Callable[[Tensor], Part]:
    """A function from pixels (p,) to the nets that they see, as one net whose samples they are.

    boxes: up to the value that has the pixels, which are indices into its (n, height, width).
    Coefficients of what lies outside the image are set to 0.
    """
    operations, shapes = list(network.operations), list(network.shapes)
    _, height, width = shapes[max(seen)]
    size = height, width
    views: dict[int, list[Tensor]] = {}
    spreads: dict[int, tuple[Affine, Spread, Tensor]] = {}
    for index, window in seen.items():
        shapes[index] = (shapes[index][0], *window.size)
        box = boxes[index]
        views[index] = [window.views(m, size) for m in (box.low, box.high, box.rounding)]
        match operations[index - 1] if index else None:
            case Affine(source=source, convolution=Convolution() as conv) as affine:
                margins = seen[source].around(window.under(conv))
                spread = _spread(conv, affine.weight, (shapes[index][0], *window.size), margins)
                ones = ball.x.new_ones(1, 1, *network.shapes[source][1:])
                spreads[index] = affine, spread, seen[source].views(ones, size)[0]
            case Add(left, right) as sum_:
                around = seen[left].around(window), seen[right].around(window)
                operations[index - 1] = replace(sum_, margins=around)
    images = seen[0].views(ball.x, size)

    def cut(pixel: Tensor) -> Part:
        place = pixel // (height * width), pixel // width % height, pixel % width
        here, pieces = list(operations), list(boxes)
        for index, (affine, spread, inside) in spreads.items():
            here[index - 1] = _windowed(affine, spread, inside[place[1:]])
        for index, maps in views.items():
            pieces[index] = Box(*(m[place] for m in maps))
        return Network(here, shapes), pieces, Ball(images[place], ball.threat)

    return cut


def _windowed(operation: Affine, spread: Spread, inside: Tensor) -> Affine:
    def transpose(rows: Tensor, weight: Tensor, shape: Shape) -> Tensor:  # noqa: ARG001
        return (spread(rows).view(len(inside), -1, *shape) * inside.unsqueeze(1)).flatten(0, 1)

    return replace(operation, transpose=transpose)

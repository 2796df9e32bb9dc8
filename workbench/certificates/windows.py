"""The part of a convolutional net that one neuron sees, as a small net of its own.

A neuron of an early layer depends on a window of the image. Rows of coefficients over windows hold
100 numbers where rows over whole images hold thousands. All samples and neurons share the windows'
sizes, so that they make one batch, each neuron with the boxes of its own window.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from workbench.certificates.ball import Ball
from workbench.certificates.interval import Box
from workbench.certificates.network import Affine, Convolution, Network, Pair, Relu, Shape


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

    def cut(self, maps: Tensor, size: Pair, pixel: Tensor) -> Tensor:
        """The windows of some neurons: (n, c, h, w) -> (p, c, k, k), zeros outside the image.

        size: of the map of neurons, of all n samples; pixel: (p,) indices into (n, *size).
        """
        margins = [self._margins(maps.shape[2 + a], size[a], a) for a in (1, 0)]
        padded = F.pad(maps, margins[0] + margins[1])
        views = padded.unfold(2, self.size[0], self.stride[0])
        views = views.unfold(3, self.size[1], self.stride[1]).permute(0, 2, 3, 1, 4, 5)
        return views.flatten(0, 2)[pixel]

    def _margins(self, length: int, count: int, axis: int) -> list[int]:
        """Zeros on both sides of a map, fewer than 0 to cut off, for exactly ``count`` windows."""
        needed = (count - 1) * self.stride[axis] + self.size[axis]
        return [self.before[axis], needed - length - self.before[axis]]


def windows(network: Network, target: int) -> dict[int, Window] | None:
    """The windows of a value and of all that it is made of, by index.

    None unless these are a chain of convolutions, channelwise scales and ReLUs, and the windows
    are smaller than the images.
    """
    if len(network.shapes[target]) != 3:
        return None
    found = {target: Window((1, 1), (1, 1), (0, 0))}
    index = target
    while index:
        operation = network.operations[index - 1]
        match operation:
            case Affine(source=source, convolution=Convolution() as conv):
                found[source] = found[index].under(conv)
            case Affine(source=source, mixes=False) if _channelwise(operation, network):
                found[source] = found[index]
            case Relu(source):
                found[source] = found[index]
            case _:
                return None
        index = source
    height, width = network.shapes[0][1:]
    small = found[0].size[0] * found[0].size[1] * 2 <= height * width
    return found if small else None


def _channelwise(operation: Affine, network: Network) -> bool:
    constants = (operation.weight, operation.bias)
    flat = all(c.numel() == 1 or c.shape[-2:] == (1, 1) for c in constants)
    return flat and len(network.shapes[operation.source]) == 3


Spread = Callable[[Tensor], Tensor]
DENSE = 1 << 19  # numbers in a matrix with which multiplying is faster than convolving


def spreads(network: Network, seen: dict[int, Window]) -> dict[int, Spread]:
    """For every convolution on the way, how coefficients go back through it on windows."""
    found = {}
    for index in seen:
        operation = network.operations[index - 1] if index else None
        if isinstance(operation, Affine) and operation.convolution is not None:
            size = (network.shapes[index][0], *seen[index].size)
            source = (network.shapes[operation.source][0], *seen[operation.source].size)
            found[index] = _spread(operation.convolution, operation.weight, size, source)
    return found


def _spread(conv: Convolution, weight: Tensor, size: Shape, source: Shape) -> Spread:
    """(r, *size) -> (r, numbers in source): coefficients of all that a window is made of."""
    if math.prod(size) * math.prod(source) > DENSE:
        return lambda rows: conv.spread(rows, weight).flatten(1)
    units = torch.eye(math.prod(size), device=weight.device).view(-1, *size)
    matrix = conv.spread(units, weight).flatten(1)
    return lambda rows: rows.flatten(1) @ matrix


@dataclass(frozen=True)
class Places:
    """Which windows to cut: of neurons (p,), as indices into (n, height, width)."""

    size: Pair
    pixel: Tensor

    def of_box(self, box: Box, window: Window) -> Box:
        maps = (box.low, box.high, box.rounding)
        return Box(*(window.cut(m, self.size, self.pixel) for m in maps))

    def inside(self, window: Window, shape: Shape, like: Tensor) -> Tensor:
        """1 in the image, 0 outside of it: (p, 1, k, k)."""
        ones = like.new_ones(1, 1, *shape[1:])
        pixels = self.size[0] * self.size[1]
        return window.cut(ones, self.size, self.pixel % pixels)


def cut(
    network: Network,
    boxes: list[Box],
    ball: Ball,
    seen: dict[int, Window],
    spread: dict[int, Spread],
    places: Places,
) -> tuple[Network, list[Box], Ball]:
    """The nets that neurons see, as one net whose samples are the places.

    Coefficients of what lies outside the image are set to 0.
    """
    operations, shapes, pieces = list(network.operations), list(network.shapes), list(boxes)
    for index, window in seen.items():
        shapes[index] = (shapes[index][0], *window.size)
        operation = operations[index - 1] if index else None
        if not isinstance(operation, Affine):
            continue  # no bound asks for a ReLU's own box, nor for the image's
        pieces[index] = places.of_box(boxes[index], window)
        if index in spread:
            source = operation.source
            inside = places.inside(seen[source], network.shapes[source], ball.x)
            operations[index - 1] = _windowed(operation, spread[index], inside)
    small = Ball(seen[0].cut(ball.x, places.size, places.pixel), ball.threat)
    return Network(operations, shapes), pieces, small


def _windowed(operation: Affine, spread: Spread, inside: Tensor) -> Affine:
    def transpose(rows: Tensor, weight: Tensor, shape: Shape) -> Tensor:  # noqa: ARG001
        return (spread(rows).view(len(inside), -1, *shape) * inside.unsqueeze(1)).flatten(0, 1)

    return replace(operation, transpose=transpose)

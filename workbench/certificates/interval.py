"""Interval bounds: a box around everything that the net computes, layer by layer.

Gowal et al., arXiv 1810.12715. All bounds of this folder hold for real and for float32 arithmetic
alike: what a net computes for A z + b differs from it by at most γ (|A| |z| + |b|), with γ = n u
for sums of n terms in any order (Higham, Accuracy and Stability of Numerical Algorithms, 2002,
section 3.1). Every box is widened by that, and by as much for the bounds' own arithmetic.
TF32, half precision and Winograd convolutions round more coarsely: nothing is promised there.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.certificates.ball import UNIT, Ball
from workbench.certificates.network import Add, Affine, Network, Operation, Relu


@dataclass(frozen=True)
class Box:
    """low ≤ value ≤ high, elementwise: (n, ...) each.

    rounding: (n, ...), at most how far float32 moves the value in the operation that gives it,
        and what a row of coefficients loses in passing back through that operation.
    """

    low: Tensor
    high: Tensor
    rounding: Tensor

    @property
    def size(self) -> Tensor:
        """The largest absolute value: (n, ...)."""
        return torch.maximum(self.low.abs(), self.high.abs())

    def rows(self, index: Tensor) -> "Box":
        """The boxes of some samples."""
        return Box(self.low[index], self.high[index], self.rounding[index])

    def within(self, other: "Box") -> "Box":
        """Where both hold; so does the smaller rounding, as each follows from boxes that hold."""
        low, high = torch.maximum(self.low, other.low), torch.minimum(self.high, other.high)
        return Box(low, high, torch.minimum(self.rounding, other.rounding))


@dataclass(frozen=True)
class Sphere:
    """|value − center| ≤ √squares + error for an L2 ball: (n, ...), (1, ...), (n, ...).

    √squares is the length of the row of coefficients times ε, as long as at most one operation
    has mixed pixels.
    """

    center: Tensor
    squares: Tensor
    error: Tensor

    def within(self, box: Box) -> Box:
        """Where both hold."""
        radius = self.squares.sqrt() * (1 + 1e-3) + self.error
        low = torch.maximum(box.low, self.center - radius)
        return Box(low, torch.minimum(box.high, self.center + radius), box.rounding)


def interval_bounds(network: Network, ball: Ball) -> list[Box]:
    """A box for the images and for what every operation gives, in order."""
    boxes = [Box(ball.low, ball.high, torch.zeros_like(ball.x))]
    spheres: dict[int, Sphere] = {}
    if ball.threat.norm == "L2":
        squares = torch.full_like(ball.x[:1], ball.radius**2)
        spheres[0] = Sphere(ball.x, squares, torch.zeros_like(ball.x))
    layers = network.layers()
    for index, operation in enumerate(network.operations, 1):
        box = _step(operation, boxes)
        match operation:
            case Affine(source=source) if source in spheres and layers[index] <= 1:
                spheres[index] = _rolled(operation, spheres[source], box.rounding)
                box = spheres[index].within(box)
        boxes.append(box)
    return boxes


def carried(network: Network, boxes: list[Box], start: int) -> list[Box]:
    """The boxes made tighter by what those up to ``start`` imply for all later ones."""
    found = boxes[: start + 1]
    for old, operation in zip(boxes[start + 1 :], network.operations[start:], strict=True):
        found.append(_step(operation, found).within(old))
    return found


def _step(operation: Operation, boxes: list[Box]) -> Box:
    """What an operation gives, from the boxes of the values before it."""
    match operation:
        case Affine(source=source):
            return _affine(operation, boxes[source])
        case Relu(source):
            low, high = boxes[source].low.relu(), boxes[source].high.relu()
            return Box(low, high, torch.zeros_like(low))
        case Add(left, right):
            return _sum(boxes[left], boxes[right])


def _affine(operation: Affine, box: Box) -> Box:
    weight, bias = operation.weight.abs(), operation.bias.abs()
    center = operation((box.high + box.low) / 2)
    radius = operation.apply((box.high - box.low) / 2, weight)
    size = operation.apply(box.size, weight) + bias
    # 3 sums above or in the net, 1 in the transpose; the scalar product with b when going back
    rounding = (3 * operation.terms + 32) * size + math.prod(center.shape[1:]) * bias
    rounding = rounding * (1.01 * UNIT)
    return Box(center - radius - rounding, center + radius + rounding, rounding)


def _rolled(operation: Affine, sphere: Sphere, rounding: Tensor) -> Sphere:
    error = operation.apply(sphere.error, operation.weight.abs()) + rounding
    squares = operation.apply(sphere.squares, operation.weight.square())
    return Sphere(operation(sphere.center), squares, error)


def _sum(left: Box, right: Box) -> Box:
    rounding = 32 * UNIT * (left.size + right.size)
    return Box(left.low + right.low - rounding, left.high + right.high + rounding, rounding)

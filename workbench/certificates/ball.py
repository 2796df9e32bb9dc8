"""The set of images that a certificate speaks of, and linear functions on it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.threat import ThreatModel

UNIT = 2.0**-24  # the relative error of one float32 operation, u


def dot(rows: Tensor, values: Tensor) -> Tensor:
    """Scalar products with each sample's values: (n, r, ...), (n, ...) -> (n, r)."""
    # several times faster than the product of matrices and columns
    return (values.flatten(1).unsqueeze(1) @ rows.flatten(2).transpose(1, 2)).squeeze(1)


def smallest(rows: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """A lower bound of rows · z for low ≤ z ≤ high: (n, r, ...), (n, ...) twice -> (n, r)."""
    lost = _slack(rows) * torch.maximum(low.abs(), high.abs())
    return dot(rows.clamp_min(0), low - lost) + dot(rows.clamp_max(0), high + lost)


def _slack(rows: Tensor) -> float:
    """The share of |rows| · |z| that rounding can take from rows · z."""
    return (math.prod(rows.shape[2:]) + 32) * (1.01 * UNIT)


@dataclass(frozen=True)
class Ball:
    """The threat model's images around each x (n, c, h, w), all in [0, 1].

    Its radius covers all that ``ThreatModel.contains`` lets through, and the rounding of x ± ε.
    """

    x: Tensor
    threat: ThreatModel

    @property
    def radius(self) -> float:
        """A little more than ε."""
        return self.threat.epsilon * (1 + 1e-6) + 2e-7

    @property
    def low(self) -> Tensor:
        """The smallest value of each pixel: (n, c, h, w)."""
        return (self.x - self.radius).clamp_min(0)

    @property
    def high(self) -> Tensor:
        """The largest value of each pixel: (n, c, h, w)."""
        return (self.x + self.radius).clamp_max(1)

    def rows(self, index: Tensor) -> "Ball":
        """The balls around some of the x."""
        return Ball(self.x[index], self.threat)

    def minimum(self, rows: Tensor) -> Tensor:
        """A lower bound of each row · x̃ over the ball, exact for Linf: (n, r, c, h, w) -> (n, r).

        For L2 it is the larger one of the minima over the ball and over the box around it.
        """
        found = smallest(rows, self.low, self.high)
        if self.threat.norm == "L2":
            slack = _slack(rows)
            length = rows.flatten(2).norm(dim=2) * (self.radius * (1 + slack))
            central = dot(rows, self.x) - length - slack * dot(rows.abs(), self.x)
            found = torch.maximum(found, central)
        return found

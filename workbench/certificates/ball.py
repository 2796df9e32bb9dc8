"""The set of images that a certificate speaks of, and linear functions on it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.threat import ThreatModel

UNIT = 2.0**-24  # the relative error of one float32 operation, u


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
        rows = rows.flatten(2)
        low, high = self.low.flatten(1).unsqueeze(2), self.high.flatten(1).unsqueeze(2)
        slack = (rows.shape[2] + 32) * UNIT
        smallest = rows.clamp_min(0) @ low + rows.clamp_max(0) @ high - slack * (rows.abs() @ high)
        if self.threat.norm == "L2":
            x = self.x.flatten(1).unsqueeze(2)
            length = rows.norm(dim=2, keepdim=True) * (self.radius * (1 + slack))
            smallest = torch.maximum(smallest, rows @ x - length - slack * (rows.abs() @ x))
        return smallest.squeeze(2)

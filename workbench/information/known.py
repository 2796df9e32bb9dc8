"""Distributions of pairs whose mutual information is known: what the estimators answer to."""

import math
from dataclasses import dataclass

import torch

from workbench.errors import InputError


@dataclass(frozen=True)
class CorrelatedGaussians:
    """Standard normal x and z in d dimensions; x_k and z_k are correlated, all else independent.

    dimensions: d. mutual_information: in nats, at least 0; it fixes the correlation
    ρ = √(1 − exp(−2 I / d)).
    Raises InputError for other values.
    """

    dimensions: int
    mutual_information: float

    def __post_init__(self) -> None:
        if self.dimensions < 1 or not 0 <= self.mutual_information < math.inf:
            raise InputError(f"{self} does not exist; use dimensions >= 1 and a finite MI >= 0")

    @property
    def correlation(self) -> float:
        """ρ, in [0, 1)."""
        return math.sqrt(-math.expm1(-2 * self.mutual_information / self.dimensions))

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """n independent pairs: x (n, d) and z (n, d)."""
        x, noise = torch.randn((2, n, self.dimensions), generator=generator)
        z = self.correlation * x + math.sqrt(1 - self.correlation**2) * noise
        return x, z

    def pointwise(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Exact pointwise MI log p(x, z) / (p(x) p(z)) in nats: (n,) from (n, d) and (n, d)."""
        ρ = self.correlation
        squares = (z - ρ * x).square() / (1 - ρ**2) - z.square()
        return self.mutual_information - squares.sum(1) / 2

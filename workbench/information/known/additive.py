"""A uniform pattern seen through uniform noise: bounded support, closed form."""

import math
from dataclasses import dataclass

import torch

from workbench.errors import InputError

ROUNDING = 1e-6  # z = x + noise is rounded, and may so leave the support by this


@dataclass(frozen=True)
class AdditiveUniform:
    """x uniform on [0, 1], z = x + noise uniform on [−ε, ε]; one dimension each.

    epsilon: ε, larger than 0. Raises InputError otherwise.
    """

    epsilon: float

    def __post_init__(self) -> None:
        if not 0 < self.epsilon < math.inf:
            raise InputError(f"{self} does not exist; use a finite epsilon > 0")

    @property
    def name(self) -> str:
        """With its ε."""
        return f"additive noise, ε = {self.epsilon:g}"

    @property
    def mutual_information(self) -> float:
        """I(X; Z) in nats: ε − log 2ε where ε ≤ 1/2, else 1 / 4ε (Czyż et al. 2023)."""
        ε = self.epsilon
        return ε - math.log(2 * ε) if ε <= 0.5 else 1 / (4 * ε)

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """n independent pairs: x (n, 1) and z (n, 1)."""
        x, noise = torch.rand((2, n, 1), generator=generator)
        return x, x + self.epsilon * (2 * noise - 1)

    def pointwise(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Exact pointwise MI in nats: (n,) from (n, 1) and (n, 1); −inf for impossible pairs."""
        ε = self.epsilon
        possible_x = (z + ε).clamp(max=1) - (z - ε).clamp(min=0)
        possible = (z - x).abs() <= ε + ROUNDING
        return -possible_x.log().where(possible, math.inf).squeeze(1)

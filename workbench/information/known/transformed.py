"""What leaves mutual information as it is: bending, and noise in coordinates of its own."""

from dataclasses import dataclass

import torch

from workbench.errors import InputError
from workbench.information.known.gaussians import CorrelatedGaussians
from workbench.information.known.protocol import Known

LOWEST = 1e-7  # of a uniform coordinate: float32 rounds what is nearer to 1 to 1


@dataclass(frozen=True)
class UniformMargins:
    """Gaussian pairs whose every coordinate is made uniform on [0, 1] by the normal CDF."""

    gaussian: CorrelatedGaussians

    @property
    def name(self) -> str:
        """What it is made of."""
        return f"uniform margins of {self.gaussian.name}"

    @property
    def mutual_information(self) -> float:
        """I(X; Z) in nats: the Gaussian's, for the CDF can be undone."""
        return self.gaussian.mutual_information

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """n independent pairs: x (n, d) and z (n, d)."""
        x, z = self.gaussian.sample(n, generator)
        return torch.special.ndtr(x), torch.special.ndtr(z)

    def pointwise(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Exact pointwise MI in nats: (n,) from (n, d) and (n, d)."""
        x, z = (torch.special.ndtri(u.clamp(LOWEST, 1 - LOWEST)) for u in (x, z))
        return self.gaussian.pointwise(x, z)


@dataclass(frozen=True)
class Spiral:
    """Pairs whose patterns are wound up: (x_1, x_2) is turned by the angle speed · ‖x‖².

    base: with patterns of two dimensions at least. speed: radians per unit of ‖x‖².
    """

    base: Known
    speed: float

    @property
    def name(self) -> str:
        """What it is made of."""
        return f"spiral of {self.base.name}"

    @property
    def mutual_information(self) -> float:
        """I(X; Z) in nats: the base's, for ‖x‖ stays and the turn can be undone."""
        return self.base.mutual_information

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """n independent pairs: x (n, a) and z (n, b)."""
        x, z = self.base.sample(n, generator)
        return _turned(x, self.speed), z

    def pointwise(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Exact pointwise MI in nats where the base has it: (n,) from (n, a) and (n, b)."""
        return self.base.pointwise(_turned(x, -self.speed), z)


@dataclass(frozen=True)
class Padded:
    """Pairs with independent standard normal coordinates behind x and z: sparse information.

    base: the pairs. noise: number of coordinates added to each of x and z, at least 1.
    Raises InputError for less.
    """

    base: Known
    noise: int

    def __post_init__(self) -> None:
        if self.noise < 1:
            raise InputError(f"{self} adds nothing; use noise >= 1")

    @property
    def name(self) -> str:
        """What it is made of."""
        return f"{self.base.name}, {self.noise}d noise"

    @property
    def mutual_information(self) -> float:
        """I(X; Z) in nats: the base's."""
        return self.base.mutual_information

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """n independent pairs: x (n, a + noise) and z (n, b + noise)."""
        x, z = self.base.sample(n, generator)
        behind_x, behind_z = torch.randn((2, n, self.noise), generator=generator)
        return torch.cat([x, behind_x], 1), torch.cat([z, behind_z], 1)

    def pointwise(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Exact pointwise MI in nats: (n,) from (n, a + noise) and (n, b + noise)."""
        return self.base.pointwise(x[:, : -self.noise], z[:, : -self.noise])


def _turned(x: torch.Tensor, speed: float) -> torch.Tensor:
    angle = speed * x.square().sum(1)
    first, second, *_ = x.unbind(1)
    turned = (
        angle.cos() * first - angle.sin() * second,
        angle.sin() * first + angle.cos() * second,
    )
    return torch.cat([torch.stack(turned, 1), x[:, 2:]], 1)

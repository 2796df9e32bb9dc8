"""Gaussian and Student pairs: one correlation per coordinate, closed forms throughout."""

import math
from dataclasses import dataclass

import torch
from scipy.special import gammaln, psi

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
    def name(self) -> str:
        """Dimensions and nats."""
        return f"Gaussian {self.dimensions}d, I = {self.mutual_information:g}"

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


@dataclass(frozen=True)
class Student:
    """Multivariate Student pairs: Gaussian ones, all coordinates of a pair divided by one scale.

    gaussian: before the division. freedom: degrees of freedom ν; tails fall like |x|^−(ν + 1), and
    there is information even without correlation, for a large x tells of a large z.
    Raises InputError for ν < 1.
    """

    gaussian: CorrelatedGaussians
    freedom: int

    def __post_init__(self) -> None:
        if self.freedom < 1:
            raise InputError(f"{self} does not exist; use freedom >= 1")

    @property
    def name(self) -> str:
        """Degrees of freedom, and the Gaussian."""
        return f"Student ν = {self.freedom} of {self.gaussian.name}"

    @property
    def mutual_information(self) -> float:
        """I of the Gaussian + f(ν) + f(ν + 2d) − 2 f(ν + d), f(t) = log Γ(t/2) − t/2 ψ(t/2).

        Arellano-Valle, Contreras-Reyes & Genton 2013; Czyż et al. 2023.
        """

        def f(t: int) -> float:
            return float(gammaln(t / 2) - t / 2 * psi(t / 2))

        ν, d = self.freedom, self.gaussian.dimensions
        return self.gaussian.mutual_information + f(ν) + f(ν + 2 * d) - 2 * f(ν + d)

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """n independent pairs: x (n, d) and z (n, d)."""
        x, z = self.gaussian.sample(n, generator)
        squares = torch.randn((n, self.freedom), generator=generator).square()
        scale = squares.mean(1, keepdim=True).sqrt()
        return x / scale, z / scale

    def pointwise(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Exact pointwise MI in nats: (n,) from (n, d) and (n, d)."""
        ν, d, ρ = self.freedom, self.gaussian.dimensions, self.gaussian.correlation
        constant = gammaln(ν / 2 + d) + gammaln(ν / 2) - 2 * gammaln((ν + d) / 2)

        def log_kernel(squares: torch.Tensor, k: int) -> torch.Tensor:
            return -(ν + k) / 2 * torch.log1p(squares.sum(1) / ν)

        joint = log_kernel(x.square() + (z - ρ * x).square() / (1 - ρ**2), 2 * d)
        alone = log_kernel(x.square(), d) + log_kernel(z.square(), d)
        return self.gaussian.mutual_information + float(constant) + joint - alone

"""Mixtures of Gaussians: exact pointwise MI, and their mean over many samples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from workbench.errors import InputError
from workbench.information.known.gaussians import CorrelatedGaussians
from workbench.seeds import generator

MONTE_CARLO = 400_000  # samples that a mixture's MI is the mean of


@dataclass(frozen=True)
class GaussianMixture:
    """Pairs from a mixture of Gaussians over (x, z) together.

    title: what tables call it. patterns: dimensions of x, the first ones. weights: of k components,
    positive, sum 1. means: k times (a + b). covariances: k times (a + b, a + b), positive
    definite. Raises InputError where weights are no probabilities.
    """

    title: str
    patterns: int
    weights: tuple[float, ...]
    means: tuple[tuple[float, ...], ...]
    covariances: tuple[tuple[tuple[float, ...], ...], ...]

    def __post_init__(self) -> None:
        if min(self.weights) <= 0 or not math.isclose(sum(self.weights), 1):
            raise InputError(f"{self.title}: weights {self.weights} are no probabilities")

    @property
    def name(self) -> str:
        """Its title."""
        return self.title

    @property
    def mutual_information(self) -> float:
        """I(X; Z) in nats: the mean pointwise MI of many samples (see standard_error)."""
        return _monte_carlo(self)[0]

    @property
    def standard_error(self) -> float:
        """Of mutual_information, in nats."""
        return _monte_carlo(self)[1]

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """n independent pairs: x (n, a) and z (n, b)."""
        weights, roots = torch.tensor(self.weights), torch.linalg.cholesky(self._covariances)
        component = torch.multinomial(weights, n, replacement=True, generator=generator)
        noise = torch.randn((n, roots.shape[1], 1), generator=generator, dtype=roots.dtype)
        pairs = self._means[component] + (roots[component] @ noise).squeeze(2)
        return pairs[:, : self.patterns].float(), pairs[:, self.patterns :].float()

    def pointwise(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Exact pointwise MI in nats: (n,) from (n, a) and (n, b)."""
        both = torch.cat([x, z], 1).double()
        of_x, of_z = slice(self.patterns), slice(self.patterns, None)
        joint, *alone = (self._log_density(both, part) for part in (slice(None), of_x, of_z))
        return (joint - sum(alone)).float()

    @property
    def _means(self) -> torch.Tensor:
        return torch.tensor(self.means, dtype=torch.float64)

    @property
    def _covariances(self) -> torch.Tensor:
        return torch.tensor(self.covariances, dtype=torch.float64)

    def _log_density(self, both: torch.Tensor, part: slice) -> torch.Tensor:
        """Of some of the coordinates: a mixture of the components' margins."""
        normals = MultivariateNormal(self._means[:, part], self._covariances[:, part, part])
        weights = Categorical(torch.tensor(self.weights, dtype=torch.float64))
        return MixtureSameFamily(weights, normals).log_prob(both[:, part])


def cross(correlation: float = 0.9) -> GaussianMixture:
    """The X: two Gaussians of opposite correlation, one dimension each; uncorrelated, dependent."""
    covariances = [_two_by_two(sign * correlation, 1) for sign in (-1, 1)]
    return _mixture("X", 1, (0.5, 0.5), [[0.0, 0.0]] * 2, covariances)


def inliers(gaussian: CorrelatedGaussians, share: float = 0.2) -> GaussianMixture:
    """Gaussian pairs, a share of which are replaced by independent ones with the same margins."""
    d = gaussian.dimensions
    covariances = [_two_by_two(ρ, d) for ρ in (gaussian.correlation, 0.0)]
    title = f"{gaussian.name}, {100 * share:g} % inliers"
    return _mixture(title, d, (1 - share, share), [[0.0] * 2 * d] * 2, covariances)


def balls(distance: float = 3.0) -> GaussianMixture:
    """Two unit balls, x in two dimensions and z in one: at most log 2; wound up it is the galaxy.

    distance: of their centres along each axis.
    """
    means = [[sign * distance / 2] * 3 for sign in (-1, 1)]
    return _mixture("two balls", 2, (0.5, 0.5), means, [torch.eye(3)] * 2)


def _two_by_two(correlation: float, dimensions: int) -> torch.Tensor:
    """Covariance (2d, 2d) of unit x and z whose coordinates are correlated one by one."""
    pair = torch.tensor([[1.0, correlation], [correlation, 1.0]], dtype=torch.float64)
    return torch.kron(pair, torch.eye(dimensions, dtype=torch.float64))


def _mixture(
    title: str,
    patterns: int,
    weights: tuple[float, ...],
    means: Sequence[Sequence[float]],
    covariances: Sequence[torch.Tensor],
) -> GaussianMixture:
    matrices = tuple(tuple(map(tuple, covariance.tolist())) for covariance in covariances)
    return GaussianMixture(title, patterns, weights, tuple(map(tuple, means)), matrices)


@cache
def _monte_carlo(mixture: GaussianMixture) -> tuple[float, float]:
    """Mean pointwise MI of many samples, and its standard error, in nats."""
    values = mixture.pointwise(*mixture.sample(MONTE_CARLO, generator(0, "monte carlo")))
    return values.mean().item(), values.std().item() / math.sqrt(MONTE_CARLO)

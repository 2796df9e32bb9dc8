"""Bounds against hand-computed values, their known limits, and the optimal critic."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import dblquad
from scipy.stats import multivariate_normal, norm

from workbench.information import (
    BOUNDS,
    CorrelatedGaussians,
    donsker_varadhan,
    infonce,
    jensen_shannon,
)

HAND = torch.tensor([[2.0, 0.0], [1.0, 3.0]])
SIZES = st.integers(2, 40)
SEEDS = st.integers(0, 2**32)


def scores_of(n: int, seed: int, scale: float = 3.0) -> torch.Tensor:
    return scale * torch.randn(n, n, generator=torch.Generator().manual_seed(seed))


def test_donsker_varadhan_by_hand() -> None:
    expected = (2 + 3) / 2 - math.log((math.exp(0) + math.exp(1)) / 2)
    assert donsker_varadhan(HAND).item() == pytest.approx(expected)


def test_infonce_by_hand() -> None:
    first = math.log(math.exp(2) / (math.exp(2) + math.exp(0)))
    second = math.log(math.exp(3) / (math.exp(1) + math.exp(3)))
    assert infonce(HAND).item() == pytest.approx((first + second) / 2 + math.log(2))


def test_jensen_shannon_by_hand() -> None:
    def sigmoid(t: float) -> float:
        return 1 / (1 + math.exp(-t))

    joint = (math.log(sigmoid(2)) + math.log(sigmoid(3))) / 2
    product = (math.log(1 - sigmoid(0)) + math.log(1 - sigmoid(1))) / 2
    expected = (joint + product + math.log(4)) / 2
    assert jensen_shannon(HAND).item() == pytest.approx(expected)


@given(SIZES, SEEDS, st.floats(-5, 5))
def test_true_pairs_are_no_negatives_of_donsker_varadhan(n: int, seed: int, shift: float) -> None:
    """A masked diagonal that enters as exp(0), as in released code, breaks this."""
    scores = scores_of(n, seed)
    shifted = donsker_varadhan(scores + shift * torch.eye(n)) - donsker_varadhan(scores)
    assert shifted.item() == pytest.approx(shift, abs=1e-4)


@given(SIZES, SEEDS, st.floats(-50, 50))
def test_what_each_bound_does_not_see(n: int, seed: int, constant: float) -> None:
    scores = scores_of(n, seed)
    per_output = constant * torch.arange(n)[:, None] / n
    assert infonce(scores + per_output).item() == pytest.approx(infonce(scores).item(), abs=1e-3)
    same = donsker_varadhan(scores + constant)
    assert same.item() == pytest.approx(donsker_varadhan(scores).item(), abs=1e-3)


@given(SIZES, SEEDS)
def test_ceilings(n: int, seed: int) -> None:
    scores = scores_of(n, seed) + 50 * torch.eye(n)
    assert infonce(scores).item() == pytest.approx(math.log(n), abs=1e-4)
    easy = torch.where(torch.eye(n, dtype=torch.bool), 50.0, -50.0)
    assert jensen_shannon(easy).item() == pytest.approx(math.log(2), abs=1e-4)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_critic_that_sees_nothing_has_no_information(name: str) -> None:
    assert BOUNDS[name](torch.zeros(7, 7)).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", BOUNDS)
def test_gradients_are_finite_despite_the_mask(name: str) -> None:
    scores = scores_of(6, 0).requires_grad_()
    BOUNDS[name](scores).backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


def optimum(bound, known: CorrelatedGaussians, n: int = 1000, samples: int = 20) -> float:
    """The mean bound of the optimal critic, the exact log density ratio of every pair."""

    def value(seed: int) -> float:
        x, z = known.sample(n, torch.Generator().manual_seed(seed))
        scores = known.pointwise(x.repeat(n, 1), z.repeat_interleave(n, 0)).view(n, n)
        return bound(scores).item()

    return sum(map(value, range(samples))) / samples


@pytest.mark.parametrize("bound", [donsker_varadhan, infonce])
def test_the_optimal_critic_reaches_the_mutual_information(bound) -> None:
    assert optimum(bound, CorrelatedGaussians(2, 1.0)) == pytest.approx(1.0, abs=0.02)


def test_the_optimal_critic_reaches_the_jensen_shannon_divergence() -> None:
    known = CorrelatedGaussians(1, 1.0)
    ρ = known.correlation
    pair = multivariate_normal([0, 0], [[1, ρ], [ρ, 1]])

    def integrand(x: float, z: float) -> float:
        p, q = pair.pdf([x, z]), norm.pdf(x) * norm.pdf(z)
        middle = (p + q) / 2
        return sum(a * math.log(a / middle) / 2 for a in (p, q) if a > 0)

    expected, _ = dblquad(integrand, -6, 6, -6, 6, epsabs=1e-3)
    assert optimum(jensen_shannon, known) == pytest.approx(expected, abs=0.005)

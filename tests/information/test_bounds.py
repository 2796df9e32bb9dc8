"""Bounds against hand-computed values, their known limits, and the optimal critic."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import dblquad
from scipy.stats import multivariate_normal, norm
from torch import nn

from workbench.information import (
    BOUNDS,
    CorrelatedGaussians,
    Critic,
    Reference,
    donsker_varadhan,
    infonce,
    jensen_shannon,
    nwj,
    pointwise,
    smile,
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


def test_nwj_by_hand() -> None:
    expected = (2 + 3) / 2 - (math.exp(0 - 1) + math.exp(1 - 1)) / 2
    assert nwj(HAND).item() == pytest.approx(expected)


def test_smile_by_hand() -> None:
    """τ = 0.5 clips the negative score 1, and no positive one."""
    expected = (2 + 3) / 2 - math.log((math.exp(0) + math.exp(0.5)) / 2)
    assert smile(HAND, τ=0.5).item() == pytest.approx(expected)
    low = torch.tensor([[2.0, -9.0], [1.0, 3.0]])
    expected = (2 + 3) / 2 - math.log((math.exp(-5) + math.exp(1)) / 2)
    assert smile(low).item() == pytest.approx(expected)


@given(SIZES, SEEDS)
def test_smile_is_donsker_varadhan_where_nothing_is_clipped(n: int, seed: int) -> None:
    scores = scores_of(n, seed)
    expected = donsker_varadhan(scores).item()
    assert smile(scores, τ=100.0).item() == pytest.approx(expected, abs=1e-4)


@given(SIZES, SEEDS, st.floats(0.1, 10))
def test_smile_is_within_τ_of_the_mean_true_score(n: int, seed: int, τ: float) -> None:
    scores = scores_of(n, seed, scale=20)
    assert abs(smile(scores, τ) - scores.diagonal().mean()).item() <= τ + 1e-3


@given(SIZES, SEEDS)
def test_smile_has_the_gradient_of_jensen_shannon(n: int, seed: int) -> None:
    gradients = []
    for bound in (smile, jensen_shannon):
        scores = scores_of(n, seed).requires_grad_()
        bound(scores).backward()
        gradients.append(scores.grad)
    assert torch.equal(*gradients)


@given(SIZES, SEEDS, st.floats(1, 50))
def test_the_value_of_smile_has_no_maximum(n: int, seed: int, more: float) -> None:
    """Why it cannot be maximised itself: above τ every score may grow and none is punished."""
    scores = scores_of(n, seed)
    scores = scores - scores.min() + 5
    assert (smile(scores + more) - smile(scores)).item() == pytest.approx(more, abs=1e-3)


@given(SIZES, SEEDS, st.floats(-3, 3))
def test_nwj_is_never_above_donsker_varadhan(n: int, seed: int, constant: float) -> None:
    """log u <= u / e, with equality at u = e: the one constant that nwj's critic must get right."""
    scores = scores_of(n, seed, scale=1.0)
    best = donsker_varadhan(scores).item()
    assert nwj(scores + constant).item() <= best + 1e-4
    log_mean = scores.diagonal().mean().item() - best
    assert nwj(scores + 1 - log_mean).item() == pytest.approx(best, abs=1e-4)


@given(SIZES, SEEDS, st.floats(-5, 5))
def test_true_pairs_are_no_negatives(n: int, seed: int, shift: float) -> None:
    """A masked diagonal that enters as exp(0), as in released code, breaks this."""
    scores = scores_of(n, seed, scale=1.0)
    for bound in (donsker_varadhan, nwj, smile):
        shifted = bound(scores + shift * torch.eye(n)) - bound(scores)
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
    constant = 1.0 if name == "nwj" else 0.0  # the log density ratio, as nwj sees it
    assert BOUNDS[name](torch.full((7, 7), constant)).item() == pytest.approx(0, abs=1e-6)


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


@pytest.mark.parametrize(
    "bound",
    [
        pytest.param(donsker_varadhan, id="donsker-varadhan"),
        pytest.param(infonce, id="infonce"),
        pytest.param(smile, id="smile"),
        pytest.param(lambda scores: nwj(scores + 1), id="nwj"),
    ],
)
def test_the_optimal_critic_reaches_the_mutual_information(bound) -> None:
    assert optimum(bound, CorrelatedGaussians(2, 1.0)) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("name", ["donsker-varadhan", "nwj", "jensen-shannon", "infonce"])
@pytest.mark.parametrize("towards", ["zero", "more", "noise"])
def test_no_other_critic_is_better_than_the_optimal_one(name: str, towards: str) -> None:
    """The optimum is the log density ratio; 1 + it for nwj."""
    changes = {
        "zero": lambda scores: 0.5 * scores,
        "more": lambda scores: 1.5 * scores,
        "noise": lambda scores: scores + scores_of(len(scores), 0, scale=0.5),
    }
    known, one = CorrelatedGaussians(2, 1.0), 1.0 if name == "nwj" else 0.0
    best, other = (
        optimum(lambda scores, change=change: BOUNDS[name](change(scores) + one), known, 500, 5)
        for change in (lambda scores: scores, changes[towards])
    )
    assert other < best - 0.005


def test_scoring_against_a_reference_undoes_what_a_bound_does_not_see() -> None:
    """nwj's optimum is 1 too high, infonce's may be off per output: scores are the same."""

    class Shifted(nn.Module):
        """Outputs with the score's constant behind: T = x z + c(z)."""

        def __init__(self, constant) -> None:
            super().__init__()
            self.constant = constant

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return torch.cat([z, self.constant(z)], 1)

    class Beside(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, torch.ones_like(x)], 1)

    x, z = CorrelatedGaussians(1, 1.0).sample(300, torch.Generator().manual_seed(0))
    plain, per_nwj, per_infonce = (
        pointwise(Reference.of(Critic(Beside(), Shifted(constant), 1), x), x, z)
        for constant in (torch.zeros_like, torch.ones_like, torch.cos)
    )
    torch.testing.assert_close(per_nwj, plain, atol=1e-5, rtol=0)
    torch.testing.assert_close(per_infonce, plain, atol=1e-5, rtol=0)


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

"""Distributions beyond the Gaussian against scipy, closed forms, and each other."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import dblquad
from scipy.linalg import expm
from scipy.stats import kstest, multivariate_normal, multivariate_t, norm

from workbench.errors import InputError
from workbench.information import (
    AdditiveUniform,
    CorrelatedGaussians,
    GaussianMixture,
    Known,
    Padded,
    Spiral,
    Student,
    UniformMargins,
    balls,
    cross,
    inliers,
)
from workbench.seeds import generator
from workbench.specs import settings_of

GAUSSIAN = CorrelatedGaussians(2, 1.0)
EVERY: dict[str, Known] = {
    "gaussian": GAUSSIAN,
    "cauchy": Student(CorrelatedGaussians(1, 0.5), 1),
    "student": Student(CorrelatedGaussians(3, 1.0), 3),
    "uniform": UniformMargins(GAUSSIAN),
    "spiral": Spiral(CorrelatedGaussians(3, 1.0), 1 / 3),
    "padded": Padded(GAUSSIAN, 3),
    "narrow": AdditiveUniform(0.1),
    "half": AdditiveUniform(0.5),
    "wide": AdditiveUniform(0.75),
    "cross": cross(),
    "inliers": inliers(CorrelatedGaussians(3, 1.5)),
    "balls": balls(),
    "galaxy": Spiral(balls(), 0.5),
}
MIXTURES = [name for name, known in EVERY.items() if isinstance(known, GaussianMixture)]


def some(known: Known, n: int = 5, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return known.sample(n, generator(seed))


@pytest.mark.parametrize("name", EVERY)
def test_information_is_the_mean_of_the_exact_pointwise_values(name: str) -> None:
    known, n = EVERY[name], 100_000
    values = known.pointwise(*some(known, n))
    assert values.shape == (n,)
    error = values.std().item() / math.sqrt(n)
    if isinstance(known, GaussianMixture):
        error = math.hypot(error, known.standard_error)
    assert values.mean().item() == pytest.approx(known.mutual_information, abs=4 * error)


@pytest.mark.parametrize("name", EVERY)
def test_exact_scores_of_shuffled_pairs_have_a_mean_exponential_of_one(name: str) -> None:
    """E_product[p(x, z) / p(x) p(z)] = 1; heavy-tailed, so only roughly where MI is high."""
    known, n = EVERY[name], 200_000
    x, z = some(known, n)
    ratios = known.pointwise(x, z.roll(1, 0)).double().exp()
    error = ratios.std().item() / math.sqrt(n)
    assert ratios.mean().item() == pytest.approx(1, abs=4 * error)


@pytest.mark.parametrize("name", EVERY)
def test_the_generator_decides_the_samples_and_settings_the_name(name: str) -> None:
    known = EVERY[name]
    (x, z), (same, _), (other, _) = (some(known, 9, seed) for seed in (3, 3, 4))
    assert torch.equal(x, same)
    assert not torch.equal(x, other)
    assert x.dtype == z.dtype == torch.float32
    assert len({each.name for each in EVERY.values()}) == len(EVERY)
    assert settings_of(known)["name"] == type(known).__name__


@given(st.integers(1, 4), st.integers(1, 9), st.floats(0.0, 2.0))
def test_student_pointwise_is_the_log_ratio_of_scipys_densities(
    d: int, ν: int, nats: float
) -> None:
    known = Student(CorrelatedGaussians(d, nats), ν)
    x, z = some(known)
    one, ρ = np.eye(d), known.gaussian.correlation
    joint = multivariate_t(np.zeros(2 * d), np.block([[one, ρ * one], [ρ * one, one]]), ν)
    alone = multivariate_t(np.zeros(d), one, ν)
    both = np.atleast_1d(joint.logpdf(np.hstack([x, z])))
    expected = both - alone.logpdf(x) - alone.logpdf(z)
    np.testing.assert_allclose(known.pointwise(x, z), expected, atol=2e-3, rtol=1e-3)


def test_uncorrelated_cauchy_pairs_have_log_8π_minus_3_nats() -> None:
    """Entropies log 4π of the Cauchy and log 2π + 3 of the bivariate one."""
    known = Student(CorrelatedGaussians(1, 0.0), 1)
    assert known.mutual_information == pytest.approx(math.log(8 * math.pi) - 3)


def test_many_degrees_of_freedom_make_a_student_gaussian() -> None:
    assert Student(GAUSSIAN, 10_000).mutual_information == pytest.approx(1.0, abs=1e-3)


def test_student_margins_are_student() -> None:
    x, z = some(EVERY["student"], 20_000)
    for values in (x[:, 0], z[:, 2]):
        assert kstest(values.numpy(), "t", args=(3,)).pvalue > 0.01


def test_uniform_margins_are_uniform_and_keep_each_value() -> None:
    x, z = some(EVERY["uniform"], 20_000)
    for values in (*x.T, *z.T):
        assert kstest(values.numpy(), "uniform").pvalue > 0.01
    before = GAUSSIAN.pointwise(*some(GAUSSIAN, 20_000))
    torch.testing.assert_close(UniformMargins(GAUSSIAN).pointwise(x, z), before, atol=0.01, rtol=0)


def test_a_uniform_coordinate_that_is_rounded_to_one_has_a_value() -> None:
    one = torch.ones(1, 2)
    assert UniformMargins(GAUSSIAN).pointwise(one, one).isfinite().all()


@given(st.integers(2, 5), st.floats(-3, 3), st.integers(0, 99))
def test_the_spiral_is_the_exponential_of_its_generator(d: int, speed: float, seed: int) -> None:
    """x ↦ exp(speed ‖x‖² A) x, A the generator of turns in the first plane (Czyż et al. 2023)."""
    base = CorrelatedGaussians(d, 1.0)
    (x, z), (wound, same) = some(base, 3, seed), some(Spiral(base, speed), 3, seed)
    turn = np.zeros((d, d))
    turn[0, 1], turn[1, 0] = -1, 1
    rows = x.double().numpy()
    expected = np.stack([expm(speed * (row @ row) * turn) @ row for row in rows])
    np.testing.assert_allclose(wound, expected, atol=1e-4)
    assert torch.equal(z, same)


@given(st.integers(0, 99), st.floats(-3, 3))
def test_the_spiral_keeps_each_value(seed: int, speed: float) -> None:
    for base in (CorrelatedGaussians(3, 1.0), balls()):
        before = base.pointwise(*some(base, 20, seed))
        wound = Spiral(base, speed)
        after = wound.pointwise(*some(wound, 20, seed))
        torch.testing.assert_close(after, before, atol=1e-3, rtol=1e-3)


def test_noise_adds_coordinates_and_no_information() -> None:
    known = EVERY["padded"]
    x, z = some(known, 5000)
    assert x.shape == z.shape == (5000, 5)
    torch.testing.assert_close(known.pointwise(x, z), GAUSSIAN.pointwise(x[:, :2], z[:, :2]))
    every = np.corrcoef(torch.cat([x[:, 2:], z], 1).T)
    assert np.abs(every - np.eye(8)).max() < 0.08


@pytest.mark.parametrize("ε", [0.1, 0.5, 0.75, 2.0])
def test_additive_noise_against_numerical_integration(ε: float) -> None:
    """p(x, z) = 1 / 2ε within ε of x; p(z) by integration of it over x."""
    known = AdditiveUniform(ε)

    def margin(z: float) -> float:
        return float(np.diff(np.clip([z - ε, z + ε], 0, 1))[0]) / (2 * ε)

    def integrand(z: float, x: float) -> float:
        return math.log(1 / (2 * ε) / margin(z)) / (2 * ε)

    expected, _ = dblquad(integrand, 0, 1, lambda x: x - ε, lambda x: x + ε, epsabs=1e-4)
    assert known.mutual_information == pytest.approx(expected, abs=1e-3)


def test_additive_noise_is_uniform_on_both_sides() -> None:
    x, z = some(AdditiveUniform(0.1), 20_000)
    for values in (x, (z - x) / 0.2 + 0.5):
        assert kstest(values.squeeze(1).numpy(), "uniform").pvalue > 0.01


def test_an_impossible_pair_has_no_density() -> None:
    x, z = torch.tensor([[0.2], [0.2]]), torch.tensor([[0.29], [0.31]])
    assert AdditiveUniform(0.1).pointwise(x, z).isfinite().tolist() == [True, False]


@pytest.mark.parametrize("name", MIXTURES)
def test_mixture_pointwise_is_the_log_ratio_of_scipys_densities(name: str) -> None:
    known = EVERY[name]
    assert isinstance(known, GaussianMixture)
    x, z = some(known, 20)
    a = known.patterns

    def density(values: np.ndarray, part: slice) -> np.ndarray:
        components = zip(known.weights, known.means, known.covariances, strict=True)
        return sum(
            weight
            * multivariate_normal(np.array(mean)[part], np.array(cov)[part, part]).pdf(values)
            for weight, mean, cov in components
        )

    joint = density(np.hstack([x, z]), slice(None))
    expected = np.log(joint / density(x, slice(a)) / density(z, slice(a, None)))
    np.testing.assert_allclose(known.pointwise(x, z), expected, atol=1e-4, rtol=1e-4)


def test_the_cross_against_numerical_integration() -> None:
    """Standard normal margins, uncorrelated, and yet dependent."""
    arms = [multivariate_normal([0, 0], [[1, ρ], [ρ, 1]]) for ρ in (-0.9, 0.9)]

    def integrand(z: float, x: float) -> float:
        joint = sum(arm.pdf([x, z]) for arm in arms) / 2
        return joint * math.log(joint / norm.pdf(x) / norm.pdf(z))

    expected, _ = dblquad(integrand, -5, 5, -5, 5, epsabs=1e-3)
    assert cross().mutual_information == pytest.approx(expected, abs=0.005)
    x, z = some(cross(), 50_000)
    assert abs(np.corrcoef(x.T, z.T)[0, 1]) < 0.02


@pytest.mark.parametrize("name", MIXTURES)
def test_samples_have_the_moments_of_the_mixture(name: str) -> None:
    known = EVERY[name]
    assert isinstance(known, GaussianMixture)
    pairs = torch.cat(some(known, 50_000), 1).numpy()
    weights, means, covariances = map(np.array, (known.weights, known.means, known.covariances))
    mean = weights @ means
    second = covariances + means[:, :, None] * means[:, None, :]
    expected = np.tensordot(weights, second, 1) - np.outer(mean, mean)
    np.testing.assert_allclose(pairs.mean(0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(pairs.T), expected, atol=0.06)


def test_mixtures_know_their_information_to_a_few_thousandths() -> None:
    errors = [
        known.standard_error for known in EVERY.values() if isinstance(known, GaussianMixture)
    ]
    assert all(0 < error < 0.003 for error in errors)


def test_limits_of_mixtures() -> None:
    """All inliers but a few leave the Gaussian; two balls tell each other which one it is."""
    gaussian = CorrelatedGaussians(2, 1.0)
    few = inliers(gaussian, 1e-6)
    x, z = some(few, 100)
    torch.testing.assert_close(few.pointwise(x, z), gaussian.pointwise(x, z), atol=1e-2, rtol=0)
    assert balls(distance=12.0).mutual_information == pytest.approx(math.log(2), abs=0.005)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Student(GAUSSIAN, 0), id="freedom"),
        pytest.param(lambda: AdditiveUniform(0.0), id="epsilon"),
        pytest.param(lambda: Padded(GAUSSIAN, 0), id="noise"),
        pytest.param(lambda: inliers(GAUSSIAN, 1.5), id="share"),
    ],
)
def test_what_does_not_exist_is_refused(make) -> None:
    with pytest.raises(InputError):
        make()

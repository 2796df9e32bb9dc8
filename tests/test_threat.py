"""Threat models: ε as given, projection, distance, membership."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.seeds import Noise
from workbench.threat import NORMS, ThreatModel

norms = st.sampled_from(NORMS)
epsilons = st.floats(1e-3, 1.0).map(repr)
shapes = st.tuples(*[st.integers(1, 4)] * 4)
seeds = st.integers(0, 10_000)


def batch(shape: tuple[int, ...], seed: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("eps", "epsilon"), [("8/255", 8 / 255), ("0.031", 0.031), ("1e-2", 0.01)])
def test_eps_is_kept_as_given(eps: str, epsilon: float) -> None:
    threat = ThreatModel("Linf", eps)
    assert threat.eps == eps
    assert threat.epsilon == epsilon


def test_8_of_255_is_not_0031() -> None:
    assert ThreatModel("Linf", "8/255").epsilon != ThreatModel("Linf", "0.031").epsilon


@pytest.mark.parametrize(
    "eps",
    [
        *("0", "-1", "nan", "inf", "", "8/0", "abc", "0,1", "8", "1e400", "1/2/3", "8//255"),
        *("1e999999999", "1e-999999999", "1/1e999999999", "9" * 5000),
    ],
)
def test_a_wrong_eps_is_one_line(eps: str) -> None:
    with pytest.raises(InputError, match=r"^[^\n]*8/255[^\n]*$"):
        ThreatModel("Linf", eps)


def test_an_unknown_norm_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="Linf, L2"):
        ThreatModel("l7", "0.1")


@given(norms, epsilons, shapes, seeds)
def test_projection_lands_inside_both_and_twice_is_once(norm, eps, shape, seed) -> None:
    threat = ThreatModel(norm, eps)
    x = batch(shape, seed)
    projected = threat.project(4 * batch(shape, seed + 1) - 2, x)
    assert threat.contains(projected, x).all()
    assert torch.allclose(threat.project(projected, x), projected, atol=1e-6)


@given(norms, epsilons, shapes, seeds)
def test_points_inside_stay(norm, eps, shape, seed) -> None:
    threat = ThreatModel(norm, eps)
    x = batch(shape, seed)
    inside = threat.random_start(x, Noise(seed, tuple(range(shape[0]))))
    assert threat.contains(inside, x).all()
    assert torch.allclose(threat.project(inside, x), inside, atol=1e-7)


@given(norms, st.floats(0.01, 0.2).map(repr), shapes, seeds)
def test_points_outside_land_on_the_boundary(norm, eps, shape, seed) -> None:
    threat = ThreatModel(norm, eps)
    x = torch.full(shape, 0.5)  # so far from the box's faces that only the ball binds
    direction = batch(shape, seed) + 0.1
    projected = threat.project(x + 100 * direction, x)
    expected = np.linalg.norm(
        (projected - x).double().flatten(1).numpy(), ord=np.inf if norm == "Linf" else 2, axis=1
    )
    assert np.allclose(expected, threat.epsilon, rtol=1e-5)


@given(norms, shapes, seeds)
def test_distance_is_numpys(norm, shape, seed) -> None:
    x, other = batch(shape, seed), batch(shape, seed + 1)
    delta = (other.double() - x.double()).flatten(1).numpy()
    expected = np.linalg.norm(delta, ord=np.inf if norm == "Linf" else 2, axis=1)
    assert np.allclose(ThreatModel(norm, "0.5").distance(other, x).numpy(), expected, atol=0)


@pytest.mark.parametrize("norm", NORMS)
def test_contains_refuses_what_is_out(norm: str) -> None:
    threat = ThreatModel(norm, "0.1")
    x = torch.tensor([0.0, 0.5, 0.5, 1.0]).view(4, 1, 1, 1)
    out = torch.tensor([-0.01, 0.601, float("nan"), 1.01]).view(4, 1, 1, 1)
    assert not threat.contains(out, x).any()
    assert threat.contains(x, x).all()
    assert threat.contains(torch.full_like(x[1:2], 0.6), x[1:2]).all()


@given(norms, shapes, seeds)
def test_ascent_has_length_one_and_raises_a_linear_loss_most(norm, shape, seed) -> None:
    threat = ThreatModel(norm, "0.5")
    gradient = batch(shape, seed) - 0.5
    best = (threat.ascent(gradient) * gradient).flatten(1).sum(1)
    dual = gradient.flatten(1).abs().sum(1) if norm == "Linf" else gradient.flatten(1).norm(dim=1)
    assert torch.allclose(best, dual, atol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_a_zero_gradient_gives_no_direction(norm: str) -> None:
    zero = torch.zeros(2, 1, 3, 3)
    assert torch.equal(ThreatModel(norm, "0.5").ascent(zero), zero)


@pytest.mark.parametrize("scale", [1e-30, 1e-25, 1.0, 1e25])
def test_ascent_has_length_one_for_gradients_of_any_size(scale) -> None:
    gradient = scale * torch.tensor([3.0, 4.0]).view(1, 1, 1, 2)
    assert ThreatModel("L2", "0.5").ascent(gradient).flatten().tolist() == pytest.approx([0.6, 0.8])


def test_random_starts_fill_the_l2_ball_uniformly() -> None:
    threat = ThreatModel("L2", "0.2")
    x = torch.full((4000, 1, 1, 2), 0.5)
    start = threat.random_start(x, Noise(0, tuple(range(4000))))
    share = (threat.distance(start, x) < 0.1).float().mean()  # a quarter of the disc's area
    assert abs(share.item() - 0.25) < 0.03

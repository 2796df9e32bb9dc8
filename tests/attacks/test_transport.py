"""The two problems on couplings, against exact linear programs."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from workbench.attacks.transport import (
    at_targets,
    best_coupling,
    cost,
    nearest_coupling,
    offsets,
    root,
    simplex_threshold,
    staying,
    transported,
)

SHAPES = [(1, 3, 3), (2, 3, 3), (1, 4, 4), (2, 4, 3)]
BUDGETS = [0.01, 0.2, 0.6, 5.0]  # × mass: hardly any, two that bind, one that does not


def moves(shape, window) -> list[tuple[int, int, int, int]]:
    """Every (offset, channel, row, column) that stays inside the image."""
    _, height, width = shape
    reach = window // 2
    return [
        (o, c, i, j)
        for o, (p, q) in enumerate(offsets(window))
        for c, i, j in np.ndindex(shape)
        if 0 <= i + p - reach < height and 0 <= j + q - reach < width
    ]


def exact_optimum(values, x, budget, window) -> float:
    """The largest Σ values · Π over couplings within the budget, by a linear program.

    values: (o, c, h, w) as an array; x: (c, h, w).
    """
    allowed = moves(x.shape, window)
    lengths = [math.dist(offsets(window)[o], (window // 2, window // 2)) for o, *_ in allowed]
    pixels = list(np.ndindex(*x.shape))
    sends = np.array([[move[1:] == pixel for move in allowed] for pixel in pixels], dtype=float)
    found = linprog(
        [-values[move] for move in allowed],
        A_ub=[lengths],
        b_ub=[budget],
        A_eq=sends,
        b_eq=[x[pixel] for pixel in pixels],
    )
    assert found.success
    return -found.fun


def drawn(shape, seed, n=1) -> tuple[torch.Tensor, torch.Tensor]:
    """Images with some empty pixels and gradients of largest entry 1: (n, *shape) twice."""
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand((n, *shape), generator=generator) - 0.2).clamp_min(0)
    gain = torch.randn((n, *shape), generator=generator)
    return x, gain / gain.abs().flatten(1).amax(1).view(-1, 1, 1, 1)


def assert_feasible(coupling, x, budget, window) -> None:
    mass = x.flatten(1).sum(1)
    assert (coupling >= 0).all()
    assert torch.allclose(coupling.sum(1), x, atol=1e-5)
    assert (cost(coupling, window) <= budget * (1 + 1e-5) + 1e-6).all()
    arrived = transported(coupling, window).flatten(1).sum(1)
    assert torch.allclose(arrived, mass, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("window", [3, 5])
@pytest.mark.parametrize("part", BUDGETS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_oracle_reaches_the_linear_programs_optimum(shape, part, window) -> None:
    x, gain = drawn(shape, seed=1)
    budget = part * x.flatten(1).sum(1)
    coupling = best_coupling(gain, x, budget, window, entropy=1e-4)
    assert_feasible(coupling, x, budget, window)
    values = at_targets(gain, window)[0].numpy()
    best = exact_optimum(values, x[0].numpy(), budget.item(), window)
    stays = (gain * x).sum().item()
    reached = (gain * transported(coupling, window)).sum().item()
    assert reached <= best + 1e-4
    assert reached - stays >= 0.995 * (best - stays) - 1e-4 * math.log(window**2) * x.sum().item()


@pytest.mark.parametrize("window", [3, 5])
@pytest.mark.parametrize("part", BUDGETS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_projection_is_the_nearest_coupling(shape, part, window) -> None:
    """Π is the nearest to P iff no coupling Z has ⟨P − Π, Z − Π⟩ > 0: a linear program in Z.

    That excess bounds half of the squared distance between Π and the nearest.
    """
    x, gain = drawn(shape, seed=2)
    budget = part * x.flatten(1).sum(1)
    point = staying(x, window) + 0.3 * at_targets(gain, window)
    coupling = nearest_coupling(point.clone(), x, budget, window)
    assert_feasible(coupling, x, budget, window)
    away = (point - coupling)[0].double().numpy()
    best = exact_optimum(away, x[0].double().numpy(), budget.item(), window)
    inside = point[0].numpy() > -1e29
    reached = (away * coupling[0].double().numpy())[inside].sum()
    scale = (away[inside] ** 2).sum()
    assert best - reached <= 2e-3 * scale + 1e-6


@given(
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from([3, 5]),
    st.floats(1e-4, 3),
    st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_couplings_keep_the_mass_and_the_budget(channels, height, width, window, part, seed):
    x, gain = drawn((channels, height, width), seed, n=3)
    x[1] = 0
    budget = part * x.flatten(1).sum(1)
    best = best_coupling(gain, x, budget, window, entropy=1e-3)
    near = nearest_coupling(best + 0.1 * at_targets(gain, window), x, budget, window)
    assert_feasible(best, x, budget, window)
    assert_feasible(near, x, budget, window)


@given(st.integers(0, 99), st.integers(1, 9), st.floats(0, 10), st.floats(0, 2), st.floats(-20, 20))
@settings(deadline=None)
def test_simplex_thresholds_leave_the_mass(seed, entries, scale, mass, offset) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = scale * torch.randn((2, entries, 1, 2, 2), generator=generator)
    x = torch.full((2, 1, 2, 2), mass)
    guess = torch.full_like(values[:, :1], offset)
    left = (values - simplex_threshold(values, x, guess)).clamp_min(0).sum(1)
    assert torch.allclose(left, x, atol=1e-4)


def test_a_coupling_that_is_one_already_is_its_own_projection() -> None:
    x, gain = drawn((2, 4, 4), seed=3)
    budget = 0.3 * x.flatten(1).sum(1)
    coupling = best_coupling(gain, x, budget, 5, entropy=0.05)
    again = nearest_coupling(coupling.clone(), x, budget, 5)
    assert torch.allclose(again, coupling, atol=1e-5)


def test_staying_moves_nothing_and_costs_nothing() -> None:
    x, _ = drawn((3, 5, 4), seed=4, n=2)
    assert torch.equal(transported(staying(x, 5), 5), x)
    assert (cost(staying(x, 5), 5) == 0).all()


def test_mass_arrives_where_its_offset_points() -> None:
    x = torch.zeros(1, 1, 4, 4)
    coupling = staying(x, 3)
    coupling[0, offsets(3).index((0, 2)), 0, 2, 1] = 1  # from (2, 1), one up and one right
    assert transported(coupling, 3)[0, 0, 1, 2] == 1
    assert cost(coupling, 3).item() == pytest.approx(2**0.5)
    targets = at_targets(torch.arange(16.0).view(1, 1, 4, 4), 3)
    assert targets[0, offsets(3).index((0, 2)), 0, 2, 1] == 4 * 1 + 2


def test_a_root_does_not_depend_on_the_others() -> None:
    rates, budgets = torch.tensor([1.0, 7.0, 50.0]), torch.tensor([0.1, 0.5, 2.0])
    highest = torch.full((3,), 10.0)
    together = root(lambda rows, at: torch.exp(-rates[rows] * at), budgets, highest)
    for row in range(3):
        rate, own = rates[row], slice(row, row + 1)
        alone = root(lambda _, at, rate=rate: torch.exp(-rate * at), budgets[own], highest[own])
        assert torch.equal(alone, together[own])
    assert torch.allclose(together, torch.tensor([math.log(10), math.log(2) / 7, 0]), rtol=1e-3)

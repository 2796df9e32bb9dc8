"""Fits: known MI is found, independence gives none, equal seeds give equal critics."""

import math

import pytest
import torch

from workbench.errors import InputError
from workbench.information import (
    BOUNDS,
    CorrelatedGaussians,
    Diverged,
    Fit,
    Reference,
    fit_critic,
    pointwise,
    vector_critic,
)
from workbench.information.fit import least_pairs
from workbench.seeds import generator

FIT = Fit(units=64, steps=600, batch=256)
QUICK = Fit(units=8, steps=30, batch=32)


def estimates(known: CorrelatedGaussians, fit: Fit) -> tuple[torch.Tensor, torch.Tensor]:
    """Estimated and exact pointwise MI of 8000 fresh pairs: (n,) each, nats."""
    critic = vector_critic(known.dimensions, known.dimensions, fit.units, seed=0)
    fit_critic(critic, *known.sample(50_000, generator(0, "fit")), fit, generator(0, "batches"))
    reference = Reference.of(critic, known.sample(4000, generator(0, "reference"))[0])
    x, z = known.sample(8000, generator(0, "scored"))
    return pointwise(reference, x, z), known.pointwise(x, z)


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return torch.corrcoef(torch.stack([a, b]))[0, 1].item()


@pytest.mark.parametrize(("d", "nats"), [(1, 0.5), (1, 2.0), (5, 1.0), (5, 2.0)])
def test_known_information_is_found_in_the_mean_and_per_sample(d: int, nats: float) -> None:
    estimated, exact = estimates(CorrelatedGaussians(d, nats), FIT)
    assert estimated.mean().item() == pytest.approx(nats, rel=0.05)
    assert correlation(estimated, exact) > 0.95


@pytest.mark.parametrize("bound", ["donsker-varadhan", "jensen-shannon"])
def test_the_other_bounds_find_it_too(bound: str) -> None:
    fit = Fit(bound=bound, units=64, steps=600, batch=256)
    estimated, exact = estimates(CorrelatedGaussians(5, 1.0), fit)
    assert estimated.mean().item() == pytest.approx(1.0, rel=0.05)
    assert correlation(estimated, exact) > 0.95


def test_independent_pairs_have_none() -> None:
    estimated, _ = estimates(CorrelatedGaussians(5, 0.0), FIT)
    assert abs(estimated.mean().item()) < 0.02
    assert estimated.std().item() < 0.1


def quick(fit: Fit = QUICK, n: int = 400, seed: int = 0, nats: float = 1.0):
    """A small critic, fitted, and its checks."""
    critic = vector_critic(2, 2, fit.units, seed=seed)
    pairs = CorrelatedGaussians(2, nats).sample(n, generator(7))
    return critic, fit_critic(critic, *pairs, fit, generator(seed))


@pytest.mark.parametrize("bound", BOUNDS)
def test_equal_seeds_give_equal_critics_and_nothing_global_is_drawn(bound: str) -> None:
    before = torch.get_rng_state()
    fit = Fit(bound=bound, units=8, steps=30, batch=32)
    (first, checks), (again, same), (other, _) = (quick(fit, seed=s) for s in (0, 0, 1))
    assert checks == same
    assert torch.equal(before, torch.get_rng_state())
    x = torch.ones(1, 2)
    assert torch.equal(first.local(x), again.local(x))
    assert not torch.equal(first.local(x), other.local(x))


def test_held_out_pairs_betray_a_critic_that_learns_by_heart() -> None:
    _, checks = quick(Fit(units=64, steps=400, batch=32), n=60, nats=0.0)
    assert checks[-1].fitted > 0.5
    assert checks[-1].held_out < 0


@pytest.mark.parametrize("steps", [1, 2, 7, 19, 20, 21, 25, 40])
def test_the_last_check_is_at_the_end(steps: int) -> None:
    seen: list[int] = []
    critic = vector_critic(2, 2, 8, seed=0)
    pairs = CorrelatedGaussians(2, 1.0).sample(40, generator(0))
    fit = Fit(units=8, steps=steps, batch=16)
    progress = lambda done, total, doing: seen.append(done)  # noqa: E731
    checks = fit_critic(critic, *pairs, fit, generator(0), progress)
    assert checks[-1].step == steps
    assert seen == list(range(1, steps + 1))


def test_a_fit_that_diverges_gives_no_number() -> None:
    with pytest.raises(Diverged, match="diverged at step"):
        quick(Fit(units=8, steps=30, batch=32, lr=1e30))


def test_a_fit_whose_last_step_diverges_gives_no_number() -> None:
    with pytest.raises(Diverged, match="diverged at step 1;"):
        quick(Fit(units=8, steps=1, batch=32, lr=1e38))


@pytest.mark.parametrize("batch", [2, 19, 32, 128])
def test_the_least_number_of_pairs_is_enough_and_no_smaller_one_is(batch) -> None:
    fit = Fit(units=8, steps=2, batch=batch)
    least = least_pairs(fit)
    quick(fit, n=least)
    with pytest.raises(InputError, match=f"use {least} or more"):
        quick(fit, n=least - 1)


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(InputError, match=r"30 samples are too few .* use 35 or more"):
        quick(n=30)


@pytest.mark.parametrize(
    "settings",
    [{"bound": "mine"}, {"steps": 0}, {"batch": 1}, {"units": 1}, {"lr": 0.0}, {"lr": math.nan}],
)
def test_settings_that_make_no_fit_are_refused(settings: dict) -> None:
    with pytest.raises(InputError):
        Fit(**settings)

"""Scores of single samples: exact with an exact critic, and never a matter of the batch."""

import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from workbench.errors import InputError
from workbench.information import (
    SCORING_VERSION,
    CorrelatedGaussians,
    Critic,
    Fit,
    Reference,
    fit_critic,
    image_critic,
    pointwise,
    vector_critic,
    with_null,
)
from workbench.seeds import generator

X = torch.rand(700, 1, 28, 28, generator=generator(0))
NOISE = 0.2 * torch.rand(700, 1, 28, 28, generator=generator(1)) - 0.1
LOGITS = torch.randn(700, 10, generator=generator(2))
ADVERSARIAL_LOGITS = torch.randn(700, 10, generator=generator(3))


def reference(patterns: torch.Tensor, outputs: torch.Tensor, seed: int = 0) -> Reference:
    critic = image_critic(1, 10, 16, seed=seed)
    critic.calibrate(patterns, outputs)
    return Reference.of(critic, patterns[:100])


class Exact(nn.Module):
    """Statistics whose inner product is the exact pointwise MI of correlated Gaussians, d = 1."""

    def __init__(self, known: CorrelatedGaussians, of_pattern: bool) -> None:
        super().__init__()
        self.known, self.of_pattern = known, of_pattern

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        if self.of_pattern:
            return torch.cat([t, t**2, torch.ones_like(t)], 1)
        ρ, nats = self.known.correlation, self.known.mutual_information
        linear, square = ρ / (1 - ρ**2), ρ**2 / (2 * (1 - ρ**2))
        parts = [linear * t, -square * torch.ones_like(t), nats - square * t**2]
        return math.sqrt(3) * torch.cat(parts, 1)


@pytest.mark.parametrize("nats", [0.5, 1.0, 2.0])
def test_an_exact_critic_gives_the_exact_value_of_each_sample(nats: float) -> None:
    known = CorrelatedGaussians(1, nats)
    critic = Critic(Exact(known, True), Exact(known, False), 1)
    fixed = Reference.of(critic, known.sample(4000, generator(0))[0])
    x, z = known.sample(2000, generator(1))
    difference = pointwise(fixed, x, z) - known.pointwise(x, z)
    assert abs(difference.mean().item()) < 0.03
    assert difference.std().item() < 0.15


def test_by_hand() -> None:
    critic = Critic(nn.Identity(), nn.Identity(), 1)
    fixed = Reference.of(critic, torch.tensor([[0.0], [1.0]]))
    value = pointwise(fixed, torch.tensor([[3.0]]), torch.tensor([[2.0]]))
    assert value.item() == pytest.approx(6 - math.log((1 + math.exp(2)) / 2))


@given(st.integers(0, 699), st.integers(1, 300), st.randoms(use_true_random=False))
def test_a_sample_has_the_same_value_in_every_batch(row: int, size: int, random) -> None:
    rows = [row, *(random.randrange(700) for _ in range(size))]
    random.shuffle(rows)
    value = pointwise(FIXED, X[rows], LOGITS[rows])[rows.index(row)]
    assert value == ALL[row]  # bit for bit


def test_values_within_the_reference_have_its_ceiling() -> None:
    critic = Critic(nn.Identity(), nn.Identity(), 3)
    x = 3 * torch.randn(50, 3, generator=generator(0))
    assert pointwise(Reference.of(critic, x), x, x).max() <= math.log(50) + 1e-4
    assert pointwise(Reference.of(critic, x[:1]), x[:1], x[:1]).item() == pytest.approx(0, abs=1e-4)


def test_the_reference_is_the_first_patterns() -> None:
    critic = image_critic(1, 10, 16, seed=0)
    sizes = {size: Reference.of(critic, X, size) for size in (1, 300, 5000)}
    assert {s: len(r.vectors) for s, r in sizes.items()} == {1: 1, 300: 300, 5000: 700}
    assert torch.equal(sizes[300].vectors, sizes[5000].vectors[:300])


def test_an_empty_reference_is_refused() -> None:
    with pytest.raises(InputError, match="needs patterns"):
        Reference.of(image_critic(1, 10, 16, seed=0), X[:0])


def test_no_samples_have_no_values() -> None:
    assert pointwise(FIXED, X[:0], LOGITS[:0]).shape == (0,)


def test_values_and_nulls_of_each_output_are_separate_scores() -> None:
    outputs = {"natural": LOGITS, "adversarial": ADVERSARIAL_LOGITS}
    values = with_null(FIXED, X, outputs, PARTNER)
    expected = {
        "natural": pointwise(FIXED, X, LOGITS),
        "natural_null": pointwise(FIXED, X, LOGITS[PARTNER]),
        "adversarial": pointwise(FIXED, X, ADVERSARIAL_LOGITS),
        "adversarial_null": pointwise(FIXED, X, ADVERSARIAL_LOGITS[PARTNER]),
    }
    assert values.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(values[name], expected[name], atol=1e-5, rtol=0)
    assert not any(value.requires_grad for value in values.values())


def test_a_sample_that_is_its_own_partner_has_no_null() -> None:
    values = with_null(FIXED, X[:3], {"natural": LOGITS[:3]}, torch.tensor([0, 2, 1]))
    assert values["natural_null"].isnan().tolist() == [True, False, False]
    assert values["natural"].isfinite().all()


@pytest.mark.parametrize("nats", [0.5, 1.0, 2.0])
def test_the_null_of_an_exact_critic_is_what_independent_pairs_have(nats: float) -> None:
    """It is −(ρ² / (1 − ρ²) − I) nats: minus the divergence from product to joint, d = 1."""
    known = CorrelatedGaussians(1, nats)
    critic = Critic(Exact(known, True), Exact(known, False), 1)
    fixed = Reference.of(critic, known.sample(4000, generator(0))[0])
    x, z = known.sample(20_000, generator(1))
    null = with_null(fixed, x, {"z": z}, torch.arange(20_000).roll(1))["z_null"]
    ρ = known.correlation
    # E_product of the exact pointwise MI: I − (E (z − ρx)² / (1 − ρ²) − 1) / 2
    expected = nats - ((1 + ρ**2) / (1 - ρ**2) - 1) / 2
    assert expected < 0
    assert null.mean().item() == pytest.approx(expected, rel=0.1, abs=0.05)


def test_each_net_runs_once_per_pattern_and_once_per_output() -> None:
    fixed = reference(X, LOGITS)
    calls: Counter[str] = Counter()
    for name, net in fixed.critic.named_children():
        net.register_forward_hook(lambda *_, name=name: calls.update([name]))
    outputs = {"natural": LOGITS[:256], "adversarial": ADVERSARIAL_LOGITS[:256]}
    with_null(fixed, X[:256], outputs, torch.arange(256).roll(1))
    assert calls == {"local_net": 1, "global_net": 2}


def test_gradients_reach_outputs_through_the_baseline() -> None:
    """As training by MI needs them: the value of a pair is differentiable, and the same."""
    logits = LOGITS[:9].clone().requires_grad_()
    globl = FIXED.critic.globl(logits)
    value = (FIXED.critic.local(X[:9]) * globl).sum(1) - FIXED.baseline(globl)
    torch.testing.assert_close(value, ALL[:9], atol=1e-4, rtol=0)
    value.sum().backward()
    assert logits.grad is not None
    assert logits.grad.abs().sum() > 0


def test_what_a_version_gives() -> None:
    """Stored results are reused by version: raise it when this fails on purpose."""
    pairs = CorrelatedGaussians(2, 1.0).sample(400, generator(0))
    critic = vector_critic(2, 2, 8, seed=0)
    fit_critic(critic, *pairs, Fit(units=8, steps=30, batch=32), generator(0))
    values = pointwise(Reference.of(critic, pairs[0]), *pairs)[:3]
    torch.testing.assert_close(values, GOLDEN[Fit.version, SCORING_VERSION], atol=1e-3, rtol=0)


GOLDEN = {(1, 3): torch.tensor([0.1554, -0.0855, -0.0919])}
PARTNER = torch.randperm(700, generator=generator(4)).roll(1)
FIXED = reference(X, LOGITS)
ALL = pointwise(FIXED, X, LOGITS)

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
    four_quantities,
    image_critic,
    pointwise,
    vector_critic,
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


def test_four_quantities_are_four_separate_scores() -> None:
    adversarial = reference(NOISE, ADVERSARIAL_LOGITS, seed=1)
    values = four_quantities(FIXED, adversarial, X, NOISE, LOGITS, ADVERSARIAL_LOGITS)
    expected = {
        "natural_mi_natural": pointwise(FIXED, X, LOGITS),
        "natural_mi_adversarial": pointwise(FIXED, X, ADVERSARIAL_LOGITS),
        "adversarial_mi_natural": pointwise(adversarial, NOISE, LOGITS),
        "adversarial_mi_adversarial": pointwise(adversarial, NOISE, ADVERSARIAL_LOGITS),
    }
    assert values.keys() == expected.keys()
    assert all(torch.equal(values[name], expected[name]) for name in expected)
    assert not any(value.requires_grad for value in values.values())


def test_each_net_runs_once_per_pattern_and_once_per_output() -> None:
    pair = (reference(X, LOGITS), reference(NOISE, ADVERSARIAL_LOGITS))
    calls: Counter[tuple[int, str]] = Counter()
    for i, fixed in enumerate(pair):
        for name, net in fixed.critic.named_children():
            net.register_forward_hook(lambda *_, i=i, name=name: calls.update([(i, name)]))
    four_quantities(*pair, X[:256], NOISE[:256], LOGITS[:256], ADVERSARIAL_LOGITS[:256])
    assert calls == {
        (i, net): n for i in (0, 1) for net, n in (("local_net", 1), ("global_net", 2))
    }


def test_what_a_version_gives() -> None:
    """Stored results are reused by version: raise it when this fails on purpose."""
    pairs = CorrelatedGaussians(2, 1.0).sample(400, generator(0))
    critic = vector_critic(2, 2, 8, seed=0)
    fit_critic(critic, *pairs, Fit(units=8, steps=30, batch=32), generator(0))
    values = pointwise(Reference.of(critic, pairs[0]), *pairs)[:3]
    torch.testing.assert_close(values, GOLDEN[Fit.version, SCORING_VERSION], atol=1e-3, rtol=0)


GOLDEN = {(1, 1): torch.tensor([0.1554, -0.0855, -0.0919])}
FIXED = reference(X, LOGITS)
ALL = pointwise(FIXED, X, LOGITS)

"""The enumerable model against brute force and closed formulas, and what follows for Eq. 3."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from workbench.information.assumption import (
    EnumeratedTerms,
    Images,
    Net,
    climb,
    images,
    logits_of,
    measured,
    natural,
    predicted,
    quantised,
    sampled,
    train,
    uniform,
    worst,
)

SMALL = EnumeratedTerms(levels=5, radii=(0, 1), steps=60, hidden=8)
DETERMINISTIC = ("pgd", "worst")


@pytest.fixture(scope="module")
def data() -> Images:
    return images(5)


@pytest.fixture(scope="module")
def logits(data) -> np.ndarray:
    """Of no net at all: the attacks and outputs must not depend on where logits come from."""
    return np.random.default_rng(0).normal(0, 2, (len(data.p), 3))


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return SMALL(0)


def test_images_have_the_probability_of_their_classes(data) -> None:
    coarse = [[np.exp(-abs(v - c)) for v in range(5)] for c in (0, 2, 4)]
    fine = [[np.exp(-abs(v - c) / 0.4) for v in range(5)] for c in (1, 2, 3)]
    for row, (a, b, c) in enumerate(product(range(5), repeat=3)):
        assert data.pixels[row].tolist() == [a, b, c]
        assert data.row(data.pixels[row]) == row
        each = [
            k[a] / sum(k) * f[b] / sum(f) * f[c] / sum(f) / 3
            for k, f in zip(coarse, fine, strict=True)
        ]
        assert data.p[row] == pytest.approx(sum(each), abs=1e-15)
        assert each[data.labels[row]] == pytest.approx(max(each), rel=1e-12)
    assert data.p.sum() == pytest.approx(1, abs=1e-14)


def test_noise_has_a_number_of_its_own() -> None:
    """Of the 27 · 27 pairs of images, those with equal noise share a number, and no others do."""
    small = images(3)
    x, x_adv = (rows.ravel() for rows in np.indices((27, 27)))
    noise = pd.DataFrame(small.pixels[x_adv] - small.pixels[x])
    numbered = noise.assign(number=small.noise(x, x_adv)).drop_duplicates()
    assert len(numbered) == len(noise.drop_duplicates()) == numbered["number"].nunique() == 5**3


@pytest.mark.parametrize("radius", [0, 1, 2])
def test_worst_is_the_worst_of_the_ball(data, logits, radius: int) -> None:
    found = worst(data, logits, radius)
    for x, x_adv in zip(found.x, found.x_adv, strict=True):
        losses = {}
        for row, pixels in enumerate(data.pixels):
            if max(abs(pixels - data.pixels[x])) <= radius:
                chances = np.exp(logits[row]) / np.exp(logits[row]).sum()
                losses[row] = -np.log(chances[data.labels[x]])
        assert losses[x_adv] == pytest.approx(max(losses.values()))


def test_pgd_reaches_the_corner_on_a_linear_net(data) -> None:
    """Class 0 grows with the first two pixels, the others fall: the optimum is a corner."""
    net = Net(5, 1)
    net.layers = nn.Sequential(nn.Linear(3, 3, bias=False))
    net.layers[0].weight.data = torch.tensor([[1.0, 1, 0], [-1, -1, 0], [-1, -1, 0]])
    found = climb(data, net, natural(data), radius=2, steps=4)
    direction = np.where(data.labels == 0, -1, 1)[:, None] * [1, 1, 0]
    corner = (data.pixels + 2 * direction).clip(0, 4)
    np.testing.assert_array_equal(data.pixels[found.x_adv], corner)


def test_pgd_follows_the_gradient_where_it_is(data) -> None:
    net, radius = train(data, 0, 50, 8, 0.05, seed=0), 2
    start = uniform(data, radius)
    x, at = (torch.tensor(data.pixels[rows]).float() for rows in (start.x, start.x_adv))
    for _ in range(3):
        at.requires_grad_()
        loss = nn.functional.cross_entropy(net(at), torch.tensor(data.labels[start.x]))
        (gradient,) = torch.autograd.grad(loss, at)
        at = (at.detach() + gradient.sign()).clamp(x - radius, x + radius).clamp(0, 4)
    found = data.pixels[climb(data, net, start, radius, steps=3).x_adv]
    same = (found == at.numpy()).all(1)
    assert same.mean() > 0.999  # a sign may turn where a gradient is nil but for rounding


@pytest.mark.parametrize("radius", [0, 1, 2])
def test_every_attack_keeps_the_ball_and_the_natural_distribution(data, radius: int) -> None:
    net = train(data, 0, 5, 4, 0.1, seed=0)
    start = uniform(data, radius)
    pgd = climb(data, net, start, radius, 2 * radius)
    for found in (start, pgd, worst(data, logits_of(data, net), radius)):
        assert data.distance[found.x, found.x_adv].max() <= radius
        np.testing.assert_allclose(np.bincount(found.x, found.p), data.p, atol=1e-15)


def test_random_noise_is_uniform_on_the_images_of_the_ball(data) -> None:
    found = uniform(data, 1)
    corner = found.x == 0
    assert corner.sum() == 8
    np.testing.assert_allclose(found.p[corner], data.p[0] / 8)


def test_outputs_are_distributions_of_what_they_say(logits) -> None:
    for of_logits in (predicted, quantised, sampled):
        values, chances = of_logits(logits)
        assert values.shape == chances.shape
        np.testing.assert_allclose(chances.sum(1), 1)
    np.testing.assert_array_equal(predicted(logits)[0][:, 0], logits.argmax(1))
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(sampled(logits)[1], expected)
    bins = quantised(np.array([[0.1, 0, 0], [0.9, 0, 0], [1.1, 0, 0], [-0.1, 0, 0]]))[0]
    assert bins[0] == bins[1]
    assert len(set(bins.ravel())) == 3


def test_adversarial_training_makes_robust_and_costs_accuracy(data) -> None:
    def accuracies(radius: int) -> tuple[float, float]:
        logits = logits_of(data, train(data, radius, 200, 8, 0.05, seed=0))
        right = logits.argmax(1)[:, None] == data.labels
        attacked = worst(data, logits, 1).x_adv
        return data.p @ right.diagonal(), data.p @ right[attacked, np.arange(len(attacked))]

    before = torch.get_rng_state()
    (clean, broken), (cost, robust) = accuracies(0), accuracies(1)
    assert torch.equal(before, torch.get_rng_state())
    assert clean > cost
    assert robust > broken + 0.2


def test_the_joint_distribution_is_that_of_a_loop_over_everything(logits) -> None:
    """I(N;Z) of a sampled output under random noise, by definition, from plain dictionaries."""
    data = images(3)
    logits = logits[: len(data.p)]
    joint: dict[tuple, float] = {}
    for x, at in enumerate(data.pixels):
        ball = [r for r, other in enumerate(data.pixels) if max(abs(other - at)) <= 1]
        for row, z in product(ball, range(3)):
            chance = np.exp(logits[row, z]) / np.exp(logits[row]).sum()
            cell = (*(data.pixels[row] - at).tolist(), z)
            joint[cell] = joint.get(cell, 0) + data.p[x] / len(ball) * chance
    of_n, of_z = {}, {}
    for (*n, z), p in joint.items():
        of_n[tuple(n)] = of_n.get(tuple(n), 0) + p
        of_z[z] = of_z.get(z, 0) + p
    expected = sum(p * np.log(p / of_n[tuple(n)] / of_z[z]) for (*n, z), p in joint.items())
    found = measured(data, uniform(data, 1), logits, "sampled class")
    assert found["adversarial"] == pytest.approx(expected, abs=1e-12)


def test_eq2_holds_in_every_row(rows) -> None:
    assert len(rows) == 2 * 2 * 4 * 3
    right = rows["natural"] + rows["adversarial"] - rows["interaction"]
    right += rows["given_parts"] - rows["given_whole"]
    np.testing.assert_allclose(rows["whole"], right, atol=1e-12)


def test_the_conditional_terms_cancel_for_every_classifier(rows) -> None:
    np.testing.assert_allclose(rows["given_parts"], rows["given_whole"], atol=1e-12)
    drawn = rows["output"] == "sampled class"
    assert (rows[drawn]["given_whole"] > 0.01).all()
    np.testing.assert_allclose(rows[~drawn]["given_whole"], 0, atol=1e-12)


def test_eq3_is_wrong_by_the_adversarial_information_under_deterministic_attacks(rows) -> None:
    chosen = rows[rows["attack"].isin(DETERMINISTIC) & (rows["radius"] > 0)]
    np.testing.assert_allclose(chosen["interaction"], chosen["adversarial"], atol=1e-12)
    np.testing.assert_allclose(chosen["whole"], chosen["natural"], atol=1e-12)
    assert (chosen["interaction"] > 0.01).all()


def test_eq3_holds_without_noise_and_misses_information_under_random_noise(rows) -> None:
    still = rows[rows["radius"] == 0]
    np.testing.assert_allclose(still["interaction"], 0, atol=1e-12)
    assert (rows[(rows["attack"] == "random") & (rows["radius"] > 0)]["interaction"] < 0).all()


def test_the_bounds_hold_where_the_truth_is_known(rows) -> None:
    assert (rows["interaction_low"] <= rows["interaction"] + 1e-12).all()
    assert (rows["interaction"] <= rows["interaction_high"] + 1e-12).all()
    tight = rows["attack"].isin(DETERMINISTIC) & (rows["output"] == "predicted class")
    assert (rows[tight]["interaction_low"] > -1e-12).all()
    assert (rows["interaction_low"] < -0.01).any()


def test_the_seed_decides_the_rows(rows) -> None:
    pd.testing.assert_frame_equal(SMALL(0), rows)
    assert not SMALL(1)["whole"].equals(rows["whole"])

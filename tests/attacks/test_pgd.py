"""PGD: its path, its stopping, its strength, its independence of the batch."""

import pytest
import torch
from linear import Linear, samples
from torch.nn import functional as F

from workbench.attacks import NEVER, PGD
from workbench.models import ARCHITECTURES
from workbench.models.counted import Counted
from workbench.seeds import Noise, forked
from workbench.threat import NORMS, ThreatModel


def plain_pgd(model, x, y, threat, noise, steps, step) -> torch.Tensor:
    """PGD as a textbook writes it: every step for every sample."""
    at = threat.random_start(x, noise, "pgd", 0)
    for _ in range(steps):
        at = at.detach().requires_grad_()
        F.cross_entropy(model(at), y, reduction="sum").backward()
        move = threat.ascent(at.grad) * step * threat.epsilon
        at = threat.project(at.detach() + move, x)
    return at.detach()


def net_and_samples(n: int = 40):
    with forked(3):
        net = ARCHITECTURES["small-cnn"]().eval()
        x = torch.rand(n, 1, 28, 28)
    return net, x, net(x).argmax(1)


@pytest.mark.parametrize("norm", NORMS)
def test_without_stopping_it_is_textbook_pgd(norm) -> None:
    model = Linear()
    x, y = samples(model)
    threat, noise = ThreatModel(norm, "0.02"), Noise(0, tuple(range(len(x))))
    attempt = PGD(steps=5, stop_at_success=False)(model, x, y, threat, noise)
    plain = plain_pgd(model, x, y, threat, noise, 5, 0.25)
    assert torch.equal(attempt.x_adv, plain)  # a linear loss: once fallen, a sample stays fallen


def test_stopping_changes_no_verdict_and_saves_passes() -> None:
    net, x, y = net_and_samples()
    threat, noise = ThreatModel("Linf", "0.02"), Noise(0, tuple(range(len(x))))
    verdicts, passes = [], []
    for stop in (True, False):
        counted = Counted(net)
        attempt = PGD(steps=10, stop_at_success=stop)(counted, x, y, threat, noise)
        verdicts.append(net(attempt.x_adv).argmax(1) == y)
        passes.append(counted.forward_passes)
        fallen = attempt.first_success != NEVER
        assert torch.equal(fallen, ~verdicts[-1])
    assert torch.equal(*verdicts)
    assert 0 < verdicts[0].sum() < len(x)
    assert passes[0] < passes[1] == 11 * len(x)


def test_first_success_is_the_first_misclassified_point_of_the_path() -> None:
    net, x, y = net_and_samples()
    threat, noise = ThreatModel("Linf", "0.02"), Noise(0, tuple(range(len(x))))
    first = PGD(steps=6)(net, x, y, threat, noise).first_success
    for step in range(7):
        at = plain_pgd(net, x, y, threat, noise, step, 0.25)
        reached = net(at).argmax(1) != y
        assert (reached[first == step]).all()
        assert not reached[(first > step) | (first == NEVER)].any()


def test_a_sample_does_not_depend_on_its_batch() -> None:
    net, x, y = net_and_samples()
    threat = ThreatModel("Linf", "0.02")
    whole = PGD(steps=10)(net, x, y, threat, Noise(5, tuple(range(len(x)))))
    part = PGD(steps=10)(net, x[7:12], y[7:12], threat, Noise(5, tuple(range(7, 12))))
    assert torch.equal(part.first_success, whole.first_success[7:12])
    assert torch.allclose(part.x_adv, whole.x_adv[7:12], atol=1e-5)


def test_restarts_attack_only_what_still_stands() -> None:
    net, x, y = net_and_samples()
    threat, noise = ThreatModel("Linf", "0.015"), Noise(0, tuple(range(len(x))))
    one = PGD(steps=3)(net, x, y, threat, noise)
    counted = Counted(net)
    many = PGD(steps=3, restarts=4)(counted, x, y, threat, noise)
    fell = one.first_success != NEVER
    assert torch.equal(many.first_success[fell], one.first_success[fell])
    assert torch.equal(many.x_adv[fell], one.x_adv[fell])
    assert counted.forward_passes <= 4 * (len(x) + 4 * int((~fell).sum()))
    assert (many.first_success[~fell] != 0).all()
    assert threat.contains(many.x_adv, x).all()


@pytest.mark.parametrize("stop", [True, False])
def test_passes_and_losses_are_those_of_its_looks(stop) -> None:
    net, x, y = net_and_samples()
    threat, noise = ThreatModel("Linf", "0.02"), Noise(0, tuple(range(len(x))))
    counted = Counted(net)
    attempt = PGD(steps=6, stop_at_success=stop)(counted, x, y, threat, noise)
    fell = attempt.first_success != NEVER
    assert 0 < fell.sum() < len(x)
    assert attempt.forwards.sum() == counted.forward_passes
    assert attempt.backwards.sum() == counted.backward_passes
    looks = torch.where(fell & stop, attempt.first_success + 1, 7)
    assert torch.equal(attempt.forwards, looks)
    assert torch.equal((~attempt.losses.isnan()).sum(1), looks)
    for step in range(7):
        at = plain_pgd(net, x, y, threat, noise, step, 0.25)
        plain = F.cross_entropy(net(at), y, reduction="none")
        there = looks > step
        assert torch.allclose(attempt.losses[there, step], plain[there], atol=1e-4)


def test_later_restarts_report_to_later_columns() -> None:
    model = Linear()
    x, y = samples(model)
    threat, noise = ThreatModel("Linf", "0.05"), Noise(0, tuple(range(len(x))))
    attempt = PGD(steps=1, step=0.5, restarts=8)(model, x, y, threat, noise)
    fell = attempt.first_success != NEVER
    last = torch.arange(16).where(~attempt.losses.isnan(), -1).amax(1)
    assert attempt.losses.shape == (len(x), 16)
    assert torch.equal(last[fell], attempt.first_success[fell])
    assert (attempt.first_success[fell] > 1).any()
    assert (last[~fell] == 15).all()

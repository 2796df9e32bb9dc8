"""Wasserstein attacks: strength against the exact optimum on a linear model, and their bounds."""

import math

import numpy as np
import pytest
import torch
from linear import Linear, samples
from scipy.optimize import linprog
from torch import nn
from torch.nn import functional as F

from workbench.attacks import NEVER, Attempt, attack
from workbench.attacks.fwa import FrankWolfeWasserstein, ProjectedWasserstein, _look
from workbench.attacks.walk import Walk
from workbench.errors import InputError
from workbench.models.counted import Counted
from workbench.seeds import Noise
from workbench.threat import ThreatModel

BOTH = [FrankWolfeWasserstein(), ProjectedWasserstein()]
IDS = ["frank-wolfe", "projected"]


class Dark(Linear):
    """The linear model for images darker by 0.3, of which the budget is a smaller part."""

    def score(self, x: torch.Tensor) -> torch.Tensor:
        return super().score(x + 0.3)


def dark_samples(n: int) -> tuple[Dark, torch.Tensor, torch.Tensor]:
    x, y = samples(Linear(), n)
    return Dark(), x - 0.3, y


def moves(size: int = 6, window: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What pixels send and get by each move, (pixels, moves) twice, and the moves' lengths."""
    sends, gets, lengths = [], [], []
    for i, j, p, q in np.ndindex(size, size, size, size):
        if 0 < max(abs(p - i), abs(q - j)) <= window // 2:
            sends.append(np.eye(size**2)[i * size + j])
            gets.append(np.eye(size**2)[p * size + q])
            lengths.append(math.dist((i, j), (p, q)))
    return np.array(sends).T, np.array(gets).T, np.array(lengths)


def lowest_margin(model: Linear, x: torch.Tensor, y: int, epsilon: float) -> float:
    """The lowest score of the label over transports inside the Linf ball: a linear program.

    x: (1, 6, 6), far from the faces of the box. Each pixel sends away at most ε.
    """
    sends, gets, lengths = moves()
    sign = 1 if y == 0 else -1
    change = gets - sends
    found = linprog(
        sign * model.weight.detach().double().numpy() @ change,
        A_ub=np.vstack([lengths, change, -change, sends]),
        b_ub=[epsilon * x.double().sum().item(), *[epsilon] * (3 * 36)],
    )
    assert found.success
    return sign * model.score(x[None]).item() + found.fun


def lowest_cost(x: torch.Tensor, x_adv: torch.Tensor) -> float:
    """The least that a transport costs after which x (1, 6, 6) is nowhere darker than x_adv."""
    sends, gets, lengths = moves()
    change = (x_adv - x).flatten().double().numpy()
    found = linprog(lengths, A_ub=sends - gets, b_ub=-change)
    assert found.success
    return found.fun


@pytest.mark.parametrize("made", BOTH, ids=IDS)
def test_on_a_linear_model_it_finds_what_a_linear_program_finds(made) -> None:
    model, x, y = dark_samples(24)
    epsilon = 2 * model.smallest(x, "Linf").median().item()
    threat = ThreatModel("Linf", repr(epsilon))
    attempt = made(model, x, y, threat, Noise(0, tuple(range(len(x)))))
    falls = torch.tensor(
        [lowest_margin(model, x[i], int(y[i]), epsilon / 1.03) < 0 for i in range(len(x))]
    )
    assert 5 < falls.sum() < len(x)
    assert (attempt.first_success[falls] != NEVER).all()
    beyond = model.smallest(x, "Linf") > epsilon
    assert beyond.any()
    assert (attempt.first_success[beyond] == NEVER).all()
    assert threat.contains(attempt.x_adv, x).all()


@pytest.mark.parametrize("made", BOTH, ids=IDS)
def test_its_images_are_within_the_budget(made) -> None:
    """What is cut off by the ball only ever takes mass away, which costs nothing here."""
    model, x, y = dark_samples(8)
    attempt = made(model, x, y, ThreatModel("Linf", "0.01"), Noise(0, tuple(range(8))))
    for one, found in zip(x, attempt.x_adv, strict=True):
        assert lowest_cost(one, found) <= 0.01 * one.sum().item() * 1.001
    stands = attempt.first_success == NEVER
    assert stands.any()
    costs = [lowest_cost(x[i], attempt.x_adv[i]) for i in stands.nonzero().flatten()]
    assert max(costs) > 0.9 * 0.01 * x[stands].flatten(1).sum(1).min().item()


def test_the_gradient_is_that_of_the_cut_image() -> None:
    model = Linear()
    x, y = samples(model, 4)
    threat = ThreatModel("Linf", "0.05")
    delta = 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    found = _look(Walk(model, x, y, 1, stop=True), delta, threat)
    delta.requires_grad_()
    F.cross_entropy(model(threat.project(x + delta, x)), y, reduction="sum").backward()
    largest = delta.grad.abs().amax((1, 2, 3), keepdim=True)
    assert torch.allclose(found, delta.grad / largest, atol=1e-5)
    assert 0 < (found == 0).sum() < found.numel()


def net(channels: int, size: tuple[int, int], classes: int) -> nn.Module:
    """A small random net, smooth enough to be attacked."""
    generator = torch.Generator().manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1), nn.Tanh(), nn.Flatten(),
        nn.Linear(8 * size[0] * size[1], classes),
    )  # fmt: skip
    for parameter in layers.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return layers.eval()


def attacked(made, shape=(2, 3, 7, 5), classes=5, eps="0.05") -> tuple[Attempt, torch.Tensor]:
    """An attack on random images with some black ones among them, and the images."""
    x = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    x[1::4] = 0
    model = net(shape[1], shape[2:], classes)
    y = model(x).argmax(1)
    noise = Noise(0, tuple(range(len(x))))
    return made(Counted(model), x, y, ThreatModel("Linf", eps), noise), x


@pytest.mark.parametrize("made", BOTH, ids=IDS)
@pytest.mark.parametrize("classes", [2, 3, 1000])
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (2, 3, 7, 5), (3, 2, 1, 4)])
def test_any_shape_and_number_of_classes(made, shape, classes) -> None:
    attempt, x = attacked(made, shape, classes)
    assert ThreatModel("Linf", "0.05").contains(attempt.x_adv, x).all()
    assert torch.isfinite(attempt.losses[:, 0]).all()


@pytest.mark.parametrize("made", BOTH, ids=IDS)
def test_a_black_image_has_nothing_to_move(made) -> None:
    attempt, x = attacked(made)
    assert torch.equal(attempt.x_adv[1], x[1])
    assert not torch.equal(attempt.x_adv[0], x[0])


@pytest.mark.parametrize("made", BOTH, ids=IDS)
def test_a_sample_does_not_depend_on_its_batch(made) -> None:
    x = torch.rand((8, 1, 8, 8), generator=torch.Generator().manual_seed(1))
    model = net(1, (8, 8), 4)
    y, threat = model(x).argmax(1), ThreatModel("Linf", "0.03")
    whole = made(model, x, y, threat, Noise(0, tuple(range(8))))
    part = made(model, x[3:5], y[3:5], threat, Noise(0, (3, 4)))
    assert torch.equal(part.first_success, whole.first_success[3:5])
    assert torch.allclose(part.x_adv, whole.x_adv[3:5], atol=1e-4)


@pytest.mark.parametrize("made", BOTH, ids=IDS)
def test_passes_and_losses_are_those_of_its_looks(made) -> None:
    x = torch.rand((12, 1, 8, 8), generator=torch.Generator().manual_seed(1))
    model = net(1, (8, 8), 4)
    y, threat = model(x).argmax(1), ThreatModel("Linf", "0.03")
    counted = Counted(model)
    attempt = made(counted, x, y, threat, Noise(0, tuple(range(12))))
    fell = attempt.first_success != NEVER
    assert 0 < fell.sum() < len(x)
    assert attempt.forwards.sum() == counted.forward_passes
    assert attempt.backwards.sum() == counted.backward_passes
    looks = torch.where(fell, attempt.first_success + 1, made.steps + 1)
    assert torch.equal((~attempt.losses.isnan()).sum(1), looks)
    assert (attempt.losses[~fell, -1] > attempt.losses[~fell, 0]).all()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fwa-40:steps=0", "steps ≥ 1"),
        ("fwa-40:window=4", "odd window"),
        ("fwa-40:entropy=0", "entropy > 0"),
        ("pgd-wasserstein-40:step=nan", "finite step"),
        ("pgd-wasserstein-40:window=1", "odd window"),
    ],
)
def test_impossible_settings_are_refused(name, hint) -> None:
    with pytest.raises(InputError, match=hint):
        attack(name)

"""Training: losses by hand, the training attack's budget, and a resume that changes nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench.data import Dataset
from workbench.defenses import DEFENSES
from workbench.defenses.training import Recipe, decay, perturb, train
from workbench.errors import InputError
from workbench.seeds import Noise

CLASSES = tuple("abcdefghij")


def data(n: int = 96) -> Dataset:
    """Images whose class is the brightest of ten rows."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, n)
    images = rng.integers(0, 100, (n, 1, 28, 28), dtype=np.uint8)
    images[np.arange(n), 0, 2 * labels + 3] = 255
    return Dataset("rows", "train", images, labels.astype(np.int64), CLASSES)


class Fixed(nn.Module):
    """A net with known logits: the mean pixel, and its negative."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.flatten(1).mean(1)
        return torch.stack([mean, -mean], 1)


def cross_entropy_by_hand(mean: float, label: int) -> float:
    sign = 1 if label == 0 else -1
    return float(np.log1p(np.exp(-2 * sign * mean)))


def test_natural_is_the_cross_entropy_on_x_and_crafts_nothing() -> None:
    x = torch.stack([torch.full((1, 2, 2), 0.25), torch.full((1, 2, 2), 0.75)])
    y = torch.tensor([0, 1])

    def never() -> torch.Tensor:
        raise AssertionError("natural training crafted adversarial samples")

    expected = np.mean([cross_entropy_by_hand(0.25, 0), cross_entropy_by_hand(0.75, 1)])
    assert DEFENSES["natural"](Fixed(), x, y, never).item() == pytest.approx(expected)


def test_standard_at_is_the_cross_entropy_on_the_adversarial_samples() -> None:
    x, y = torch.full((1, 1, 2, 2), 0.5), torch.tensor([0])
    moved = torch.full((1, 1, 2, 2), 0.3)
    loss = DEFENSES["standard-at"](Fixed(), x, y, lambda: moved)
    assert loss.item() == pytest.approx(cross_entropy_by_hand(0.3, 0))


@pytest.mark.parametrize(("norm", "eps"), [("Linf", "0.1"), ("L2", "1/2")])
def test_the_training_attack_stays_in_its_budget_and_raises_the_loss(norm, eps) -> None:
    recipe = Recipe("standard-at", "rows", "small-cnn", norm, eps)
    x = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    y = torch.zeros(6, dtype=torch.int64)
    net = Fixed().train()
    x_adv = perturb(recipe, net, x, y, Noise(0, tuple(range(6))))
    assert recipe.threat.contains(x_adv, x).all()
    assert (net(x_adv)[:, 0] < net(x)[:, 0]).all()
    assert net.training


def test_the_rate_falls_as_in_the_paper() -> None:
    rates = [decay(epoch / 100) for epoch in (0, 74, 75, 89, 90, 99)]
    assert rates == [1, 1, 0.1, 0.1, 0.01, 0.01]


class Stop(Exception):
    pass


@pytest.mark.parametrize("defense", DEFENSES)
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, defense) -> None:
    recipe = Recipe(defense, "rows", "small-cnn", epochs=3, batch=40, attack_steps=2)
    samples = data()
    whole = train(recipe, samples, tmp_path / "whole")

    def stop(done: int, total: int, doing: str) -> None:
        assert total == 9
        if done == 5:
            raise Stop

    with pytest.raises(Stop):
        train(recipe, samples, tmp_path / "stopped", progress=stop)
    resumed = train(recipe, samples, tmp_path / "stopped")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_training_learns(tmp_path) -> None:
    recipe = Recipe("natural", "rows", "small-cnn", epochs=12, batch=16)
    samples = data()
    net = train(recipe, samples, tmp_path / "state")
    x, y = samples.batch(0, len(samples))
    assert (net(x).argmax(1) == y).float().mean() > 0.9


def test_the_seed_decides_the_weights(tmp_path) -> None:
    nets = [
        train(Recipe("natural", "rows", "small-cnn", epochs=1, seed=seed), data(), tmp_path / name)
        for seed, name in ((0, "a"), (0, "b"), (1, "c"))
    ]
    first, again, other = (net.state_dict()["0.weight"] for net in nets)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path) -> None:
    train(Recipe("natural", "rows", "small-cnn", epochs=1), data(), tmp_path / "state")
    with pytest.raises(InputError, match="another recipe"):
        train(Recipe("natural", "rows", "small-cnn", epochs=2), data(), tmp_path / "state")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04"])
def test_a_broken_checkpoint_is_refused(tmp_path, content) -> None:
    (tmp_path / "state").write_bytes(content)
    with pytest.raises(InputError, match="state"):
        train(Recipe("natural", "rows", "small-cnn", epochs=1), data(), tmp_path / "state")


def test_a_checkpoint_of_other_data_is_refused(tmp_path) -> None:
    recipe = Recipe("natural", "rows", "small-cnn", epochs=1)
    train(recipe, data(96), tmp_path / "state")
    with pytest.raises(InputError, match="other data"):
        train(recipe, data(95), tmp_path / "state")


def test_a_full_disk_is_one_line_and_the_last_checkpoint_stays(tmp_path, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.defenses.training.os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        train(Recipe("natural", "rows", "small-cnn", epochs=1), data(), tmp_path / "state")
    assert not list(tmp_path.iterdir())


def test_a_diverging_loss_is_one_line(tmp_path) -> None:
    with pytest.raises(InputError, match="lower lr"):
        train(
            Recipe("natural", "rows", "small-cnn", epochs=9, batch=8, lr=1e6),
            data(),
            tmp_path / "state",
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"defense": "magic"},
        {"epochs": 0},
        {"lr": -1.0},
        {"weight_decay": -1.0},
        {"eps": "8"},
        {"norm": "L7"},
    ],
)
def test_a_wrong_recipe_is_refused(wrong) -> None:
    with pytest.raises(InputError):
        Recipe(**{"defense": "natural", "data": "rows", "arch": "small-cnn", **wrong})

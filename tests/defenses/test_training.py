"""Training: the training attack's budget, schedules, and a resume that changes nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from workbench import seeds
from workbench.data import Dataset
from workbench.defenses import DEFENSES
from workbench.defenses.recipe import SCHEDULES, Recipe
from workbench.defenses.training import perturb, train
from workbench.errors import InputError
from workbench.information import Reference, image_critic
from workbench.models import Classifier, build
from workbench.seeds import Stream

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


@pytest.mark.parametrize(("norm", "eps"), [("Linf", "0.1"), ("L2", "1/2")])
def test_the_training_attack_stays_in_its_budget_and_raises_the_loss(norm, eps) -> None:
    recipe = Recipe("standard-at", "rows", "small-cnn", norm, eps)
    x = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    net = Fixed().eval()
    x_adv = perturb(recipe, net, x, lambda logits: -logits[:, 0].sum(), Stream(0))
    assert recipe.threat.contains(x_adv, x).all()
    assert (net(x_adv)[:, 0] < net(x)[:, 0]).all()


def test_the_training_attack_leaves_the_weights_without_gradient_and_trainable() -> None:
    recipe = Recipe("standard-at", "rows", "small-cnn")
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    x = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    perturb(recipe, net, x, lambda logits: logits[:, 0].sum(), Stream(0))
    assert all(w.requires_grad and w.grad is None for w in net.parameters())


def test_the_twin_that_is_attacked_follows_the_weights(tmp_path) -> None:
    """Training with the quick twin equals a plain loop, step by step, up to rounding."""
    recipe = Recipe("standard-at", "rows", "small-cnn", epochs=2, batch=48, attack_steps=3)
    samples = data()
    ours = train(recipe, samples, tmp_path / "ours").net
    with seeds.forked(seeds.derive(0, "weights")):
        net = build("small-cnn", samples.shape, 10)
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=2e-4)
    for step in range(4):
        order = torch.randperm(96, generator=seeds.generator(0, "order", step // 2))
        x, y = samples.rows(order[48 * (step % 2) :][:48].numpy(), "cpu")
        optimizer.param_groups[0]["lr"] = recipe.rate(step / 4)
        start = seeds.generator(seeds.derive(0, "step", step), "start")
        delta = (torch.rand(x.shape, generator=start) * 2 - 1) * 0.1
        x_adv = (x + delta).clamp(0, 1)
        for _ in range(3):
            x_adv.requires_grad_()
            loss = nn.functional.cross_entropy(net(x_adv), y)
            (gradient,) = torch.autograd.grad(loss, x_adv)
            moved = x_adv.detach() + 0.025 * gradient.sign()
            x_adv = torch.minimum(torch.maximum(moved, x - 0.1), x + 0.1).clamp(0, 1)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x_adv), y).backward()
        optimizer.step()
    for name, tensor in net.state_dict().items():
        assert torch.allclose(ours.state_dict()[name], tensor, atol=1e-3), name


def test_the_rate_falls_as_in_the_paper() -> None:
    recipe = Recipe("natural", "rows", "small-cnn", lr=0.1)
    rates = [recipe.rate(epoch / 100) for epoch in (0, 74, 75, 89, 90, 99)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


@given(st.floats(0, 1, exclude_max=True), st.sampled_from(sorted(SCHEDULES)))
def test_a_schedule_stays_between_0_and_1(done, name) -> None:
    assert 0 <= SCHEDULES[name](done) <= 1


class Stop(Exception):
    pass


def critics(samples: Dataset) -> dict[str, Reference]:
    """Critics as they start, for images of the samples and for small noise."""
    x, _ = samples.batch(0, len(samples))
    found = {}
    for seed, (name, patterns) in enumerate((("natural", x), ("adversarial", 0.1 * x))):
        critic = image_critic(1, 10, 8, seed=seed)
        critic.calibrate(patterns, torch.randn(96, 10, generator=torch.Generator().manual_seed(1)))
        found[name] = Reference.of(critic, patterns)
    return found


VARIANTS = [
    *({"defense": name} for name in DEFENSES),
    {"defense": "namid:refresh=true,warmup=0.5"},
    {"defense": "standard-at", "optimizer": "adam", "lr": 1e-3, "schedule": "one-cycle"},
    {"defense": "trades", "augment": "crop-flip", "norm": "L2", "eps": "1"},
    {"defense": "namid", "precision": "bfloat16"},
    {"defense": "namid:refresh=true,selection=all", "precision": "bfloat16"},
    {"defense": "standard-at", "keep": (1, 2)},
    {"defense": "standard-at", "arch": f"{Path(__file__).with_name('own_nets.py')}:dropping"},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=lambda s: " ".join(map(str, s.values())))
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, settings) -> None:
    common = {"epochs": 3, "batch": 40, "attack_steps": 2, "base": "given"}
    recipe = Recipe(**{"data": "rows", "arch": "small-cnn", **common, **settings})
    samples = data()
    given_ = critics(samples)
    whole = train(recipe, samples, tmp_path / "whole", critics=given_)

    def stop(done: int, total: int, doing: str) -> None:
        assert total == 9
        if done == 5:
            raise Stop

    with pytest.raises(Stop):
        train(recipe, samples, tmp_path / "stopped", progress=stop, critics=given_)
    torch.random.manual_seed(7)  # another process has other global numbers
    resumed = train(recipe, samples, tmp_path / "stopped", critics=given_)
    for name, tensor in whole.net.state_dict().items():
        assert torch.equal(tensor, resumed.net.state_dict()[name]), name
    assert whole.history == resumed.history
    assert [line["epoch"] for line in whole.history] == [1, 2, 3]
    assert whole.kept.keys() == resumed.kept.keys() == set(recipe.keep)
    for epoch, weights in whole.kept.items():
        for name, tensor in weights.items():
            assert torch.equal(tensor, resumed.kept[epoch][name]), (epoch, name)


def test_kept_epochs_are_shorter_trainings_and_change_nothing(tmp_path) -> None:
    common = {"epochs": 3, "batch": 40, "attack_steps": 2, "schedule": "constant"}
    recipe = Recipe("standard-at", "rows", "small-cnn", **common)
    found = train(replace(recipe, keep=(2, 1)), data(), tmp_path / "kept")
    states = {**found.kept, 3: found.net.state_dict()}
    assert list(states) == [1, 2, 3]
    for epochs, state in states.items():
        shorter = train(replace(recipe, epochs=epochs), data(), tmp_path / str(epochs))
        for name, tensor in shorter.net.state_dict().items():
            assert torch.equal(tensor, state[name]), (epochs, name)


def test_training_leaves_the_critics_it_is_given(tmp_path) -> None:
    samples = data()
    given_ = critics(samples)
    before = [w.clone() for used in given_.values() for w in used.critic.parameters()]
    recipe = Recipe("namid:refresh=true", "rows", "small-cnn", epochs=1, base="given")
    train(recipe, samples, tmp_path / "state", critics=given_)
    after = [w for used in given_.values() for w in used.critic.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_defense_without_its_critics_is_refused(tmp_path) -> None:
    recipe = Recipe("namid", "rows", "small-cnn", base="given")
    with pytest.raises(InputError, match="fitted critics: adversarial, natural"):
        train(recipe, data(), tmp_path / "state")


def test_a_training_may_start_from_its_base(tmp_path) -> None:
    samples = data()
    net = train(Recipe("natural", "rows", "small-cnn", epochs=1), samples, tmp_path / "a").net
    recipe = Recipe("natural", "rows", "small-cnn", epochs=1, lr=1e-12, base="given", start="base")
    found = train(recipe, samples, tmp_path / "b", base=Classifier(net, "net")).net
    for name, tensor in net.state_dict().items():
        assert torch.allclose(found.state_dict()[name], tensor, atol=1e-6), name


def test_a_base_of_another_net_or_none_is_one_line(tmp_path) -> None:
    recipe = Recipe("natural", "rows", "small-cnn", epochs=1, base="given", start="base")
    other = Classifier(build("medium-cnn", (1, 28, 28), 10), "other.pt")
    with pytest.raises(InputError, match=r"other\.pt does not have the weights of small-cnn"):
        train(recipe, data(), tmp_path / "a", base=other)
    with pytest.raises(InputError, match="needs that model"):
        train(recipe, data(), tmp_path / "b")


def test_a_last_batch_of_one_sample_is_refused(tmp_path) -> None:
    recipe = Recipe("natural", "rows", "small-cnn", epochs=1, batch=19)
    with pytest.raises(InputError, match="use batch 20"):
        train(recipe, data(96), tmp_path / "a")
    train(replace(recipe, batch=20), data(96), tmp_path / "b")


@pytest.mark.parametrize("name", ["trades", "mart"])
def test_losses_of_a_net_in_bfloat16_are_in_float32(name, monkeypatch, tmp_path) -> None:
    """A sure net, of whose others' probabilities bfloat16 would make 1, and of log(1 − p) −∞."""

    class Sure(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Linear(784, 10)
            nn.init.constant_(self.out.weight, 0)
            self.out.bias = nn.Parameter(torch.tensor([30.0] + 9 * [0.0]))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.out(x.flatten(1))

    monkeypatch.setattr("workbench.defenses.training.build", lambda *_: Sure())
    losses = {}
    for precision in ("float32", "bfloat16"):
        recipe = Recipe(name, "rows", "small-cnn", epochs=1, batch=96, precision=precision)
        losses[precision] = train(recipe, data(), tmp_path / precision).history[0]["loss"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=1e-3)


def test_training_learns(tmp_path) -> None:
    recipe = Recipe("natural", "rows", "small-cnn", epochs=12, batch=16)
    samples = data()
    net = train(recipe, samples, tmp_path / "state").net
    x, y = samples.batch(0, len(samples))
    assert (net(x).argmax(1) == y).float().mean() > 0.9


def test_the_seed_decides_the_weights(tmp_path) -> None:
    nets = [
        train(
            Recipe("natural", "rows", "small-cnn", epochs=1, seed=seed), data(), tmp_path / name
        ).net
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

    monkeypatch.setattr("workbench.files.os.fsync", full)
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
        {"defense": "namid"},
        {"optimizer": "lion"},
        {"schedule": "none"},
        {"augment": "cutout"},
        {"precision": "int8"},
        {"start": "base"},
        {"epochs": 0},
        {"epochs": 2.5},
        {"batch": 12.5},
        {"attack_steps": 2.5},
        {"units": 8.5},
        {"fit_steps": "many"},
        {"seed": -1},
        {"seed": 1.5},
        {"epochs": 3, "keep": (1.5,)},
        {"defense": "wmim:bound=tightest"},
        {"defense": "wmim:alpha=nan"},
        {"defense": "trades:beta=inf"},
        {"defense": "mart:beta=-inf"},
        {"lr": -1.0},
        {"attack_step": 0.0},
        {"estimator": "nonsense"},
        {"units": 0},
        {"fit_steps": 0},
        {"weight_decay": -1.0},
        {"eps": "8"},
        {"norm": "L7"},
        {"epochs": 3, "keep": (3,)},
        {"keep": (0,)},
    ],
)
def test_a_wrong_recipe_is_refused(wrong) -> None:
    with pytest.raises(InputError):
        Recipe(**{"defense": "natural", "data": "rows", "arch": "small-cnn", **wrong})

"""Auto-PGD walks as its authors' code does."""

import pytest
import torch
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from torch import nn

from workbench.attacks import NEVER, apgd
from workbench.attacks.losses import cross_entropy, targeted_dlr, targets
from workbench.seeds import Noise, forked
from workbench.threat import ThreatModel

CASES = [("Linf", 0.05), ("Linf", 0.15), ("L2", 0.3), ("L2", 0.8)]


def net(classes: int = 10) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A small net, images of 8×8 in two channels, and the classes that it gives them."""
    with forked(7):
        layers = (nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, classes))
        model = nn.Sequential(*layers).eval().requires_grad_(False)
        x = torch.rand(24, 2, 8, 8)
    return model, x, model(x).argmax(1)


def begin(x: torch.Tensor, threat: ThreatModel, seed: int) -> torch.Tensor:
    """The start that the authors' code draws."""
    draw = torch.rand if threat.norm == "Linf" else torch.randn
    return apgd.start(x, threat, draw(x.shape, generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize(("norm", "eps"), CASES)
def test_cross_entropy_as_the_authors(norm, eps) -> None:
    model, x, y = net()
    threat = ThreatModel(norm, repr(eps))
    theirs = APGDAttack(model, norm=norm, eps=eps, n_iter=100, seed=3, loss="ce", device="cpu")
    with forked(0):
        expected = theirs.perturb(x.clone(), y.clone())
    found = apgd.climb(model, x, y, y, threat, begin(x, threat, 3), cross_entropy, 100)
    broken = model(expected).argmax(1) != y
    assert torch.equal(found.first_success != NEVER, broken)
    assert broken.sum() > 0
    assert torch.equal(model(found.x_adv).argmax(1) != y, broken)
    assert threat.contains(found.x_adv, x).all()


@pytest.mark.parametrize(("norm", "eps"), CASES)
def test_targets_as_the_authors(norm, eps) -> None:
    model, x, y = net()
    threat = ThreatModel(norm, repr(eps))
    theirs = APGDAttack_targeted(
        model, norm=norm, eps=eps, n_iter=100, seed=3, n_target_classes=1, device="cpu"
    )
    with forked(0):
        expected = theirs.perturb(x.clone(), y.clone())
    goals = targets(model(x), y, 1)[:, 0]
    found = apgd.climb(model, x, y, goals, threat, begin(x, threat, 3), targeted_dlr, 100)
    assert torch.equal(found.first_success != NEVER, model(expected).argmax(1) != y)


@pytest.mark.parametrize(("norm", "eps"), [("Linf", 0.01), ("L2", 0.05)])
def test_the_path_of_those_that_stand_is_theirs(norm, eps) -> None:
    model, x, y = net()
    threat = ThreatModel(norm, repr(eps))
    theirs = APGDAttack(model, norm=norm, eps=eps, n_iter=100, seed=3, loss="ce", device="cpu")
    with forked(3):
        theirs.init_hyperparam(x)
        best, standing, loss, _ = theirs.attack_single_run(x, y)
    found = apgd.climb(model, x, y, y, threat, begin(x, threat, 3), cross_entropy, 100)
    standing = standing.bool()
    assert torch.equal(found.first_success == NEVER, standing)
    assert standing.sum() > 12
    assert torch.allclose(found.losses[standing].amax(1), loss[standing], rtol=1e-4)
    assert (found.x_adv - best)[standing].abs().max() < 0.05 * eps


@pytest.mark.parametrize(("norm", "eps"), CASES)
def test_every_step_keeps_the_worst_misclassified_point(norm, eps) -> None:
    model, x, y = net()
    threat = ThreatModel(norm, repr(eps))
    found, stopped = (
        apgd.climb(model, x, y, y, threat, begin(x, threat, 3), cross_entropy, 100, stop)
        for stop in (False, True)
    )
    assert torch.equal(found.first_success, stopped.first_success)
    fallen = found.first_success != NEVER
    assert fallen.sum() > 0
    assert torch.equal(model(found.x_adv).argmax(1) != y, fallen)
    assert threat.contains(found.x_adv, x).all()
    assert torch.equal(found.x_adv[~fallen], stopped.x_adv[~fallen])
    assert not found.losses.isnan().any()
    assert (found.forwards == 101).all()
    reached = cross_entropy(model(found.x_adv), y, y)
    first = cross_entropy(model(stopped.x_adv), y, y)
    assert (reached[fallen] >= first[fallen]).all()
    assert reached[fallen].mean() > first[fallen].mean()
    # nothing on the path has a higher loss, but for points that are classified right
    assert torch.allclose(reached[fallen], found.losses[fallen].amax(1), rtol=1e-4)


def test_passes_are_those_that_were_made() -> None:
    model, x, y = net()
    threat = ThreatModel("Linf", "0.05")
    calls = []

    def counting(images: torch.Tensor) -> torch.Tensor:
        calls.append(len(images))
        return model(images)

    found = apgd.climb(counting, x, y, y, threat, begin(x, threat, 0), cross_entropy, 30)
    assert found.forwards.sum() == sum(calls)
    assert (~found.losses.isnan()).sum(1).equal(found.forwards)
    assert found.forwards.max() == 31
    assert found.backwards.max() == 30


def test_checkpoints_are_those_of_the_paper() -> None:
    # Section 3.1: p0 = 0, p1 = 0.22, p(j+1) = pj + max(pj - p(j-1) - 0.03, 0.06)
    assert list(apgd.checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]


@pytest.mark.parametrize("classes", [2, 3, 4, 10, 1000])
def test_the_targeted_loss_exists_for_any_number_of_classes(classes) -> None:
    logits = torch.randn(5, classes, generator=torch.Generator().manual_seed(0))
    y = torch.arange(5) % classes
    goals = targets(logits, y, 9)
    assert goals.shape == (5, min(9, classes - 1))
    assert (goals != y[:, None]).all()
    loss = targeted_dlr(logits, y, goals[:, 0])
    scaled = targeted_dlr(10 * logits, y, goals[:, 0])
    assert torch.isfinite(loss).all()
    if classes > 2:
        assert torch.allclose(loss, scaled, rtol=1e-4)


def test_the_targeted_loss_by_hand() -> None:
    logits = torch.tensor([[5.0, 3.0, 2.0, 1.0, 0.0]])
    loss = targeted_dlr(logits, torch.tensor([0]), torch.tensor([2]))
    assert loss.item() == pytest.approx((2 - 5) / (5 - (2 + 1) / 2))


@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_starts_lie_on_the_ball_in_all_directions(norm) -> None:
    x, threat = torch.full((30, 1, 9, 9), 0.5), ThreatModel(norm, "0.4")
    begin = apgd.start(x, threat, apgd.drawn(x, threat, Noise(0, tuple(range(30))), "test"))
    assert torch.allclose(threat.length(begin - x), torch.tensor(0.4), atol=1e-5)
    assert (begin > x).float().mean().item() == pytest.approx(0.5, abs=0.04)

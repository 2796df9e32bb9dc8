"""The cascades: AutoAttack's verdicts, sample by sample, and what they say beyond them."""

import pytest
import torch
from pyautoattack import AutoAttack
from torch import nn

from workbench.attacks import NEVER, attack, cascade
from workbench.evaluation.measure import measure
from workbench.models import Classifier
from workbench.seeds import Noise, forked
from workbench.threat import ThreatModel

CASES = [("Linf", 0.01), ("Linf", 0.03), ("L2", 0.12)]
CLASSES = {"Linf": 10, "L2": 4}  # with L2 the attacks' own steps take long, for each class
IMAGES = 12
NAMES = ["cascade-exact", "cascade", "cascade-fast"]
PART = Noise(3, (4, 5, 6, 7))  # of the samples 4 to 8 alone


def small(classes: int = 10, channels: int = 1) -> tuple[Classifier, torch.Tensor, torch.Tensor]:
    """A small net, images of 8×8, and the classes that it gives them."""
    with forked(11):
        layers = (nn.Conv2d(channels, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, classes))
        net = nn.Sequential(*layers)
        x = torch.rand(IMAGES, channels, 8, 8)
    model = Classifier(net, "small")
    return model, x, model(x).argmax(1)


def noise(x: torch.Tensor) -> Noise:
    return Noise(3, tuple(range(len(x))))


def autoattack(model: Classifier, x: torch.Tensor, y: torch.Tensor, threat: ThreatModel):
    """Which samples are robust by the authors' AutoAttack `standard`, called directly."""
    adversary = AutoAttack(model, norm=threat.norm, eps=threat.epsilon, seed=3, device="cpu")
    adversary.verbose = False
    for targeted in (adversary.apgd_targeted, adversary.fab):
        targeted.n_target_classes = CLASSES[threat.norm] - 1
    with forked(0):
        x_adv, _ = adversary.run_standard_evaluation(x, y, batch_size=len(x))
    return model(x_adv).argmax(1) == y


@pytest.mark.parametrize(("norm", "eps"), CASES)
def test_exact_has_its_verdicts_complete_its_strength_and_fast_no_more(norm, eps, monkeypatch):
    model, x, y = small(CLASSES[norm])
    threat = ThreatModel(norm, repr(eps))
    expected = autoattack(model, x, y, threat)
    assert 0 < expected.sum() < IMAGES

    exact = cascade.CascadeExact()(model, x, y, threat, noise(x))
    assert torch.equal(exact.first_success == NEVER, expected)
    assert torch.equal(model(exact.x_adv).argmax(1) == y, expected)
    assert exact.certified.any()
    assert not (exact.certified & ~expected).any()

    complete = cascade.Cascade()(model, x, y, threat, noise(x)).first_success == NEVER
    fast = cascade.CascadeFast()(model, x, y, threat, noise(x)).first_success == NEVER
    assert abs(int(complete.sum()) - int(expected.sum())) <= 1
    assert fast.sum() >= complete.sum()

    if (norm, eps) == CASES[1]:
        monkeypatch.setattr("workbench.certificates.certified_margins", lambda *_: None)
        unproved = cascade.CascadeExact()(model, x, y, threat, noise(x))
        assert torch.equal(unproved.first_success == NEVER, expected)
        assert not unproved.certified.any()


def test_the_complete_verdict_does_not_depend_on_the_batch() -> None:
    model, x, y = small()
    threat = ThreatModel("Linf", "0.02")
    whole = cascade.Cascade()(model, x, y, threat, noise(x))
    part = cascade.Cascade()(model, x[4:8], y[4:8], threat, PART)
    assert torch.equal(whole.first_success[4:8] == NEVER, part.first_success == NEVER)
    assert torch.equal(whole.certified[4:8], part.certified)


def test_the_fast_verdict_is_fast_in_l2_and_does_not_depend_on_the_batch() -> None:
    model, x, y = small()
    threat, fast = ThreatModel("L2", "0.1"), cascade.CascadeFast()
    whole, part = fast(model, x, y, threat, noise(x)), fast(model, x[4:8], y[4:8], threat, PART)
    assert torch.equal(whole.first_success[4:8] == NEVER, part.first_success == NEVER)
    assert 0 < (whole.first_success == NEVER).sum() < IMAGES
    assert whole.forwards.max() < 2 * (fast.steps + fast.targets * fast.target_steps)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("classes", "channels"), [(1, 1), (2, 1), (3, 3), (5, 3), (200, 1)])
def test_any_number_of_classes_and_channels(name, classes, channels) -> None:
    model, x, y = small(classes, channels)
    rows = measure(model, x[:4], y[:4], 0, attack(name), ThreatModel("Linf", "0.02"), 0).rows
    assert rows["inside"].all()
    assert (rows["forwards"] > 0).all()
    if classes == 1:
        assert rows["robust"].all()


@pytest.mark.parametrize("name", NAMES)
def test_every_pass_is_counted_for_its_sample(name) -> None:
    model, x, y = small()
    measured = measure(model, x, y, 0, attack(name), ThreatModel("Linf", "0.03"), 0)
    assert measured.rows["forwards"].sum() == measured.forward_passes
    assert measured.rows["backwards"].sum() == measured.backward_passes


def test_what_is_proved_is_not_attacked() -> None:
    model, x, y = small()
    rows = measure(model, x, y, 0, attack("cascade"), ThreatModel("Linf", "0.001"), 0).rows
    assert rows["certified"].all()
    assert rows["robust"].all()
    assert rows["forwards"].max() <= 2 + cascade.PROBE


def test_a_broken_proof_stops_the_run(monkeypatch) -> None:
    model, x, y = small()
    wrong = lambda model, x, y, threat: torch.ones(len(x), 10)  # noqa: E731

    class Careless(cascade.Cascade):
        """It attacks what it takes for proved."""

        def __call__(self, model, x, y, threat, noise):
            found = super().__call__(model, x, y, threat, noise)
            found.certified[:] = True
            return found

    monkeypatch.setattr("workbench.certificates.certified_margins", wrong)
    with pytest.raises(RuntimeError, match="proved robust and are broken"):
        measure(model, x, y, 0, Careless(), ThreatModel("Linf", "0.2"), 0)

"""AutoAttack through the workbench gives the verdict of the authors' package, sample by sample."""

import numpy as np
import torch
from pyautoattack import AutoAttack
from torch import nn

from workbench.attacks import attack
from workbench.evaluation.measure import measure
from workbench.seeds import forked
from workbench.threat import ThreatModel


def test_verdicts_are_those_of_a_direct_call() -> None:
    norm, eps, classes = "Linf", 0.06, 10
    with forked(3):
        layers = nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, classes)
        model = nn.Sequential(*layers).eval()
        x = torch.rand(8, 1, 8, 8)
    with torch.no_grad():
        y = model(x).argmax(1)
    y[::4] = (y[::4] + 1) % classes  # some are misclassified from the beginning
    rows = measure(model, x, y, 0, attack("autoattack"), ThreatModel(norm, repr(eps)), 5).rows
    adversary = AutoAttack(model, norm=norm, eps=eps, seed=5, device="cpu")
    adversary.verbose = False
    for targeted in (adversary.apgd_targeted, adversary.fab):
        targeted.n_target_classes = classes - 1
    x_adv, _ = adversary.run_standard_evaluation(x, y, batch_size=8)
    with torch.no_grad():
        robust = (model(x_adv).argmax(1) == y).numpy()
    assert np.array_equal(rows["robust"].to_numpy(), robust)
    assert 0 < robust.sum() < 6


def test_the_global_generator_is_left_alone() -> None:
    from linear import Linear, samples

    before = torch.random.get_rng_state()
    x, y = samples(Linear(), 4)
    measure(Linear(), x, y, 0, attack("autoattack"), ThreatModel("Linf", "0.3"), 5)
    assert torch.equal(torch.random.get_rng_state(), before)

"""Every attack finds what exists and claims nothing else, on a model whose optimum is known."""

import pytest
import torch
from linear import Linear, samples

from workbench.attacks import attack
from workbench.evaluation.measure import measure
from workbench.threat import ThreatModel

# name, norm, how far beyond the optimum ε may have to lie for the attack to find it
CASES = [
    ("fgsm", "Linf", 1.001),
    ("fgsm", "L2", 1.001),
    ("pgd-10", "Linf", 1.01),
    ("pgd-40", "Linf", 1.01),
    ("pgd-40", "L2", 1.01),
    ("autoattack", "Linf", 1.01),
    ("apgd-ce", "Linf", 1.001),
    ("apgd-ce", "L2", 1.001),
    ("apgd-t", "Linf", 1.001),
    ("apgd-t", "L2", 1.001),
    ("square", "Linf", 1.25),
    ("cascade-exact", "Linf", 1.001),
    ("cascade", "Linf", 1.001),
    ("cascade-fast", "Linf", 1.001),
    ("cascade-fast", "L2", 1.001),
    ("cw:steps=100,step=0.002", "L2", 1.25),
    ("ddn:steps=200", "L2", 1.05),
]


@pytest.mark.parametrize(("name", "norm", "slack"), CASES)
def test_it_finds_what_exists_and_claims_nothing_else(name, norm, slack) -> None:
    model = Linear()
    x, y = samples(model, 16)
    smallest = model.smallest(x, norm)
    threat = ThreatModel(norm, repr(smallest.median().item() * 1.0005))
    rows = measure(model, x, y, 0, attack(name), threat, seed=0).rows
    robust = torch.tensor(rows["robust"].tolist())
    assert rows["inside"].all()
    assert robust[smallest > threat.epsilon].all()
    assert not robust[smallest * slack < threat.epsilon].any()
    assert 0 < robust.sum() < len(x)

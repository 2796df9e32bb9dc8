"""An attack whose output changes must raise its version, or stored results become stale."""

import hashlib

import numpy as np
import pytest
from linear import Linear, samples

from workbench.attacks import ATTACKS, attack
from workbench.evaluation.measure import measure
from workbench.threat import ThreatModel

# (attack, norm, version): digest of the proposals, rounded to three decimals
GOLDEN = {
    ("none", "Linf", 1): "884fb4230597",
    ("none", "L2", 1): "884fb4230597",
    ("fgsm", "Linf", 2): "c5416edaf21e",
    ("fgsm", "L2", 2): "cd71544bffc3",
    ("pgd-10", "Linf", 2): "15e688fe9024",
    ("pgd-10", "L2", 2): "2a5982f179e6",
    ("pgd-40", "Linf", 2): "15e688fe9024",
    ("pgd-40", "L2", 2): "b36e1a26da35",
    ("mi-fgsm", "Linf", 1): "a47334ece4b3",
    ("mi-fgsm", "L2", 1): "74423a5ef8dd",
    ("ti-dim", "Linf", 1): "f084cc0d6130",
    ("ti-dim", "L2", 1): "0591947c18d1",
    ("random-noise", "Linf", 1): "81253c38f282",
    ("random-noise", "L2", 1): "296cb08bc277",
    ("fwa-10", "Linf", 1): "66babec659d2",
    ("fwa-40", "Linf", 1): "230c2b656098",
    ("pgd-wasserstein-40", "Linf", 1): "e2f2c3f15fca",
    ("cw", "L2", 2): "fc9de9d580cb",
    ("ddn", "L2", 1): "cd71544bffc3",
    ("apgd-ce", "Linf", 1): "c5416edaf21e",
    ("apgd-ce", "L2", 1): "7b04dec1aa82",
    ("apgd-t", "Linf", 1): "63e08b9b3f59",
    ("apgd-t", "L2", 1): "f393c3a528c9",
    ("square", "Linf", 1): "eb8d7abaf3f4",
    ("square", "L2", 1): "50803e91a47e",
    ("cascade-exact", "Linf", 2): "63e08b9b3f59",
    ("cascade-exact", "L2", 2): "cd47412cde3e",
    ("cascade", "Linf", 2): "63e08b9b3f59",
    ("cascade-fast", "Linf", 3): "63e08b9b3f59",
    ("cascade-fast", "L2", 3): "50a4047ef803",
}


def digest(name: str, norm: str) -> str:
    """What an attack proposes for eight samples of the linear model."""
    model = Linear()
    x, y = samples(model, 8)
    eps = 1.2 * model.smallest(x, norm).median().item()
    images = measure(model, x, y, 0, attack(name), ThreatModel(norm, repr(eps)), seed=7).images
    rounded = np.round(images, 3) + 0.0
    return hashlib.sha256(rounded.astype("<f4").tobytes()).hexdigest()[:12]


# without AutoAttack, which is the authors' package: tests/evaluation/test_autoattack_verdicts.py
OWN = {name: found for name, found in ATTACKS.items() if name != "autoattack"}
LONG = {("cascade", "L2")}  # the code of Linf, and of cascade-exact in L2
CASES = [
    (name, norm) for name, found in OWN.items() for norm in found.norms if (name, norm) not in LONG
]


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_equal_versions_propose_equal_samples(name, norm) -> None:
    assert GOLDEN[name, norm, attack(name).version] == digest(name, norm)

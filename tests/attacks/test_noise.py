"""Random noise: its odds where they are known, and its leaving."""

import pytest
import torch
from linear import Linear, samples
from torch import nn

from workbench.attacks import NEVER, attack
from workbench.attacks.noise import RandomNoise
from workbench.errors import InputError
from workbench.models.counted import Counted
from workbench.seeds import Noise
from workbench.threat import NORMS, ThreatModel


class Above(nn.Module):
    """Two classes of one pixel: below a half, and above."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = x.flatten(1) - 0.5
        return torch.cat([-score, score], dim=1)


@pytest.mark.parametrize("norm", NORMS)
def test_it_falls_as_often_as_a_uniform_point_must(norm) -> None:
    """At distance ε/2 from the boundary, a quarter of the interval lies beyond it."""
    n = 2000
    x = torch.full((n, 1, 1, 1), 0.45)
    y = torch.zeros(n, dtype=torch.int64)
    attempt = RandomNoise(draws=3)(
        Above(), x, y, ThreatModel(norm, "0.1"), Noise(0, tuple(range(n)))
    )
    for draw in range(3):
        tried = (attempt.first_success == NEVER) | (attempt.first_success >= draw)
        rate = (attempt.first_success[tried] == draw).double().mean().item()
        assert rate == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / tried.sum().item()) ** 0.5)


@pytest.mark.parametrize("norm", NORMS)
def test_it_claims_nothing_that_does_not_exist(norm) -> None:
    model = Linear()
    x, y = samples(model, 64)
    threat = ThreatModel(norm, "0.04" if norm == "Linf" else "0.3")
    counted = Counted(model)
    attempt = RandomNoise(draws=20)(counted, x, y, threat, Noise(0, tuple(range(64))))
    fell = attempt.first_success != NEVER
    assert 0 < fell.sum() < 64
    assert torch.equal(fell, model(attempt.x_adv).argmax(1) != y)
    assert (model.smallest(x, norm)[fell] < threat.epsilon).all()
    assert threat.contains(attempt.x_adv, x).all()
    looks = torch.where(fell, attempt.first_success + 1, 20)
    assert torch.equal(attempt.forwards, looks)
    assert counted.forward_passes == looks.sum()
    assert counted.backward_passes == attempt.backwards.sum() == 0


def test_a_sample_does_not_depend_on_its_batch() -> None:
    model = Linear()
    x, y = samples(model, 16)
    threat = ThreatModel("Linf", "0.04")
    whole = RandomNoise(5)(model, x, y, threat, Noise(5, tuple(range(16))))
    part = RandomNoise(5)(model, x[3:9], y[3:9], threat, Noise(5, tuple(range(3, 9))))
    assert torch.equal(part.first_success, whole.first_success[3:9])
    assert torch.equal(part.x_adv, whole.x_adv[3:9])


def test_no_draw_is_refused() -> None:
    with pytest.raises(InputError, match="draws ≥ 1"):
        attack("random-noise:draws=0")

"""AutoAttack with few classes and small images, and its silence."""

import pytest
import torch
from linear import Linear, samples
from torch import nn

from workbench.attacks import AutoAttack
from workbench.evaluation.measure import measure
from workbench.threat import ThreatModel


class Few(Linear):
    """The linear model with its first classes only: the smallest perturbation is the same."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)[:, : self.classes]


@pytest.mark.parametrize(("classes", "norm"), [(2, "L2"), (3, "Linf")])
def test_few_classes_fall_where_they_can_and_nowhere_else(classes, norm) -> None:
    model = Few(classes)
    x, y = samples(model, 3)
    smallest = model.smallest(x, norm)
    threat = ThreatModel(norm, repr(smallest.median().item() * 1.0005))
    robust = torch.tensor(measure(model, x, y, 0, AutoAttack(), threat, seed=0).rows["robust"])
    assert torch.equal(robust, smallest > threat.epsilon)
    assert 0 < robust.sum() < len(x)


def test_one_class_cannot_fall() -> None:
    x, y = samples(Linear(), 3)
    rows = measure(Few(1), x, y * 0, 0, AutoAttack(), ThreatModel("Linf", "0.5"), seed=0).rows
    assert rows["robust"].all()


@pytest.mark.parametrize("classes", [2, 4])
def test_images_too_small_for_square_are_attacked_in_l2(classes) -> None:
    generator = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, classes, bias=False))
    net[1].weight.data = torch.randn((classes, 4), generator=generator)
    x = torch.rand((4, 1, 2, 2), generator=generator)
    y = net(x).argmax(1)
    rows = measure(net, x, y, 0, AutoAttack(), ThreatModel("L2", "1.5"), seed=0).rows
    assert not rows["robust"].any()


class Certain(nn.Module):
    """Two classes, one of which always wins by a constant: gradients are zero everywhere."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0 * x.flatten(1)[:, :2] + torch.tensor([0.7, 0.3])


def test_its_warnings_reach_nobody(capfd, caplog) -> None:
    """The package warns of zero gradients and of outputs that look like probabilities."""
    x, y = torch.full((1, 1, 4, 4), 0.5), torch.zeros(1, dtype=torch.int64)
    threat = ThreatModel("L2", "0.1")
    rows = measure(Certain(), x, y, 0, AutoAttack(), threat, seed=0).rows
    assert rows["robust"].all()
    assert capfd.readouterr() == ("", "")
    assert not caplog.records

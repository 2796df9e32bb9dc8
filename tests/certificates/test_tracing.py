"""What is traced computes what the model computes; what is not known is not certified."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from toys import NETS, SHAPE, images, toy

from workbench.certificates import certified_margins
from workbench.certificates.tracing import trace
from workbench.models import Classifier, build
from workbench.models.counted import Counted
from workbench.threat import ThreatModel

NUMBERS = 2 * 12 * 12


class Head(nn.Module):
    """Something before a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(NUMBERS, 3)

    def before(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.before(x).flatten(1))


class OverwritesWhatItUsesAgain(Head):
    def before(self, x: Tensor) -> Tensor:
        z = x - 0.5
        return F.relu(z, inplace=True) + z


class OverwritesFaintly(OverwritesWhatItUsesAgain):
    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            for weight in self.parameters():
                weight.mul_(1e-5)


class ComputesInHalf(Head):
    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.linear(x.flatten(1))


class Branches(Head):
    def before(self, x: Tensor) -> Tensor:
        return x if x.mean() > 0.5 else -x


class MixesSamples(Head):
    def before(self, x: Tensor) -> Tensor:
        return x - x.mean(0, keepdim=True)


class Squares(Head):
    def before(self, x: Tensor) -> Tensor:
        return x * x


class CountsTheBatch(Head):
    def before(self, x: Tensor) -> Tensor:
        return x * len(x)


class Mirrored(Head):
    def before(self, x: Tensor) -> Tensor:
        return F.pad(x, (1, 1, 1, 1), mode="reflect")[:, :, 1:-1, 1:-1]


class Drops(Head):
    def before(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.5)


UNKNOWN = {
    "overwritten": OverwritesWhatItUsesAgain(),
    "overwritten, small logits": OverwritesFaintly(),
    "half precision": ComputesInHalf(),
    "branch": Branches(),
    "samples": MixesSamples(),
    "square": Squares(),
    "batch size": CountsTheBatch(),
    "reflection": Mirrored(),
    "dropout": Drops(),
    "sigmoid": nn.Sequential(nn.Flatten(), nn.Linear(NUMBERS, 3), nn.Sigmoid()),
    "max pooling": nn.Sequential(nn.MaxPool2d(12), nn.Flatten(), nn.Linear(2, 3)),
    "batch statistics": nn.Sequential(
        nn.BatchNorm2d(2, track_running_stats=False), nn.Flatten(), nn.Linear(NUMBERS, 3)
    ),
    "no vector": nn.Conv2d(2, 3, 3),
    "wrong shape": nn.Sequential(nn.Flatten(), nn.Linear(5, 3)),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_nothing_is_certified_where_an_operation_is_not_known(name):
    y = torch.zeros(4, dtype=torch.long)
    net = UNKNOWN[name].eval()
    assert certified_margins(net, images(4), y, ThreatModel("Linf", "0.01")) is None


@pytest.mark.parametrize("name", NETS)
def test_the_operations_give_the_model_s_logits(name):
    net, x = toy(name), images(6)
    traced = trace(net, x)
    torch.testing.assert_close(traced(x), net(x), atol=1e-5, rtol=1e-5)
    assert traced.shapes[0] == SHAPE


@pytest.mark.parametrize("arch", ["small-cnn", "medium-cnn", "resnet18", "wide-resnet-28-10"])
def test_the_package_s_own_architectures_are_known(arch):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = build(arch, (3, 32, 32), 7).eval()
    assert trace(net, images(2, shape=(3, 32, 32))) is not None


def test_wrappers_are_taken_off():
    counted = Counted(Classifier(toy("plain"), "a toy"))
    y, threat = torch.tensor([0, 1, 2]), ThreatModel("Linf", "0.01")
    found = certified_margins(counted, images(3), y, threat)
    assert torch.equal(found, certified_margins(toy("plain"), images(3), y, threat))
    assert counted.forward_passes == 0


def test_the_model_keeps_its_gradients_and_its_modules():
    net = toy("residual").requires_grad_(True)
    before = [type(module) for module in net.modules()]
    y = torch.zeros(3, dtype=torch.long)
    found = certified_margins(net, images(3), y, ThreatModel("L2", "0.1"))
    assert not found.requires_grad
    assert all(p.requires_grad and p.grad is None for p in net.parameters())
    assert before == [type(module) for module in net.modules()]


def test_no_samples_give_no_rows():
    found = certified_margins(
        toy("plain"), images(0), torch.zeros(0, dtype=torch.long), ThreatModel("Linf", "0.1")
    )
    assert found is not None
    assert found.shape == (0, 4)

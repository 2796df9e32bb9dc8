"""Windows of nets with branches: as whole images, and around what images really give."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from toys import Sum, images

from workbench.certificates import refine
from workbench.certificates import windows as module
from workbench.certificates.ball import Ball
from workbench.certificates.interval import Box, carried, interval_bounds
from workbench.certificates.network import Network
from workbench.certificates.tracing import trace
from workbench.certificates.windows import Window, windows
from workbench.threat import ThreatModel

kernels = st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3]))


def convolution(inputs: int, kernel: tuple[int, int], stride: int, dilation: int) -> nn.Module:
    padding = tuple(dilation * (k // 2) for k in kernel)
    return nn.Conv2d(inputs, 3, kernel, stride, padding, dilation)


def two_blocks(kernels: list[tuple[int, int]], stride: int, dilation: int, seed: int) -> nn.Module:
    """A block with a convolution as its shortcut, then one with an identity and batch norm."""
    first, second, shortcut = kernels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inner = convolution(3, first, stride, dilation), nn.ReLU(), convolution(3, second, 1, 1)
        norm = nn.BatchNorm2d(3)
        norm.running_mean.normal_(std=0.2)
        norm.weight.data.normal_()
        again = norm, nn.ReLU(), convolution(3, second, 1, dilation)
        layers = (
            nn.Conv2d(2, 3, 3, padding=1),
            Sum(nn.Sequential(nn.ReLU(), *inner), convolution(3, shortcut, stride, 1)),
            Sum(nn.Identity(), nn.Sequential(*again)),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(3, 2),
        )
        return nn.Sequential(*layers).eval().requires_grad_(False)


def values(network: Network, x: Tensor, index: int) -> Tensor:
    return Network(network.operations[:index], network.shapes[: index + 1])(x)


def reached(network: Network, ball: Ball, index: int, elements: range) -> list[Tensor]:
    """Values with an index on random images of the ball, and where elements are pushed apart."""
    generator = torch.Generator().manual_seed(0)
    directions = [torch.randn(ball.x.shape, generator=generator) for _ in range(10)]
    for element in elements:
        x = ball.x.clone().requires_grad_(True)
        seen = values(network, x, index).flatten(1)[:, element].sum()
        gradient = torch.autograd.grad(seen, x)[0]
        directions += [gradient, -gradient]
    threat = ball.threat
    steps = (threat.epsilon * threat.ascent(direction) for direction in directions)
    return [values(network, threat.project(ball.x + step, ball.x), index) for step in steps]


@settings(max_examples=40, derandomize=True)
@given(
    kernels=st.lists(kernels, min_size=3, max_size=3),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    threat=st.sampled_from([ThreatModel("Linf", "0.03"), ThreatModel("L2", "0.3")]),
    seed=st.integers(0, 100),
)
def test_windows_of_blocks(kernels, stride, dilation, size, threat, seed):
    x = images(2, seed, (2, *size))
    net = trace(two_blocks(kernels, stride, dilation, seed), x)
    ball, targets = Ball(x, threat), refine._targets(net)
    boxes = interval_bounds(net, ball)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SMALL", 100)
        assert all(windows(net, target) for target in targets)
        found = refine.refined(net, boxes, ball)
        patch.setattr(module, "SMALL", 0)
        assert not any(windows(net, target) for target in targets)
        whole = refine.refined(net, boxes, ball)
    for one, other in zip(found, whole, strict=True):
        torch.testing.assert_close(one.low, other.low, atol=2e-4, rtol=1e-3)
        torch.testing.assert_close(one.high, other.high, atol=2e-4, rtol=1e-3)
    for index in targets:
        count = math.prod(net.shapes[index])
        for value in reached(net, ball, index, range(0, count, count // 8)):
            assert (value >= found[index].low).all()
            assert (value <= found[index].high).all()


def test_the_hull_of_two_windows():
    one, other = Window((3, 1), (2, 2), (1, 0)), Window((4, 5), (2, 2), (3, 1))
    hull = one.hull(other)
    assert hull == Window((5, 5), (2, 2), (3, 1)) == other.hull(one)
    assert hull.around(one) == (1, 3, 2, 0)
    assert hull.around(hull) == (0, 0, 0, 0)


def test_no_windows_where_branches_stride_apart():
    x = images(1, shape=(2, 1, 1))
    far, near = (nn.Conv2d(2, 3, 1, stride=stride) for stride in (3, 1))
    net = trace(nn.Sequential(nn.ReLU(), Sum(far, near), nn.Flatten(), nn.Linear(3, 2)), x)
    assert windows(net, 4) is None


@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_carrying_forward_keeps_what_was_known(norm):
    x = images(3)
    net, ball = (
        trace(two_blocks([(3, 3), (3, 1), (1, 1)], 2, 1, 0), x),
        Ball(x, ThreatModel(norm, "0.05")),
    )
    before = interval_bounds(net, ball)
    for old, new in zip(before, carried(net, before, 0), strict=True):
        assert torch.equal(old.low, new.low)
        assert torch.equal(old.high, new.high)
    point = Box(before[1].low, before[1].low, before[1].rounding)
    after = carried(net, [before[0], point, *before[2:]], 1)
    for old, new in zip(before, after, strict=True):
        assert (new.low >= old.low).all()
        assert (new.high <= old.high).all()
        assert (new.rounding <= old.rounding).all()
    assert (after[-1].high - after[-1].low < 1e-3).all()

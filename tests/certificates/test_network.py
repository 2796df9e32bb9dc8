"""Every affine operation and its transpose: ⟨A z, r⟩ = ⟨z, Aᵀ r⟩."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from workbench.certificates.network import Add, Affine, Convolution, Network, Relu
from workbench.certificates.tracing import trace

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=60, derandomize=True)
@given(
    kernel=pairs,
    stride=pairs,
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    channels=st.sampled_from([(1, 3, 1), (2, 3, 1), (4, 6, 2)]),
    size=st.tuples(st.integers(6, 9), st.integers(6, 9)),
)
def test_a_convolution_s_transpose(kernel, stride, padding, dilation, channels, size):
    inputs, outputs, groups = channels
    conv = Convolution(kernel, stride, padding, dilation, groups)
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn((outputs, inputs // groups, *kernel), generator=generator).double()
    z = torch.randn((2, inputs, *size), generator=generator).double()
    out = conv.apply(z, weight)
    rows = torch.randn(out.shape, generator=generator).double()
    back = conv.transpose(rows, weight, z.shape[1:])
    torch.testing.assert_close((back * z).sum(), (out * rows).sum())
    full = F.pad(conv.spread(rows, weight), [-padding[1], 0, -padding[0], 0])
    torch.testing.assert_close(
        full[..., : size[0], : size[1]], back[..., : full.shape[-2], : full.shape[-1]]
    )


LAYERS = {
    "linear": nn.Sequential(nn.Flatten(), nn.Linear(72, 5)),
    "average": nn.Sequential(nn.AvgPool2d(3, stride=2, padding=1), nn.Flatten()),
    "adaptive average": nn.Sequential(nn.AdaptiveAvgPool2d((2, 4)), nn.Flatten()),
    "batch norm": nn.Sequential(nn.BatchNorm2d(2), nn.Flatten()),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_transposes_of_other_layers(name):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn((3, 2, 6, 6), generator=generator)
    net = trace(LAYERS[name].eval(), z)
    rows = torch.randn((3, *net.shapes[-1]), generator=generator)
    back = rows
    for operation, shape in zip(reversed(net.operations), reversed(net.shapes[:-1]), strict=True):
        back = operation.transpose(back, operation.weight, shape)
    change = net(z) - net(torch.zeros_like(z))
    torch.testing.assert_close((back * z).sum(), (change * rows).sum(), atol=1e-4, rtol=1e-4)


def test_layers_are_counted_along_the_longest_way():
    def affine(source: int, mixes: bool) -> Affine:
        return Affine(source, torch.mul, torch.mul, torch.ones(1), torch.zeros(1), 2, mixes)

    net = Network([affine(0, False), affine(1, True), Relu(2), affine(3, True), Add(4, 2)], [])
    assert net.layers() == [0, 0, 1, 1, 2, 3]

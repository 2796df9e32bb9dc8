"""No image of the threat model lies below a bound, and bounds are tight where they can be."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from linear import Linear, samples
from torch import nn
from toys import NETS, images, margins, smallest_found, toy

from workbench.certificates import certified, certified_margins
from workbench.threat import ThreatModel


def other(y: torch.Tensor, classes: int) -> torch.Tensor:
    """Where the class is not y: (n, classes) bool."""
    return torch.arange(classes) != y.unsqueeze(1)


def bounds(net: nn.Module, x: torch.Tensor, y: torch.Tensor, threat: ThreatModel) -> torch.Tensor:
    found = certified_margins(net, x, y, threat)
    assert found is not None
    assert (found.gather(1, y.unsqueeze(1)) == torch.inf).all()
    return found


@settings(max_examples=12, derandomize=True)
@given(
    name=st.sampled_from(sorted(NETS)),
    seed=st.integers(0, 10_000),
    threat=st.sampled_from(
        [ThreatModel("Linf", e) for e in ("0.001", "0.03", "0.2")]
        + [ThreatModel("L2", e) for e in ("0.01", "0.3", "2")]
    ),
)
def test_no_attack_gets_below_a_bound(name, seed, threat):
    net, x = toy(name, seed), images(4, seed)
    y = net(x).argmax(1)
    found, reached = bounds(net, x, y, threat), smallest_found(net, x, y, threat)
    mask = other(y, found.shape[1])
    assert (found[mask] <= reached[mask]).all()
    assert torch.isfinite(found[mask]).all()


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_a_tiny_ball_has_the_margin_itself(name, norm):
    net, x = toy(name), images(8)
    y = net(x).argmax(1)
    found, mask = bounds(net, x, y, ThreatModel(norm, "1e-6")), other(y, 4)
    exact = margins(net, x, y)
    assert (found[mask] <= exact[mask]).all()
    torch.testing.assert_close(found[mask], exact[mask], atol=2e-3, rtol=0)


@pytest.mark.parametrize("epsilon", ["0.01", "0.1"])
def test_exact_on_a_linear_model(epsilon):
    weight = nn.Linear(36, 4)
    net = nn.Sequential(nn.Flatten(), weight)
    x = images(16, shape=(1, 6, 6))
    y = net(x).argmax(1)
    rows = weight.weight[y].unsqueeze(1) - weight.weight
    shift = weight.bias[y].unsqueeze(1) - weight.bias
    low = (x.flatten(1) - float(epsilon)).clamp(0, 1).unsqueeze(1)
    high = (x.flatten(1) + float(epsilon)).clamp(0, 1).unsqueeze(1)
    exact = (torch.where(rows > 0, low, high) * rows).sum(2) + shift
    found, mask = bounds(net, x, y, ThreatModel("Linf", epsilon)), other(y, 4)
    assert (found[mask] <= exact[mask]).all()
    torch.testing.assert_close(found[mask], exact[mask], atol=2e-4, rtol=0)


def test_exact_in_the_euclidean_norm_away_from_the_faces():
    model = Linear()
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 2))
    net[1].weight.data = torch.stack([model.weight, -model.weight]).detach()
    net[1].bias.data = torch.stack([-model.weight.sum() / 2, model.weight.sum() / 2]).detach()
    x, y = samples(model)
    found = bounds(net, x, y, ThreatModel("L2", "0.1"))[torch.arange(len(y)), 1 - y]
    exact = 2 * (model.smallest(x, "L2") - 0.1) * model.weight.norm()
    assert (found <= exact).all()
    torch.testing.assert_close(found, exact.detach(), atol=1e-3, rtol=0)


def test_two_linear_layers_in_a_row_in_the_euclidean_norm():
    # 2 x − 1.3 in two steps; its reach is 2 ε, and not √2 ε as without the rows' common pixel
    layers = nn.Linear(1, 2), nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 2)
    values = [((1.0,), (1.0,)), (0.0, 0.0)], [((1.0, 1.0),), (-1.3,)], [((0.0,), (1.0,)), (0.05, 0)]
    for layer, (weight, bias) in zip((layers[0], layers[1], layers[3]), values, strict=True):
        layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor(bias)
    net, x, y = (
        nn.Sequential(nn.Flatten(), *layers),
        torch.full((1, 1, 1, 1), 0.5),
        torch.tensor([0]),
    )
    exact = margins(net, x + 0.2, y)[0, 1]
    found = bounds(net, x, y, ThreatModel("L2", "0.2"))[0, 1]
    assert exact < 0
    assert found <= exact


@pytest.mark.parametrize("seed", range(6))
def test_between_interval_bounds_and_the_minimum_of_a_small_net(seed):
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    for parameter in net.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    x = torch.tensor([[[[0.05, 0.7]]]])
    y = net(x).argmax(1)
    steps = torch.linspace(-0.1, 0.1, 401)
    grid = torch.cartesian_prod(steps, steps).view(-1, 1, 1, 2)
    exact = margins(net, (x + grid).clamp(0, 1), y.expand(len(grid))).amin(0)[1 - y]
    found = bounds(net, x, y, ThreatModel("Linf", "0.1"))[0, 1 - y]
    assert by_intervals(net, x, y, 0.1) - 1e-3 <= found <= exact
    assert exact - found < 0.5 * (exact - by_intervals(net, x, y, 0.1)) + 1e-3


def by_intervals(net: nn.Sequential, x: torch.Tensor, y: torch.Tensor, radius: float) -> float:
    """Interval arithmetic by hand, y against the other of two classes."""
    low, high = (x - radius).clamp(0, 1).flatten(), (x + radius).clamp(0, 1).flatten()
    inner, outer = net[1], net[3]
    ends = torch.stack([inner.weight * low, inner.weight * high])
    low, high = ends.amin(0).sum(1) + inner.bias, ends.amax(0).sum(1) + inner.bias
    row = outer.weight[y[0]] - outer.weight[1 - y[0]]
    ends = torch.stack([row * low.relu(), row * high.relu()]).amin(0)
    return (ends.sum() + outer.bias[y[0]] - outer.bias[1 - y[0]]).item()


@pytest.mark.parametrize("name", NETS)
def test_a_row_does_not_depend_on_the_batch(name):
    net, x = toy(name), images(9)
    y, threat = net(x).argmax(1), ThreatModel("Linf", "0.02")
    together, mask = bounds(net, x, y, threat), other(y, 4)
    alone = torch.cat([bounds(net, x[i : i + 1], y[i : i + 1], threat) for i in range(len(x))])
    torch.testing.assert_close(together[mask], alone[mask], atol=1e-5, rtol=0)


def test_certified_asks_for_every_other_class():
    found = torch.tensor([[9.0, 0.1, 0.2], [0.1, -0.1, 0.3], [0.1, -9.0, 0.3], [0.1, 0.2, 0.0]])
    y = torch.tensor([0, 0, 1, 0])
    assert certified(found, y).tolist() == [True, False, True, False]

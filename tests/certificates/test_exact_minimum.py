"""Against the exact minimum of small nets, by SciPy's mixed-integer solver (HiGHS).

The encoding of ReLUs by binary variables is that of Tjeng, Xiao & Tedrake (ICLR 2019).
"""

import numpy as np
import pytest
import torch
from scipy.optimize import Bounds, LinearConstraint, milp
from torch import nn

from workbench.certificates import certified_margins
from workbench.threat import ThreatModel

BIG = 50.0  # larger than every pre-activation of these nets


def minimum(net: nn.Sequential, row: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """The smallest row · logits for images between low and high: exact up to the solver's 1e-6."""
    layers = [m for m in net if isinstance(m, nn.Linear)]
    weights = [m.weight.detach().double().numpy() for m in layers]
    biases = [m.bias.detach().double().numpy() for m in layers]
    widths = [len(bias) for bias in biases[:-1]]
    total = len(low) + 2 * sum(widths)  # pixels, then each layer's activations and switches
    lower, upper = np.zeros(total), np.full(total, BIG)
    lower[: len(low)], upper[: len(low)] = low, high
    integral, constraints = np.zeros(total), []
    start, inputs = len(low), slice(0, len(low))
    for weight, bias, width in zip(weights, biases, widths, strict=False):
        active, switch = slice(start, start + width), slice(start + width, start + 2 * width)
        integral[switch], upper[switch] = 1, 1
        above = np.zeros((3, width, total))  # h − z ≥ 0; h − z + BIG s ≤ BIG; h − BIG s ≤ 0
        above[:2, :, inputs] = -weight
        above[:, :, active] = np.eye(width)
        above[1, :, switch] = BIG * np.eye(width)
        above[2, :, switch] = -BIG * np.eye(width)
        constraints += [
            LinearConstraint(above[0], bias, np.inf),
            LinearConstraint(above[1], -np.inf, bias + BIG),
            LinearConstraint(above[2], -np.inf, 0),
        ]
        start, inputs = start + 2 * width, active
    objective = np.zeros(total)
    objective[inputs] = row @ weights[-1]
    found = milp(
        objective, constraints=constraints, bounds=Bounds(lower, upper), integrality=integral
    )
    assert found.success
    return found.fun + row @ biases[-1]


def small_net(seed: int) -> nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    layers = (nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    net = nn.Sequential(nn.Flatten(), *layers).requires_grad_(False)
    for parameter in net.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) / 1.5)
    return net.eval()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("epsilon", ["0.03", "0.2"])
def test_never_above_the_exact_minimum_and_close_to_it(seed, epsilon):
    net, threat = small_net(seed), ThreatModel("Linf", epsilon)
    x = torch.rand((1, 1, 2, 2), generator=torch.Generator().manual_seed(seed))
    y = net(x).argmax(1)
    found = certified_margins(net, x, y, threat)[0]
    low = (x.flatten().double().numpy() - threat.epsilon).clip(0, 1)
    high = (x.flatten().double().numpy() + threat.epsilon).clip(0, 1)
    for target in set(range(3)) - {int(y)}:
        exact = minimum(net, np.eye(3)[int(y)] - np.eye(3)[target], low, high)
        assert found[target] <= exact + 1e-6
        assert found[target] >= exact - 10 * threat.epsilon

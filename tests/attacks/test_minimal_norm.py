"""CW and DDN where there is nothing to find."""

import pytest
import torch
from torch import nn

from workbench.attacks import attack
from workbench.evaluation.measure import measure
from workbench.threat import ThreatModel


class Steadfast(nn.Module):
    """The first class, whatever it sees."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, 3) with gradients that lead nowhere."""
        return torch.tensor([3.0, 0.0, 0.0]) + 1e-6 * x.flatten(1)[:, :3].tanh()


@pytest.mark.parametrize("name", ["cw", "ddn"])
def test_what_no_search_misleads_stays_as_it_is(name) -> None:
    x, y = torch.linspace(0.2, 0.8, 36).view(4, 1, 3, 3), torch.zeros(4, dtype=torch.long)
    rows = measure(Steadfast(), x, y, 0, attack(name), ThreatModel("L2", "0.5"), seed=0).rows
    assert rows["robust"].all()
    assert rows["l2"].max() == 0

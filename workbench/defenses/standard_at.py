"""Standard adversarial training (Madry et al., ICLR 2018)."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F


def loss(
    net: nn.Module, x: torch.Tensor, y: torch.Tensor, perturb: Callable[[], torch.Tensor]
) -> torch.Tensor:
    """Mean cross-entropy on x̃."""
    del x
    return F.cross_entropy(net(perturb()), y)

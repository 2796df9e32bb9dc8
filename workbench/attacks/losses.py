"""The losses that attacks raise: logits (n, classes), labels, targets (n,) -> (n,)."""

from collections.abc import Callable

import torch
from torch.nn import functional as F

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def cross_entropy(logits: torch.Tensor, y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of the labels; the targets have no part in it."""
    del target
    return F.cross_entropy(logits, y, reduction="none")


def targeted_dlr(logits: torch.Tensor, y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(z_t − z_y) / (z_π1 − (z_π3 + z_π4) / 2), Eq. 4 of Croce & Hein (ICML 2020).

    With three classes z_π3 stands for both; with two nothing is left to divide by.
    """
    rows = torch.arange(len(y), device=y.device)
    gain = -(logits[rows, y] - logits[rows, target])
    classes = logits.shape[1]
    if classes < 3:
        return gain
    top = logits.topk(min(4, classes), dim=1).values
    return gain / (top[:, 0] - 0.5 * (top[:, 2] + top[:, -1]) + 1e-12)


def margins(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The label's logit minus the best other one: (n,)."""
    label = y[:, None]
    return logits.gather(1, label)[:, 0] - logits.scatter(1, label, -torch.inf).amax(1)


def targets(logits: torch.Tensor, y: torch.Tensor, most: int) -> torch.Tensor:
    """Each sample's most likely other classes, best first: (n, min(most, classes − 1)) int64."""
    others = logits.scatter(1, y[:, None], -torch.inf)
    return others.topk(min(most, logits.shape[1] - 1), dim=1).indices

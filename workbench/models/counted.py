"""A model that counts what an attack asks of it."""

import torch
from torch import nn

from workbench.models.quick import quick


class Counted(nn.Module):
    """Forward and backward passes of a model, in images; the numbers it returns are unchanged.

    as_given: False lets a quicker form of the model stand in (see models.quick).
    A backward pass is counted when a gradient flows back through the logits, so it counts those
    of libraries too, and each of several through the same forward pass. `broken_gradients`: of
    those, how many gave an image a gradient with NaN or infinity, which no attack can follow.
    """

    def __init__(self, model: nn.Module, as_given: bool = True) -> None:
        super().__init__()
        self.model = model
        self.runs = model if as_given else quick(model)
        self.forward_passes = 0
        self.backward_passes = 0
        self._broken = torch.zeros((), dtype=torch.int64)
        self.eval()

    @property
    def broken_gradients(self) -> int:
        """Waits for the device, which counts by itself until then."""
        return int(self._broken)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (n, c, h, w) in [0, 1] -> logits (n, classes)."""
        self.forward_passes += len(x)
        logits = self.runs(x)
        if logits.requires_grad:
            logits.register_hook(self._count)
        if x.requires_grad:
            x.register_hook(self._look)
        return logits

    def _count(self, gradient: torch.Tensor) -> None:
        self.backward_passes += len(gradient)

    def _look(self, gradient: torch.Tensor) -> None:
        broken = ~gradient.isfinite().flatten(1).all(1)
        self._broken = self._broken.to(gradient.device) + broken.sum()

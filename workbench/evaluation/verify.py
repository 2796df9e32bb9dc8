"""The independent check of every claimed adversarial sample; no attack uses any of it."""

import numpy as np
import torch
from torch import nn

from workbench.devices import full_precision
from workbench.errors import InputError

BATCH = 64  # another batching than any attack's


def logits_of(model: nn.Module, x: torch.Tensor) -> np.ndarray:
    """Logits (n, classes) float32, without autocast and TF32, from the last sample to the first.

    Raises InputError where the model gives NaN or infinity for a sample: that is no prediction.
    """
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False), full_precision():
        parts = [model(x[max(stop - BATCH, 0) : stop]).cpu() for stop in range(len(x), 0, -BATCH)]
    logits = torch.cat(parts[::-1]).float().numpy()
    broken = np.flatnonzero(~np.isfinite(logits).all(1))
    if len(broken):
        raise InputError(
            f"the model gives NaN or infinite logits for {len(broken)} of {len(x)} samples, the "
            f"first at {broken[0]} of its batch; such a model cannot be evaluated"
        )
    return logits


def margins(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The label's logit minus the best other one: (n, classes), (n,) -> (n,).

    Below 0 the sample is misclassified.

    >>> margins(np.array([[2.0, 5.0, 1.0]]), np.array([0]))
    array([-3.])
    """
    rows = np.arange(len(y))
    others = logits.copy()
    others[rows, y] = -np.inf
    with np.errstate(over="ignore"):  # of logits near the largest float32, where inf is right
        return logits[rows, y] - others.max(1)


def survives_rounding(model: nn.Module, x_adv: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """Which samples stay misclassified when saved with 8 bits per pixel: (n,) bool (AUDIT P7)."""
    if len(x_adv) == 0:
        return np.zeros(0, dtype=bool)
    return logits_of(model, (x_adv * 255).round() / 255).argmax(1) != y.cpu().numpy()

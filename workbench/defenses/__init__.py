"""Training objectives: one file each, and one line in the table of their names.

A defense is a function `loss(net, x, y, perturb) -> scalar tensor`: net in train mode, x (n, c,
h, w) in [0, 1], y (n,) labels. `perturb()` gives adversarial samples x̃ of the batch under the
recipe's threat model, by PGD on the cross-entropy; a defense that does not call it pays nothing.
"""

from collections.abc import Callable

import torch
from torch import nn

from workbench.defenses import natural, standard_at

Perturb = Callable[[], torch.Tensor]
Loss = Callable[[nn.Module, torch.Tensor, torch.Tensor, Perturb], torch.Tensor]

DEFENSES: dict[str, Loss] = {
    "natural": natural.loss,
    "standard-at": standard_at.loss,
}

"""WMIM: adversarial training that also maximises standard MI (Zhu, Zhang & Evans, ICML 2020)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from workbench.defenses.defense import Batch
from workbench.errors import InputError
from workbench.information import BOUNDS
from workbench.specs import STANDARD


@dataclass(frozen=True)
class WMIM:
    """Cross-entropy on x̃, minus α times a lower bound on I(x̃; h(x̃)).

    alpha: weight of the bound. bound: a name of BOUNDS. A critic is trained along, by the same
    loss: it and the net raise the bound together.
    Raises InputError for a bound of another name, or a weight that is not finite.
    """

    alpha: float = 0.1
    bound: str = "infonce"
    version: ClassVar[int] = 1
    fitted: ClassVar[tuple[str, ...]] = ()
    trained: ClassVar[tuple[str, ...]] = (STANDARD,)

    def __post_init__(self) -> None:
        if not math.isfinite(self.alpha):
            raise InputError(f"wmim needs a finite alpha, not {self.alpha}")
        if self.bound not in BOUNDS:
            raise InputError(f"wmim:bound must be one of {', '.join(BOUNDS)}")

    def __call__(self, batch: Batch) -> torch.Tensor:
        x_adv = batch.perturb()
        logits = batch.net(x_adv)
        scores = batch.critics[STANDARD].critic(x_adv, logits)
        information = BOUNDS[self.bound](scores)
        batch.notes[f"standard {self.bound}"] = information.detach()
        return F.cross_entropy(logits, batch.y) - self.alpha * information

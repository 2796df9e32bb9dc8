"""TRADES (Zhang et al., ICML 2019)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from workbench.defenses.defense import Batch
from workbench.errors import InputError


@dataclass(frozen=True)
class TRADES:
    """Cross-entropy on x, and β times the divergence KL(h(x) ‖ h(x̃)) of the predictions.

    beta: weight of the divergence, 1/λ in the paper. x̃ raises the divergence, from the recipe's
    random start (the authors start at x plus normal noise of 0.001, where the gradient is not 0).
    Raises InputError for a weight that is not finite.
    """

    beta: float = 6.0
    version: ClassVar[int] = 1
    fitted: ClassVar[tuple[str, ...]] = ()
    trained: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.beta):
            raise InputError(f"trades needs a finite beta, not {self.beta}")

    def __call__(self, batch: Batch) -> torch.Tensor:
        return self.loss(*batch.outputs(self.perturb(batch)), batch.y)

    def perturb(self, batch: Batch) -> torch.Tensor:
        """See AdversarialLoss. The net's predictions of x are those it makes in eval mode."""
        with torch.no_grad():
            natural = batch.attacked(batch.x)
        return batch.perturb(lambda logits: divergence(natural, logits).sum())

    def loss(
        self, logits: torch.Tensor, adversarial_logits: torch.Tensor, y: torch.Tensor
    ) -> torch.Tensor:
        """See AdversarialLoss."""
        apart = divergence(logits, adversarial_logits).mean()
        return F.cross_entropy(logits, y) + self.beta * apart


def divergence(logits: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """KL(p ‖ q) in nats of the predictions of two outputs, (n, classes) each: (n,)."""
    p, q = F.log_softmax(logits, 1), F.log_softmax(others, 1)
    return F.kl_div(q, p, reduction="none", log_target=True).sum(1)

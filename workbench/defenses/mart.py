"""MART, misclassification-aware adversarial training (Wang et al., ICLR 2020)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from workbench.defenses.defense import Batch
from workbench.defenses.trades import divergence
from workbench.errors import InputError

CLOSE = 1 - 1e-4  # as the authors: log(1 − p) stays finite


@dataclass(frozen=True)
class MART:
    """Boosted cross-entropy on x̃, and λ (1 − p_y(x)) times the divergence KL(h(x) ‖ h(x̃)).

    beta: λ of the paper's Eq. 11. x̃ raises the cross-entropy.
    Raises InputError for a weight that is not finite.
    """

    beta: float = 5.0
    version: ClassVar[int] = 1
    fitted: ClassVar[tuple[str, ...]] = ()
    trained: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.beta):
            raise InputError(f"mart needs a finite beta, not {self.beta}")

    def __call__(self, batch: Batch) -> torch.Tensor:
        return self.loss(*batch.outputs(self.perturb(batch)), batch.y)

    def perturb(self, batch: Batch) -> torch.Tensor:
        """See AdversarialLoss."""
        return batch.perturb()

    def loss(
        self, logits: torch.Tensor, adversarial_logits: torch.Tensor, y: torch.Tensor
    ) -> torch.Tensor:
        """See AdversarialLoss."""
        right = F.softmax(logits, 1).gather(1, y[:, None]).squeeze(1)
        apart = divergence(logits, adversarial_logits) * (1 - right)
        return boosted_cross_entropy(adversarial_logits, y) + self.beta * apart.mean()


def boosted_cross_entropy(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean of −log p_y − log(1 − max of the other p): scalar, from (n, classes) and (n,)."""
    others = F.softmax(logits, 1).scatter(1, y[:, None], 0).amax(1)
    return F.cross_entropy(logits, y) - torch.log1p(-CLOSE * others).mean()

"""Standard adversarial training (Madry et al., ICLR 2018)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from workbench.defenses.defense import Batch


@dataclass(frozen=True)
class StandardAT:
    """The cross-entropy on adversarial samples, which raise it."""

    version: ClassVar[int] = 1
    fitted: ClassVar[tuple[str, ...]] = ()
    trained: ClassVar[tuple[str, ...]] = ()

    def __call__(self, batch: Batch) -> torch.Tensor:
        return F.cross_entropy(batch.net(self.perturb(batch)), batch.y)

    def perturb(self, batch: Batch) -> torch.Tensor:
        """See AdversarialLoss."""
        return batch.perturb()

    def loss(
        self, logits: torch.Tensor, adversarial_logits: torch.Tensor, y: torch.Tensor
    ) -> torch.Tensor:
        """See AdversarialLoss; h(x) has no part in it."""
        del logits
        return F.cross_entropy(adversarial_logits, y)

"""Natural training: no defense at all."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from workbench.defenses.defense import Batch


@dataclass(frozen=True)
class Natural:
    """The cross-entropy on natural samples."""

    version: ClassVar[int] = 1
    fitted: ClassVar[tuple[str, ...]] = ()
    trained: ClassVar[tuple[str, ...]] = ()

    def __call__(self, batch: Batch) -> torch.Tensor:
        return F.cross_entropy(batch.net(batch.x), batch.y)

"""AutoAttack (Croce & Hein, ICML 2020), by its authors' package."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from workbench.attacks.attempt import Attempt
from workbench.errors import InputError
from workbench.seeds import Noise, forked
from workbench.threat import NORMS, ThreatModel


@dataclass(frozen=True)
class AutoAttack:
    """The `standard` version: APGD-CE, targeted APGD, targeted FAB, Square.

    It draws its numbers per batch, so the batch is part of the result: one batch of all samples
    it is given. Called directly with the same seed and batch it gives the same verdicts.
    """

    version: ClassVar[int] = 1
    stop_at_success: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]] = NORMS

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,). Raises InputError below 4 classes."""
        import pyautoattack

        with torch.no_grad():
            classes = model(x[:1]).shape[1]
        if classes < 4:
            raise InputError(
                f"AutoAttack's DLR loss needs at least 4 classes and the model has {classes}; "
                "use pgd-40"
            )
        if threat.norm == "L2" and min(x.shape[2:]) < 5:
            raise InputError("AutoAttack's Square needs images of at least 5×5 in L2; use pgd-40")
        with forked(noise.seed):
            adversary = pyautoattack.AutoAttack(
                model, norm=threat.norm, eps=threat.epsilon, seed=noise.seed, device=x.device
            )
            adversary.verbose = False
            adversary.apgd_targeted.n_target_classes = min(9, classes - 1)
            adversary.fab.n_target_classes = min(9, classes - 1)
            x_adv, _ = adversary.run_standard_evaluation(x, y, batch_size=len(x))
        return Attempt(x_adv)

"""AutoAttack (Croce & Hein, ICML 2020), by its authors' package."""

import logging
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from workbench.attacks.attempt import Attempt
from workbench.seeds import Noise, forked
from workbench.threat import NORMS, ThreatModel


@dataclass(frozen=True)
class AutoAttack:
    """The `standard` version: APGD-CE, targeted APGD, targeted FAB, Square.

    Its targeted losses need 4 classes. With 3 it is the package's `custom` version of APGD-CE,
    APGD-DLR, FAB and Square, with 2 of APGD-CE, FAB and Square, each with the package's restarts
    (5, Square 1); with 1 nothing can be misclassified. Square is left out in L2 where a side of
    the image is below the 5 pixels that it needs.

    It draws its numbers per batch, so the batch is part of the result: one batch of all samples
    it is given. Called directly with the same seed and batch it gives the same verdicts.
    """

    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = True
    stop_at_success: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = True

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        with torch.no_grad():
            classes = model(x[:1]).shape[1]
        if classes == 1:
            return Attempt(x)
        chosen = _attacks(classes, with_square=threat.norm != "L2" or min(x.shape[2:]) >= 5)
        with forked(noise.seed):
            adversary = _adversary(model, threat, noise.seed, x.device, chosen)
            adversary.apgd_targeted.n_target_classes = min(9, classes - 1)
            adversary.fab.n_target_classes = min(9, classes - 1)
            x_adv, _ = adversary.run_standard_evaluation(x, y, batch_size=len(x))
        return Attempt(x_adv)


def _attacks(classes: int, with_square: bool) -> list[str]:
    """The package's names of the attacks whose losses exist, in their order."""
    by_classes = {2: ["apgd-ce", "fab"], 3: ["apgd-ce", "apgd-dlr", "fab"]}
    found = by_classes.get(classes, ["apgd-ce", "apgd-t", "fab-t"])
    return [*found, "square"] if with_square else found


def _adversary(
    model: nn.Module, threat: ThreatModel, seed: int, device: torch.device, chosen: list[str]
) -> Any:
    """The package's attack, whose warnings about the model go to nobody."""
    import pyautoattack

    standard = chosen == _attacks(4, with_square=True)
    version = {"version": "standard"} if standard else {"version": "custom", "attacks": chosen}
    adversary = pyautoattack.AutoAttack(
        model, norm=threat.norm, eps=threat.epsilon, seed=seed, device=device, **version
    )
    adversary.verbose = False
    silent = logging.Logger("auto-attack")  # outside logging's tree: no global state changes
    silent.addHandler(logging.NullHandler())
    adversary.logger = adversary.apgd.logger = adversary.apgd_targeted.logger = silent
    return adversary

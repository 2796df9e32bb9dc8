"""From a unit's inputs to its rows: the range, the budget and the verdict, for all attacks."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

from workbench.attacks import Attack, Attempt
from workbench.evaluation.counted import Counted
from workbench.evaluation.verify import logits_of, margins, survives_rounding
from workbench.seeds import Noise
from workbench.threat import ThreatModel, norms

NOT_TOLD = -2
MEASURE_VERSION = 1  # raise it when a verdict or a column changes: old units are done again


@dataclass(frozen=True)
class Measurement:
    """The rows of a unit (see records.ATTACK_COLUMNS), its images, and what it cost.

    images: proposed samples (n, c, h, w) float32. Passes are counted in images, and count the
    attack's own; the checks before and after it are not part of an attack's cost.
    """

    rows: pd.DataFrame
    images: np.ndarray
    forward_passes: int
    backward_passes: int
    seconds: float


def measure(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    start: int,
    attack: Attack,
    threat: ThreatModel,
    seed: int,
) -> Measurement:
    """Attack x (n, c, h, w) with labels y (n,), which are samples start, start + 1, …

    The attack proposes. A sample counts as fallen when it is misclassified from the beginning,
    or when its proposal lies inside the threat model and is misclassified in a second look.
    """
    counted = Counted(model)
    clean = logits_of(model, x)
    correct = torch.from_numpy(clean.argmax(1) == y.cpu().numpy()).to(x.device)
    chosen = correct if attack.stop_at_success else torch.ones_like(correct)
    noise = Noise(seed, tuple(range(start, start + len(x)))).take(chosen)
    began = time.perf_counter()
    if chosen.any():
        attempt = attack(counted, x[chosen], y[chosen], threat, noise)
    else:
        attempt = Attempt(x[chosen])
    seconds = time.perf_counter() - began
    rows, x_adv = _judge(model, x, y, clean, chosen, attempt, threat)
    rows.insert(0, "index", np.arange(start, start + len(x)))
    images = x_adv.cpu().numpy()
    return Measurement(rows, images, counted.forward_passes, counted.backward_passes, seconds)


def _judge(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    clean: np.ndarray,
    chosen: torch.Tensor,
    attempt: Attempt,
    threat: ThreatModel,
) -> tuple[pd.DataFrame, torch.Tensor]:
    """The verdict on each proposal, and the proposals of all samples (n, c, h, w)."""
    x_adv = x.clone()
    x_adv[chosen] = attempt.x_adv.detach()
    inside = threat.contains(x_adv, x).numpy()
    finite = torch.isfinite(x_adv).flatten(1).all(1)
    first = torch.zeros_like(y)
    first[chosen] = NOT_TOLD if attempt.first_success is None else attempt.first_success
    labels = y.cpu().numpy()
    adversarial = logits_of(model, torch.where(finite[:, None, None, None], x_adv, x))
    fallen = inside & (adversarial.argmax(1) != labels)
    survives = np.zeros(len(x), dtype=bool)
    survives[fallen] = survives_rounding(model, x_adv[fallen], y[fallen])
    correct = clean.argmax(1) == labels
    lengths = norms(x_adv, x)
    rows = pd.DataFrame(
        {
            "label": labels,
            "clean_prediction": clean.argmax(1),
            "clean_margin": margins(clean, labels),
            "adversarial_prediction": adversarial.argmax(1),
            "adversarial_margin": margins(adversarial, labels),
            "inside": inside,
            "robust": correct & ~fallen,
            "first_success": first.cpu().numpy(),
            "linf": lengths["Linf"].numpy(),
            "l2": lengths["L2"].numpy(),
            "survives_8bit": survives,
        }
    )
    return rows, x_adv

"""From a unit's inputs to its rows: the range, the budget and the verdict, for all attacks."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from workbench.attacks import Attack, Attempt
from workbench.devices import device_name
from workbench.evaluation.paths import summary
from workbench.evaluation.verify import logits_of, margins, survives_rounding
from workbench.models.counted import Counted
from workbench.seeds import Noise
from workbench.threat import ThreatModel, norms

NOT_TOLD = -2
MEASURE_VERSION = 2  # raise it when a verdict or a column changes: old units are done again


@dataclass(frozen=True)
class Measurement:
    """The rows of a unit (see records.ATTACK_COLUMNS), its images, and what it cost.

    images: proposed samples (n, c, h, w) float32. Passes are counted in images, and count the
    attack's own; the checks before and after it are not part of an attack's cost. broken_gradients:
    of the backward passes, those that ended in NaN or infinity.
    """

    rows: pd.DataFrame
    images: np.ndarray
    forward_passes: int
    backward_passes: int
    broken_gradients: int
    seconds: float

    def cost(self, device: torch.device) -> dict[str, Any]:
        """What the attack cost, and where, as a record tells it."""
        names = ("forward_passes", "backward_passes", "broken_gradients", "seconds")
        return {n: getattr(self, n) for n in names} | {"device": device_name(device)}


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
    Raises RuntimeError where a sample falls that the attack had proved robust.
    """
    counted = Counted(model, attack.as_given)
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
    x_adv = x.clone()
    x_adv[chosen] = attempt.x_adv.detach()
    rows = judge(model, x, y, clean, x_adv, threat)
    rows = pd.concat([rows, _told(attempt, chosen, y)], axis=1)
    rows.insert(0, "index", np.arange(start, start + len(x)))
    check_proofs(rows)
    images = x_adv.cpu().numpy()
    passes = counted.forward_passes, counted.backward_passes, counted.broken_gradients
    return Measurement(rows, images, *passes, seconds)


def judge(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    clean: np.ndarray,
    x_adv: torch.Tensor,
    threat: ThreatModel,
) -> pd.DataFrame:
    """The verdict on proposals x_adv (n, c, h, w); clean: logits of x (n, classes)."""
    inside = threat.contains(x_adv, x).numpy()
    finite = torch.isfinite(x_adv).flatten(1).all(1)
    labels = y.cpu().numpy()
    adversarial = logits_of(model, torch.where(finite[:, None, None, None], x_adv, x))
    fallen = inside & (adversarial.argmax(1) != labels)
    survives = np.zeros(len(x), dtype=bool)
    survives[fallen] = survives_rounding(model, x_adv[fallen], y[fallen])
    correct = clean.argmax(1) == labels
    lengths = norms(x_adv, x)
    return pd.DataFrame(
        {
            "label": labels,
            "clean_prediction": clean.argmax(1),
            "clean_margin": margins(clean, labels),
            "adversarial_prediction": adversarial.argmax(1),
            "adversarial_margin": margins(adversarial, labels),
            "inside": inside,
            "verified": fallen,
            "robust": correct & ~fallen,
            "linf": lengths["Linf"].numpy(),
            "l2": lengths["L2"].numpy(),
            "survives_8bit": survives,
        }
    )


def _told(attempt: Attempt, chosen: torch.Tensor, y: torch.Tensor) -> pd.DataFrame:
    """What the attack tells of each sample; one that was not attacked fell before a first step."""

    def whole(values: torch.Tensor | None) -> np.ndarray:
        found = torch.zeros_like(y)
        found[chosen] = NOT_TOLD if values is None else values.to(y)
        return found.cpu().numpy()

    losses = torch.full((len(y), 1), torch.nan)
    if attempt.losses is not None:
        losses = torch.full((len(y), attempt.losses.shape[1]), torch.nan)
        losses[chosen.cpu()] = attempt.losses.float().cpu()
    certified = np.zeros(len(y), dtype=bool)
    if attempt.certified is not None:
        certified[chosen.cpu().numpy()] = attempt.certified.cpu().numpy()
    counts = {
        "first_success": whole(attempt.first_success),
        "forwards": whole(attempt.forwards),
        "backwards": whole(attempt.backwards),
    }
    return pd.DataFrame(counts | summary(losses.numpy()) | {"certified": certified})


def check_proofs(rows: pd.DataFrame) -> None:
    """Raise RuntimeError where a sample falls, to any attack, that was proved robust.

    rows: of one model under one threat model. Then a bound is wrong, and no number is safe.
    """
    seen = rows.groupby("index")[["certified", "verified"]].any()
    broken = seen.index[seen["certified"] & seen["verified"]]
    if len(broken):
        raise RuntimeError(
            f"samples {broken.tolist()} were proved robust and are broken: this is a bug of the "
            "bounds; please report it"
        )

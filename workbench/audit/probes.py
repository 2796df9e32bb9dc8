"""What the checks look at besides attacks: how a model behaves on natural samples and near them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from workbench import certificates
from workbench.attacks import attack
from workbench.attacks.losses import margins
from workbench.devices import full_precision
from workbench.errors import out_of_memory
from workbench.evaluation.measure import measure
from workbench.evaluation.probing import Given

BATCHES = (1, 2, 50)
LOOKS = 5
BATCH = 64
SCALINGS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "0..255": lambda x: 255 * x,
    "-1..1": lambda x: 2 * x - 1,
    "standardised": lambda x: (
        (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True).clamp_min(1e-6)
    ),
}


def _logits(model: nn.Module, x: torch.Tensor, batch: int = BATCH) -> torch.Tensor:
    """Logits (n, classes) in batches of this size."""
    with torch.no_grad(), full_precision():
        return torch.cat([model(part) for part in x.split(batch)]).float()


def _furthest(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The largest difference of two rows of logits, of each sample: (n,)."""
    return (first - second).abs().amax(1)


@dataclass(frozen=True)
class Outputs:
    """The model's outputs as they are: row extremes and sums, and how many outputs there are."""

    version: ClassVar[int] = 1

    def __call__(self, given: Given) -> pd.DataFrame:
        found = _logits(given.model, given.x)
        columns = {
            "lowest": found.amin(1),
            "highest": found.amax(1),
            "sum": found.cpu().double().sum(1),
        }
        rows = pd.DataFrame({name: value.cpu().numpy() for name, value in columns.items()})
        return rows.assign(outputs=found.shape[1])


@dataclass(frozen=True)
class Batching:
    """Logits of the same samples in other batches: alone, in twos, in fifties, and shuffled."""

    version: ClassVar[int] = 1

    def __call__(self, given: Given) -> pd.DataFrame:
        usual = _logits(given.model, given.x)
        apart = [_furthest(usual, _logits(given.model, given.x, batch)) for batch in BATCHES]
        order = given.noise.uniform(given.x[:, :1, :1, 0], "shuffle").flatten().argsort()
        shuffled = torch.empty_like(usual)
        shuffled[order] = _logits(given.model, given.x[order])
        apart.append(_furthest(usual, shuffled))
        scale = usual.abs().amax(1).clamp_min(1)
        return pd.DataFrame({"apart": (torch.stack(apart).amax(0) / scale).cpu().numpy()})


@dataclass(frozen=True)
class Repeated:
    """Logits of the same batch, looked at several times: their distance, and what is kept.

    apart: the largest L2 distance of two looks' normalised logits. right: how many of
    them find the sample right. changed: buffers of the model were changed by looking.
    training: modules of it are in train mode.
    """

    version: ClassVar[int] = 1

    def __call__(self, given: Given) -> pd.DataFrame:
        before = {name: buffer.clone() for name, buffer in given.model.named_buffers()}
        looks = torch.stack([_logits(given.model, given.x) for _ in range(LOOKS)])
        changed = any(not torch.equal(b, before[n]) for n, b in given.model.named_buffers())
        directions = F.normalize(looks, dim=2)
        apart = torch.cdist(directions.transpose(0, 1), directions.transpose(0, 1))
        right = (looks.argmax(2) == given.y).sum(0)
        rows = pd.DataFrame({"apart": apart.amax((1, 2)).cpu(), "right": right.cpu()})
        return rows.assign(
            changed=changed,
            # a frozen script has no word for its mode
            training=any(getattr(module, "training", False) for module in given.model.modules()),
        )


@dataclass(frozen=True)
class Scalings:
    """Predictions on the images on other scales, and outside the box [0, 1].

    correct, and one column per scaling: right there. clipped: the output for x + 1 is that for
    x + 2, as if the model clipped what it is given.
    """

    version: ClassVar[int] = 1

    def __call__(self, given: Given) -> pd.DataFrame:
        def right(images: torch.Tensor) -> Any:
            return (_logits(given.model, images).argmax(1) == given.y).cpu().numpy()

        found = {name: right(scaled(given.x)) for name, scaled in SCALINGS.items()}
        brighter, brightest = (_logits(given.model, given.x + more) for more in (1, 2))
        clipped = (brighter == brightest).all(1).cpu().numpy()
        return pd.DataFrame({"correct": right(given.x), **found, "clipped": clipped})


@dataclass(frozen=True)
class Gradients:
    """Norms of the losses' gradients to the image; NaN, and why, where there is none.

    cross_entropy, margin: L2 norms; the margin is the label's logit minus the best other one.
    proved: of samples where one of them is zero, whether a sound bound proves them robust, so that
    the gradient hides nothing.
    """

    version: ClassVar[int] = 3

    def __call__(self, given: Given) -> pd.DataFrame:
        losses = {
            "cross_entropy": lambda logits, label: F.cross_entropy(logits, label, reduction="sum"),
            "margin": lambda logits, label: margins(logits, label).sum(),
        }
        found: dict[str, Any] = {}
        failed = ""
        for name, loss in losses.items():
            try:
                found[name] = _gradient_norms(given.model, given.x, given.y, loss)
            except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
                if out_of_memory(error):  # which says nothing of the model
                    raise
                found[name], failed = float("nan"), str(error).partition("\n")[0]
        rows = pd.DataFrame(found, index=range(len(given.x)))
        flat = (rows == 0).any(axis=1).to_numpy()
        return rows.assign(failed=failed, proved=_proved(given, flat))


@dataclass(frozen=True)
class Proofs:
    """Which samples a sound bound proves robust. known: there is a bound for the net."""

    version: ClassVar[int] = 1

    def __call__(self, given: Given) -> pd.DataFrame:
        found = certificates.certified_margins(given.model, given.x, given.y, given.threat)
        if found is None:
            return pd.DataFrame({"proved": [False] * len(given.x), "known": False})
        proved = certificates.certified(found, given.y).cpu()
        return pd.DataFrame({"proved": proved, "known": True})


def _proved(given: Given, chosen: np.ndarray) -> np.ndarray:
    """Which of the chosen samples (n,) a bound proves robust: (n,) bool."""
    proved = np.zeros(len(chosen), dtype=bool)
    rows = torch.from_numpy(chosen.nonzero()[0]).to(given.x.device)
    if len(rows):
        y = given.y[rows]
        margins = certificates.certified_margins(given.model, given.x[rows], y, given.threat)
        if margins is not None:
            proved[chosen] = certificates.certified(margins, y).cpu().numpy()
    return proved


def _gradient_norms(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> Any:
    """The L2 norm of a loss's gradient to each image: (n,)."""
    parts = []
    for images, labels in zip(x.split(BATCH), y.split(BATCH), strict=True):
        at = images.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(model(at), labels), at)
        parts.append(gradient.cpu().double().flatten(1).norm(dim=1))
    return torch.cat(parts).numpy()


@dataclass(frozen=True)
class Dynamics:
    """Whether the model differentiates or optimises inside its own forward pass.

    calls: how often autograd was asked for a gradient, or switched on, while predicting.
    """

    version: ClassVar[int] = 2

    def __call__(self, given: Given) -> pd.DataFrame:
        with torch.no_grad(), _counted_autograd() as calls:  # leaving no_grad is not counted
            given.model(given.x[:2])
        return pd.DataFrame({"calls": [len(calls)] * len(given.x)})


@contextmanager
def _counted_autograd() -> Iterator[list[str]]:
    """Note every use of autograd's engine, and what switches it on; they do what they always do.

    A model may have imported the functions that call the engine under names of its own, so it is
    the engine, where torch.autograd looks for it, and the switches' classes that are watched.
    """
    calls: list[str] = []

    def watched(name: str, given: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **named: Any) -> Any:
            if name != "__init__" or arguments[1:2] == (True,) or named.get("mode"):
                calls.append(name)
            return given(*arguments, **named)

        return noted

    entrances = [
        (torch.autograd, "_engine_run_backward"),
        (torch.enable_grad, "__enter__"),
        (torch.set_grad_enabled, "__init__"),
    ]
    patches = [patch.object(o, n, watched(n, getattr(o, n))) for o, n in entrances]
    for one in patches:
        one.start()
    try:
        yield calls
    finally:
        for one in reversed(patches):
            one.stop()


@dataclass(frozen=True)
class Smoothness:
    """How much the loss changes under small random changes of the image (Pintor et al., 2022).

    change: the mean over draws in ± radius / 2 of |L(x + δ) − L(x)| / L(x), clipped to 1, of the
    cross-entropy.
    """

    draws: int = 100
    radius: float = 8 / 255
    version: ClassVar[int] = 1

    def __call__(self, given: Given) -> pd.DataFrame:
        def losses(logits: torch.Tensor) -> torch.Tensor:
            return F.cross_entropy(logits, given.y, reduction="none")

        logits = _logits(given.model, given.x)
        natural = losses(logits)
        changes = []
        for draw in range(self.draws):
            near = given.x + self.radius * (given.noise.uniform(given.x, "smoothness", draw) - 0.5)
            change = (losses(_logits(given.model, near)) - natural).abs() / natural.clamp_min(1e-12)
            changes.append(change.clamp_max(1))
        correct = logits.argmax(1) == given.y
        return pd.DataFrame(
            {"change": torch.stack(changes).mean(0).cpu(), "correct": correct.cpu()}
        )


@dataclass(frozen=True)
class Reproduced:
    """The verdicts of an attack, done twice with the same seed."""

    attack: str = "square:queries=100"
    version: ClassVar[int] = 1

    def __call__(self, given: Given) -> pd.DataFrame:
        chosen = attack(self.attack)
        first, second = (
            measure(
                *(given.model, given.x, given.y, given.noise.indices[0]),
                *(chosen, given.threat, given.noise.seed),
            ).rows["robust"]
            for _ in range(2)
        )
        return pd.DataFrame({"first": first, "second": second})

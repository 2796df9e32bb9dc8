"""The terms that Eq. 3 drops, exactly, for classifiers of images small enough to enumerate.

An image has three pixels of a few levels each. The first pixel tells the class coarsely, and
survives small noise; the other two tell it finely, and do not (after Tsipras et al., ICLR 2019).
So a net trained naturally relies on what an attack overturns, and an adversarially trained one
does not. Noise is counted in levels; every image, every noise and every output is enumerated.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from workbench.information.discrete import interaction_bounds, terms
from workbench.seeds import derive, forked

PIXELS, CLASSES = 3, 3
COARSE, FINE = 1.0, 0.4  # spread of a pixel around its class's level, in levels
BIN = 1.0  # width of the bins of quantised logits, in nats


@dataclass(frozen=True)
class Images:
    """Every image there is, S = levels³ of them.

    pixels: (S, 3) levels, 0 to levels − 1. p: (S,) probabilities. labels: (S,), the class under
    which an image is most probable. distance: (S, S), Linf, in levels.
    """

    levels: int
    pixels: np.ndarray
    p: np.ndarray
    labels: np.ndarray
    distance: np.ndarray

    def row(self, pixels: np.ndarray) -> np.ndarray:
        """Where images (..., 3) stand in the list."""
        return np.asarray(pixels @ self.levels ** np.arange(PIXELS)[::-1])

    def noise(self, x: np.ndarray, x_adv: np.ndarray) -> np.ndarray:
        """A number of its own for each noise x̃ − x, of images by their rows (m,)."""
        radix = (2 * self.levels - 1) ** np.arange(PIXELS)
        return np.asarray((self.pixels[x_adv] - self.pixels[x]) @ radix)


@dataclass(frozen=True)
class Attacked:
    """A distribution of natural and adversarial images: probabilities and rows, (m,) each."""

    p: np.ndarray
    x: np.ndarray
    x_adv: np.ndarray


def images(levels: int) -> Images:
    """All images of three pixels; classes are equally probable.

    Class c has its coarse pixel around c of three levels that span the range, and its fine pixels
    around c of the three middle levels.
    """
    pixels = np.indices((levels,) * PIXELS).reshape(PIXELS, -1).T
    classes, middle = np.arange(CLASSES)[:, None], (levels - 1) / 2
    coarse = np.exp(-abs(np.arange(levels) - classes * middle) / COARSE)
    fine = np.exp(-abs(np.arange(levels) - (middle + classes - 1)) / FINE)
    joint = coarse[:, pixels[:, 0]] * fine[:, pixels[:, 1]] * fine[:, pixels[:, 2]]
    joint /= CLASSES * joint.sum(1, keepdims=True)
    distance = abs(pixels[:, None] - pixels).max(-1)
    return Images(levels, pixels, joint.sum(0), joint.argmax(0), distance)


class Net(nn.Module):
    """A net with one hidden layer: (n, 3) levels in, (n, 3) logits out."""

    def __init__(self, levels: int, hidden: int) -> None:
        super().__init__()
        self.levels = levels
        self.layers = nn.Sequential(
            nn.Linear(PIXELS, hidden), nn.Tanh(), nn.Linear(hidden, CLASSES)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(2 * x / (self.levels - 1) - 1)


def train(data: Images, radius: int, steps: int, hidden: int, lr: float, seed: int) -> Net:
    """Minimise the exact expected cross-entropy at the worst image within a radius (levels).

    Radius 0 is natural training. The inner maximum is exact: all images are looked at.
    """
    with forked(seed):
        net = Net(data.levels, hidden)
    pixels = torch.tensor(data.pixels, dtype=torch.float32)
    p, labels = torch.tensor(data.p, dtype=torch.float32), torch.tensor(data.labels)
    optimizer = torch.optim.Adam(net.parameters(), lr)
    for _ in range(steps):
        logits = net(pixels)
        at = torch.tensor(worst(data, logits.detach().double().numpy(), radius).x_adv)
        loss = (p * F.cross_entropy(logits[at], labels, reduction="none")).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


def logits_of(data: Images, net: Net) -> np.ndarray:
    """The logits of all images: (S, 3) float64."""
    with torch.no_grad():
        return net(torch.tensor(data.pixels, dtype=torch.float32)).double().numpy()


def worst(data: Images, logits: np.ndarray, radius: int) -> Attacked:
    """The image of highest cross-entropy within the radius, the first of equals.

    logits: (S, 3) of all images.
    """
    losses = np.logaddexp.reduce(logits, axis=1)[:, None] - logits
    inside = np.where(data.distance <= radius, losses[:, data.labels].T, -np.inf)
    return Attacked(data.p, np.arange(len(data.p)), inside.argmax(1))


def climb(data: Images, net: Net, start: Attacked, radius: int, steps: int) -> Attacked:
    """PGD on the cross-entropy from given starts, one level a step, inside ball and range."""
    centre, at = data.pixels[start.x], data.pixels[start.x_adv]
    signs = _ascent(data, net)
    for _ in range(steps):
        at = at + signs[data.labels[start.x], data.row(at)]
        at = np.clip(at, centre - radius, centre + radius).clip(0, data.levels - 1)
    return Attacked(start.p, start.x, data.row(at))


def _ascent(data: Images, net: Net) -> np.ndarray:
    """Signs of the loss's gradient for each label at each image: (3, S, 3)."""
    signs = []
    for label in range(CLASSES):
        x = torch.tensor(data.pixels, dtype=torch.float32, requires_grad=True)
        loss = F.cross_entropy(net(x), torch.full((len(x),), label), reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x)
        signs.append(gradient.sign().long().numpy())
    return np.stack(signs)


def natural(data: Images) -> Attacked:
    """No noise."""
    rows = np.arange(len(data.p))
    return Attacked(data.p, rows, rows)


def uniform(data: Images, radius: int) -> Attacked:
    """Each image within the radius is equally probable."""
    x, x_adv = np.nonzero(data.distance <= radius)
    return Attacked((data.p / np.bincount(x))[x], x, x_adv)


def attacked(data: Images, net: Net, logits: np.ndarray, radius: int) -> dict[str, Attacked]:
    """Every attack by its name; PGD walks two radii, from one end of the ball to the other."""
    return {
        "random": uniform(data, radius),
        "pgd, random start": climb(data, net, uniform(data, radius), radius, 2 * radius),
        "pgd": climb(data, net, natural(data), radius, 2 * radius),
        "worst": worst(data, logits, radius),
    }


def predicted(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Z the predicted class: outputs and their probabilities for each image, (S, 1) each."""
    return logits.argmax(1)[:, None], np.ones((len(logits), 1))


def quantised(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Z the logits, in bins: outputs and their probabilities for each image, (S, 1) each."""
    _, bins = np.unique(np.floor(logits / BIN), axis=0, return_inverse=True)
    return bins.reshape(-1, 1), np.ones((len(logits), 1))


def sampled(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Z drawn from the softmax: outputs and their probabilities for each image, (S, 3) each."""
    softmax = np.exp(logits - np.logaddexp.reduce(logits, axis=1)[:, None])
    return np.tile(np.arange(CLASSES), (len(logits), 1)), softmax


OUTPUTS: dict[str, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "predicted class": predicted,
    "quantised logits": quantised,
    "sampled class": sampled,
}


def measured(data: Images, found: Attacked, logits: np.ndarray, output: str) -> dict[str, float]:
    """The terms of Eq. 2, and bounds on I(X;N;Z) from what records hold, nats.

    The bounds know the L2 length of the noise, and the predicted class of x; or z itself, where
    there is one row per image, so that neither the attack nor the output draws anything.
    """
    values, chances = OUTPUTS[output](logits)
    x, x_adv = (np.repeat(rows, values.shape[1]) for rows in (found.x, found.x_adv))
    p, z = (found.p[:, None] * chances[found.x_adv]).ravel(), values[found.x_adv].ravel()
    of_x = z if len(z) == len(data.p) else logits.argmax(1)[x]
    length = ((data.pixels[x_adv] - data.pixels[x]) ** 2).sum(1)
    low, high = interaction_bounds(p, z, of_x, length)
    bounds = {"interaction_low": low, "interaction_high": high}
    return asdict(terms(p, x, data.noise(x, x_adv), x_adv, z)) | bounds


@dataclass(frozen=True)
class EnumeratedTerms:
    """The experiment: the terms of Eq. 2 for each model, attack, ε and kind of output.

    levels: of a pixel. radii: the ε of the attacks, in levels. train_radius: of the robust
    model's adversarial training. steps, hidden, lr: of training, by Adam on the full distribution.
    """

    levels: int = 9
    radii: tuple[int, ...] = (0, 1, 2, 3)
    train_radius: int = 1
    steps: int = 400
    hidden: int = 16
    lr: float = 0.02
    version: ClassVar[int] = 1

    def __call__(self, seed: int) -> pd.DataFrame:
        """A row each, with the columns of `measured` (nats).

        model: natural or robust. attack, output: as in `attacked` and OUTPUTS. radius: levels.
        accuracy: share of x̃ that are classified right.
        """
        data = images(self.levels)
        models = {"natural": 0, "robust": self.train_radius}
        rows = [row for model in models for row in self._rows(data, model, models[model], seed)]
        return pd.DataFrame(rows)

    def _rows(self, data: Images, model: str, trained: int, seed: int) -> Iterator[dict[str, Any]]:
        """The rows of one model."""
        start = derive(seed, "weights")
        net = train(data, trained, self.steps, self.hidden, self.lr, start)
        logits = logits_of(data, net)
        for radius in self.radii:
            for attack, found in attacked(data, net, logits, radius).items():
                right = logits.argmax(1)[found.x_adv] == data.labels[found.x]
                facts: dict[str, Any] = {"model": model, "attack": attack, "radius": radius}
                facts["accuracy"] = float(found.p @ right)
                for output in OUTPUTS:
                    yield facts | {"output": output} | measured(data, found, logits, output)

"""One sample, closely: its logits, the attack's way, and the samples with like MI."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from workbench import figures
from workbench.attacks import attack
from workbench.evaluation.verify import logits_of, margins
from workbench.explore.views import AXES, View
from workbench.seeds import Noise

NAMES_UP_TO = 20  # classes whose names fit below their bars


class Watched(nn.Module):
    """A model that keeps the logits of every forward pass for the one image that it is given."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.logits: list[torch.Tensor] = []
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (1, c, h, w) in [0, 1] -> logits (1, classes)."""
        logits = self.model(x)
        self.logits.append(logits.detach())
        return logits


def logits(view: View, place: int) -> np.ndarray:
    """The model's logits of x and of x̃: (2, classes)."""
    pair = torch.from_numpy(np.stack(view.images(place)))
    return logits_of(view.model, pair.to(view.model.device))


def path(view: View, place: int) -> np.ndarray:
    """The label's margin at each point where the attack looked at the sample: (looks,).

    The attack is run again on this sample alone, with the random numbers that it had.
    """
    row = view.rows.iloc[place]
    index = int(row["index"])
    x, y = view.data.batch(index, index + 1, view.model.device)
    watched = Watched(view.model)
    attack(view.attack)(watched, x, y, view.threat, Noise(view.seed, (index,)))
    looked = torch.cat(watched.logits).float().cpu().numpy()
    return margins(looked, np.full(len(looked), int(row["label"])))


def neighbours(view: View, place: int, count: int) -> np.ndarray:
    """The rows whose adversarial outputs have the MI most like this one's, nearest first.

    Distances are Euclidean, of natural and adversarial MI each in units of its spread.
    """
    values = view.rows[[f"{name}_adversarial" for name in AXES.values()]].to_numpy()
    spread = values.std(0)
    away = (values - values[place]) / np.where(spread > 0, spread, 1)
    nearest = np.argsort(np.linalg.norm(away, axis=1), kind="stable")
    return nearest[nearest != place][:count]


def drawn(view: View, place: int) -> Figure:
    """Logits before and after the attack, and the margin along its way."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(figures.PAGE, 1.9))
    _bars(left, logits(view, place), view.data.classes, int(view.rows["label"].iloc[place]))
    along = path(view, place)
    right.plot(range(len(along)), along, color=figures.ADVERSARIAL)
    right.axhline(0, color="0.6", linewidth=0.6)
    right.set(xlabel="forward pass of the attack", ylabel="margin of the label")
    return figure


def _bars(axes: Axes, pair: np.ndarray, classes: tuple[str, ...], label: int) -> None:
    """The logits of x and of x̃, side by side."""
    places = np.arange(pair.shape[1])
    looks = zip(pair, (-0.2, 0.2), (figures.NATURAL, figures.ADVERSARIAL), ("x", "x̃"), strict=True)
    for values, shift, colour, name in looks:
        axes.bar(places + shift, values, 0.4, color=colour, label=name)
    axes.set(ylabel="logit")
    axes.legend()
    if len(classes) == len(places) <= NAMES_UP_TO:
        axes.set_xticks(places, classes, rotation=60, ha="right")
        axes.get_xticklabels()[label].set_fontweight("bold")

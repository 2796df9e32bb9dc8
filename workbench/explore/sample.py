"""One sample, closely: its logits, the attack's way, and the samples with like MI."""

import numpy as np
import pandas as pd
import torch
from torch import nn

from workbench import figures
from workbench.attacks import attack
from workbench.evaluation.verify import logits_of, margins
from workbench.explore.drawings import curve
from workbench.explore.views import MI, View
from workbench.seeds import Noise
from workbench.tables.classes import class_name

CLASSES = 10  # of the logits that are shown, the highest


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
    values = np.stack([view.values(quantity) for quantity in MI], axis=1)
    spread = values.std(0)
    away = (values - values[place]) / np.where(spread > 0, spread, 1)
    nearest = np.argsort(np.linalg.norm(away, axis=1), kind="stable")
    return nearest[nearest != place][:count]


def logit_table(view: View, place: int) -> str:
    """The logits of x and of x̃ as a table of HTML with bars: of the classes that are highest."""
    found = pd.DataFrame(logits(view, place).T, columns=["x", "x̃"])
    found.index = [class_name(output, view.data.classes) for output in found.index]
    label = found.index[int(view.rows["label"].iloc[place])]
    most = found.loc[found.max(axis=1).nlargest(CLASSES).index]
    shown = most.style.format(precision=2).format_index(escape="html")
    shown = shown.set_table_attributes('class="wb-logits"')
    for name, colour in (("x", figures.NATURAL), ("x̃", figures.ADVERSARIAL)):
        low, high = float(most.min(axis=None)), float(most.max(axis=None))
        pale = f"{colour}80"  # numbers stand on the bars
        shown = shown.bar([name], align="zero", color=pale, vmin=min(low, 0), vmax=high)
    bold = {True: "font-weight: bold", False: ""}
    return shown.map_index(lambda name: bold[name == label]).to_html()


def way(view: View, place: int) -> str:
    """The margin along the attack's way, as HTML: a curve, and its numbers."""
    along = path(view, place)
    told = (
        f"margin of the label along the attack: {along[0]:.2f} at first, lowest {along.min():.2f} "
        f"at pass {along.argmin() + 1} of {len(along)}; below 0 it is misclassified"
    )
    return f'<div class="wb-way">{curve(along, told)}<small>{told}</small></div>'

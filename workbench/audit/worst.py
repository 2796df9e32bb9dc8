"""The samples that fall most easily, with their images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.data import Dataset
from workbench.evaluation.battery import adversarial_image, rows_of
from workbench.evaluation.store import Stored
from workbench.tables import flipped

SHOWN = 12


@dataclass(frozen=True)
class Fallen:
    """A sample that is classified right and falls.

    index: its position in the data set. label, prediction: the true class, and the one that x̃ is
    taken for. epsilon: the smallest that was tried at which it falls. margin: of the label at x̃,
    negative. linf, l2: distances. natural, adversarial: images (c, h, w) in [0, 1], float32.
    """

    index: int
    label: int
    prediction: int
    epsilon: float
    margin: float
    linf: float
    l2: float
    natural: np.ndarray
    adversarial: np.ndarray


def worst(data: Dataset, units: Mapping[float, Sequence[Stored]]) -> list[Fallen]:
    """Those that fall at the smallest ε first, and of one ε those that are furthest across.

    units: one attack's, by ε.
    """
    frames = [rows_of(found).assign(at=epsilon) for epsilon, found in sorted(units.items())]
    rows = pd.concat(frames, ignore_index=True)
    fallen = rows[flipped(rows)]
    chosen = fallen.drop_duplicates("index").sort_values(["at", "adversarial_margin"]).head(SHOWN)
    return [_fallen(row._asdict(), data, units[row.at]) for row in chosen.itertuples(index=False)]


def _fallen(row: dict[str, float], data: Dataset, units: Sequence[Stored]) -> Fallen:
    index = int(row["index"])
    natural, _ = data.batch(index, index + 1, "cpu")
    return Fallen(
        index,
        int(row["label"]),
        int(row["adversarial_prediction"]),
        row["at"],
        row["adversarial_margin"],
        row["linf"],
        row["l2"],
        natural[0].numpy(),
        adversarial_image(units, index),
    )

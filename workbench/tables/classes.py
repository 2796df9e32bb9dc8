"""Accuracies of each class: frame -> frame."""

from collections.abc import Sequence

import pandas as pd

from workbench.statistics import proportion
from workbench.tables.accuracy import flipped
from workbench.tables.fits import with_ends


def by_class(rows: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Clean and worst-case accuracy of one model on the samples of each class that there are.

    rows: of records.ATTACK_COLUMNS, of all attacks. Columns: class, samples, clean, clean_low,
    clean_high, robust, robust_low, robust_high, taken_for: the class that most of its flipped
    samples are taken for ("" where none is flipped). Shares in [0, 1], exact 95 % intervals.
    """
    first = rows.drop_duplicates("index").set_index("index")
    table = pd.DataFrame(
        {
            "label": first["label"],
            "clean": first["clean_prediction"] == first["label"],
            "robust": rows.groupby("index")["robust"].all(),
        }
    )
    fallen = rows[flipped(rows)]
    return pd.DataFrame(
        {
            "class": classes[int(label)],
            "samples": len(part),
            **with_ends("clean", proportion(part["clean"])),
            **with_ends("robust", proportion(part["robust"])),
            "taken_for": _most(fallen.loc[fallen["label"] == label], classes),
        }
        for label, part in table.groupby("label")
    )


def _most(fallen: pd.DataFrame, classes: Sequence[str]) -> str:
    """The class that most of these samples are taken for, each attack counted."""
    if fallen.empty:
        return ""
    return class_name(int(fallen["adversarial_prediction"].mode().iloc[0]), classes)


def class_name(output: int, classes: Sequence[str]) -> str:
    """What an output of the model is called, which may have more of them than the data classes."""
    return classes[output] if output < len(classes) else f"output {output}"

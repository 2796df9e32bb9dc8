"""What can be looked at: the MI of samples, and their images, by model, attack and ε."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from workbench.attacks import attack
from workbench.attacks import label as label_of
from workbench.data import Dataset
from workbench.errors import InputError
from workbench.evaluation.battery import adversarial_image, fill_all
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.information import InformationRequest, mutual_information_all
from workbench.evaluation.store import Store, Stored
from workbench.information import Fit
from workbench.models import Classifier
from workbench.progress import Progress, no_progress
from workbench.specs import UNIT_SIZE
from workbench.tables.classes import class_name
from workbench.threat import ThreatModel

OUTPUTS = ("natural", "adversarial")
# of each quantity its columns in the records, for the natural and for the adversarial output
QUANTITIES = {
    "natural MI": ("natural_mi_natural", "natural_mi_adversarial"),
    "adversarial MI": ("adversarial_mi_natural", "adversarial_mi_adversarial"),
    "margin": ("clean_margin", "adversarial_margin"),
    "confidence": ("clean_confidence", "adversarial_confidence"),
}
UNITS = {"natural MI": "nats", "adversarial MI": "nats", "margin": "logits", "confidence": "share"}
MI = ("natural MI", "adversarial MI")
VERDICTS = ("robust", "falls", "wrong unattacked")


@dataclass(frozen=True, eq=False)
class View:
    """One model under one attack at one ε.

    attack: its label. rows: one per sample (records.INFORMATION_COLUMNS). units: of the attack,
    which hold x̃.
    """

    model: Classifier
    data: Dataset
    threat: ThreatModel
    attack: str
    seed: int
    rows: pd.DataFrame
    units: Sequence[Stored]

    @cached_property
    def points(self) -> pd.DataFrame:
        """A row per output: all natural ones, then all adversarial ones, in the order of `rows`.

        Columns: those of QUANTITIES, output, class, verdict, sample (its place in `rows`).
        """
        return pd.concat([self._outputs(output) for output in OUTPUTS], ignore_index=True)

    def _outputs(self, output: str) -> pd.DataFrame:
        which = OUTPUTS.index(output)
        values = {name: self.rows[columns[which]] for name, columns in QUANTITIES.items()}
        classes = self.data.classes
        return pd.DataFrame(
            {
                **values,
                "output": pd.Categorical([output] * len(self.rows), OUTPUTS),
                "class": pd.Categorical.from_codes(self.rows["label"], classes),
                "verdict": pd.Categorical(verdicts(self.rows), VERDICTS),
                "sample": range(len(self.rows)),
            }
        )

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row per sample, as people read it: what became of it, and its quantities in UNITS.

        Of each quantity the column QUANTITY is of the natural output, "QUANTITY, x̃" of the other.
        """
        rows, classes = self.rows, self.data.classes
        told = {
            "sample": rows["index"],
            "class": [class_name(label, classes) for label in rows["label"]],
            "prediction of x̃": [class_name(k, classes) for k in rows["adversarial_prediction"]],
            "verdict": verdicts(rows),
        }
        for name, (natural, adversarial) in QUANTITIES.items():
            told |= {name: rows[natural], f"{name}, x̃": rows[adversarial]}
        return pd.DataFrame(told)

    def values(self, quantity: str) -> np.ndarray:
        """A quantity of the adversarial outputs: (samples,), in UNITS."""
        return self.rows[QUANTITIES[quantity][1]].to_numpy()

    def images(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """x and x̃ of a row: (c, h, w) float32 in [0, 1]."""
        index = int(self.rows["index"].iloc[place])
        x, _ = self.data.batch(index, index + 1)
        return x[0].numpy(), adversarial_image(self.units, index)


def limits(views: Sequence[View], quantity: str) -> tuple[float, float]:
    """A range for all views that holds all but the 1 % of the points that are furthest out.

    A few points far out would press all others together.
    """
    points = pd.concat([view.points[quantity] for view in views])
    low, high = points.quantile([0.005, 0.995])
    room = max(high - low, 1e-6) / 20
    return float(low - room), float(high + room)


def verdicts(rows: pd.DataFrame) -> np.ndarray:
    """What became of each sample, one of VERDICTS."""
    wrong = rows["clean_prediction"] != rows["label"]
    return np.select([wrong, rows["robust"]], ["wrong unattacked", "robust"], "falls")


def views(
    models: Sequence[Classifier],
    train: Dataset,
    test: Dataset,
    threats: Sequence[ThreatModel],
    attacks: Sequence[str],
    store: Store,
    *,
    samples: int,
    fit_samples: int,
    seed: int = 0,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> tuple[list[View], list[str]]:
    """A view of each model, threat model and attack, and warnings; the store's results are reused.

    A view whose critics diverged is left out, with a warning.
    Raises InputError as `mutual_information` says, and for two that could not be told apart.
    """
    wanted = [
        InformationRequest(
            *(model, train, test, threat, label_of(attack(name)), samples, fit_samples, seed, 0),
            Fit(),
            UNIT_SIZE,
        )
        for model in models
        for threat in threats
        for name in attacks
    ]
    if len({_case(request) for request in wanted}) < len(wanted):
        raise InputError("two views are of one model, attack and ε; name each once")
    found = mutual_information_all(wanted, store, progress, executor)
    attacked = fill_all([request.attack_jobs()[1] for request in wanted], store)
    made, warnings = [], []
    for request, answer, units in zip(wanted, found, attacked, strict=True):
        warnings += [f"{_case(request)}: {warning}" for warning in answer.warnings]
        if any("diverged" in fact for fact in answer.fit.values()):
            continue
        about = request.model, test, request.threat, request.attack_name, seed
        made.append(View(*about, answer.rows, units))
    return made, warnings


def _case(request: InformationRequest) -> str:
    return f"{request.model.origin}, {request.attack_name}, {request.threat}"

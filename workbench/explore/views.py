"""What can be looked at: the MI of samples, and their images, by model, attack and ε."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from workbench.attacks import attack
from workbench.attacks import label as label_of
from workbench.data import Dataset
from workbench.evaluation.battery import adversarial_image, fill_all
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.information import InformationRequest, mutual_information_all
from workbench.evaluation.store import Store, Stored
from workbench.information import Fit
from workbench.models import Classifier
from workbench.progress import Progress, no_progress
from workbench.specs import UNIT_SIZE
from workbench.threat import ThreatModel

AXES = {"natural MI": "natural_mi", "adversarial MI": "adversarial_mi"}
OUTPUTS = ("natural", "adversarial")
VERDICTS = ("robust", "falls", "misclassified")


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

        Columns: those of AXES in nats, output, class, verdict, sample (its place in `rows`).
        """
        return pd.concat([self._outputs(output) for output in OUTPUTS], ignore_index=True)

    def _outputs(self, output: str) -> pd.DataFrame:
        values = {axis: self.rows[f"{name}_{output}"] for axis, name in AXES.items()}
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

    def images(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """x and x̃ of a row: (c, h, w) float32 in [0, 1]."""
        index = int(self.rows["index"].iloc[place])
        x, _ = self.data.batch(index, index + 1)
        return x[0].numpy(), adversarial_image(self.units, index)


def verdicts(rows: pd.DataFrame) -> np.ndarray:
    """What became of each sample, one of VERDICTS; "misclassified" is so without an attack."""
    wrong = rows["clean_prediction"] != rows["label"]
    return np.select([wrong, rows["robust"]], ["misclassified", "robust"], "falls")


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
    Raises InputError as `mutual_information` says.
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
    found = mutual_information_all(wanted, store, progress, executor)
    attacked = fill_all([request.attack_jobs()[1] for request in wanted], store)
    made, warnings = [], []
    for request, answer, units in zip(wanted, found, attacked, strict=True):
        case = f"{request.model.origin}, {request.attack_name}, {request.threat}"
        warnings += [f"{case}: {warning}" for warning in answer.warnings]
        if any("diverged" in fact for fact in answer.fit.values()):
            continue
        about = request.model, test, request.threat, request.attack_name, seed
        made.append(View(*about, answer.rows, units))
    return made, warnings

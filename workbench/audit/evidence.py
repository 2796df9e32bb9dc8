"""What a check looks at: rows of attacks and probes, by name, and why some are not there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from workbench.attacks import attack, label
from workbench.audit.claims import Claim
from workbench.audit.worst import Fallen
from workbench.data import Dataset
from workbench.models import Classifier
from workbench.threat import ThreatModel

PASS: Final = "pass"
WARN: Final = "warn"
FAIL: Final = "fail"
NOT_RUN: Final = "not-run"
CHANCE = 0.05  # p-value below which a difference is none of chance
Status = Literal["pass", "warn", "fail", "not-run"]


PGD, LONGER, RESTARTED = (  # attacks that checks ask for
    label(attack(name)) for name in ("pgd-40", "pgd-40:steps=80", "pgd-40:restarts=2")
)


class NotRun(Exception):
    """A check has nothing to look at; the message says why."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    said: one sentence with the number. value, threshold: in the unit that the sentence names.
    samples: positions of the samples concerned in their data set.
    """

    status: Status
    said: str
    value: float | None = None
    threshold: float | None = None
    samples: tuple[int, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything that was measured of a model.

    attacks: rows (records.ATTACK_COLUMNS) under the threat model, by the attack's label.
    white_box: labels of those that go by gradients alone; black_box: by none; strongest: one that
    may do both.
    curve: rows of one attack by ε. wide: rows of "half", at Linf 1/2, and of "unbounded", with no
    bound but the box. probes: rows by the class's name. again: a row per attack and sample,
    judged by a fresh instance of the model. missing: why what is not here was
    left out, by name. claims: what was claimed. worst: samples that fall most easily.
    """

    model: Classifier
    data: Dataset
    threat: ThreatModel
    attacks: Mapping[str, pd.DataFrame]
    white_box: Sequence[str]
    black_box: Sequence[str]
    strongest: str
    curve: Mapping[float, pd.DataFrame]
    wide: Mapping[str, pd.DataFrame]
    probes: Mapping[str, pd.DataFrame]
    again: pd.DataFrame
    missing: Mapping[str, str]
    claims: Sequence[Claim] = ()
    worst: Sequence[Fallen] = ()

    def probe(self, name: str) -> pd.DataFrame:
        """The rows of a probe. Raises NotRun."""
        return self._found(self.probes, name)

    def attack(self, name: str) -> pd.DataFrame:
        """The rows of an attack, by sample. Raises NotRun."""
        return self._found(self.attacks, name).set_index("index")

    def wider(self, name: str) -> pd.DataFrame:
        """The rows of a wider threat model, by sample. Raises NotRun."""
        return self._found(self.wide, name).set_index("index")

    def _found(self, rows: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
        if name not in rows:
            raise NotRun(self.missing.get(name, f"{name} was not run"))
        return rows[name]

    def robust(self, names: Sequence[str]) -> pd.Series:
        """Samples that withstand all of these attacks: bool by sample. Raises NotRun for none."""
        there = [name for name in names if name in self.attacks]
        if not there:
            raise NotRun(self.missing.get("white-box", "no attack of this kind was run"))
        verdicts = pd.concat([self.attack(name)["robust"] for name in there], axis=1)
        return verdicts.all(axis=1)

    def correct(self) -> pd.Series:
        """Samples that are classified right without attack: bool by sample."""
        first = next(iter(self.attacks.values())).set_index("index")
        return first["clean_prediction"] == first["label"]


def places(flags: pd.Series) -> tuple[int, ...]:
    """The samples that a series of flags by sample marks."""
    return tuple(int(i) for i in flags.index[np.asarray(flags, dtype=bool)])

"""Looks at how a model behaves, sample by sample, as units of the store."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol

import pandas as pd
import torch
from torch import nn

from workbench.data import Dataset
from workbench.devices import device_name
from workbench.evaluation.jobs import Job, Result
from workbench.models import Classifier
from workbench.seeds import Noise
from workbench.specs import UNIT_SIZE, ProbeUnit, ranges, settings_of
from workbench.threat import ThreatModel


@dataclass(frozen=True)
class Given:
    """What a probe looks at: a model, x (n, c, h, w) in [0, 1], labels y (n,), and the rest."""

    model: nn.Module
    x: torch.Tensor
    y: torch.Tensor
    threat: ThreatModel
    noise: Noise


class Probe(Protocol):
    """A frozen dataclass: its fields are its settings, and go into the key of its results.

    version: raised when the same settings begin to give other results.
    """

    version: ClassVar[int]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __call__(self, given: Given) -> pd.DataFrame:
        """A row for each sample."""
        ...


def probe_jobs(
    model: Classifier, data: Dataset, threat: ThreatModel, probe: Probe, samples: int, seed: int
) -> list[Job]:
    """The units of one probe on the first samples of a data set."""
    return [
        Job(
            ProbeUnit(
                model.fingerprint,
                data.fingerprint,
                start,
                stop,
                settings_of(probe),
                threat.norm,
                threat.epsilon,
                seed,
            ),
            partial(_probed, model, data, threat, probe, start, stop, seed),
            stop - start,
            f"{type(probe).__name__.lower()} of {model.origin}",
        )
        for start, stop in ranges(0, samples, UNIT_SIZE)
    ]


def _probed(
    model: Classifier,
    data: Dataset,
    threat: ThreatModel,
    probe: Probe,
    start: int,
    stop: int,
    seed: int,
) -> Result:
    """The probe's rows of samples start..stop."""
    x, y = data.batch(start, stop, model.device)
    noise = Noise(seed, tuple(range(start, stop)))
    rows = probe(Given(model, x, y, threat, noise))
    rows.insert(0, "index", range(start, stop))
    return Result(rows, {}, {"device": device_name(model.device)})

"""Times of all parts from a measurement of each kind, against what the store has."""

import resource
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from workbench.evaluation.store import Store
from workbench.planning.part import Part


@dataclass(frozen=True)
class Prediction:
    """What is missing.

    parts: a line per kind of work: kind, what, units, stored, seconds_each, seconds. seconds: in
    all, by so many workers. memory: bytes of the processes at their peak, on CUDA of the GPUs.
    disk, free: bytes.
    """

    parts: pd.DataFrame
    seconds: float
    memory: int
    disk: int
    free: int


def predict(parts: Sequence[Part], store: Store, workers: int, device: str = "cpu") -> Prediction:
    """Measure a few steps of each kind of work that the store lacks, and predict the whole.

    device: that of the parts. A part that is named twice is counted once.
    """
    if workers > 1:
        torch.set_num_threads(1)  # as each of them computes
    keys = set(store.keys())
    groups: dict[tuple[str, str], list[Part]] = {}
    for part in {part.name: part for part in parts}.values():
        groups.setdefault(part.group, []).append(part)
    lines, disk = [], 0
    for (kind, what), units in groups.items():
        missing = [unit for unit in units if not (unit.there and unit.name in keys)]
        each = missing[0].probe() if missing else 0.0
        disk += sum(unit.size for unit in missing)
        lines.append(
            {
                "kind": kind,
                "what": what,
                "units": len(units),
                "stored": len(units) - len(missing),
                "seconds_each": each,
                "seconds": each * len(missing),
            }
        )
    table = pd.DataFrame(lines)
    free = shutil.disk_usage(store.root).free
    return Prediction(table, table["seconds"].sum() / workers, _peak(device) * workers, disk, free)


def _peak(device: str) -> int:
    """Bytes that this process, or on CUDA its part of the GPU, has held at most."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held if sys.platform == "darwin" else 1024 * held

"""A unit and how to compute it; carried out here, or packed, sent, and carried out in a worker."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from workbench.errors import InputError
from workbench.evaluation.shipping import pack, unpack
from workbench.evaluation.store import Store, Stored
from workbench.progress import ProgressFile
from workbench.provenance import provenance
from workbench.specs import Unit, key

MOST_DEATHS = 3  # workers that a unit may cost before it is to blame
_one_at_a_time = threading.Lock()  # a Dask worker may run threads; torch's random generator is one


@dataclass(frozen=True)
class Result:
    """What computing a unit gave: its rows, its tensors, and facts for the record."""

    rows: pd.DataFrame | None
    tensors: Mapping[str, np.ndarray]
    info: Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """A unit, how to compute it, its size for the progress bar, and what to call it there.

    compute: a function of a module with its arguments (functools.partial), as it may travel.
    told: where a long one tells how far it is. attack: what its rows call the attack, if they do.
    check: asks a stored result whether its model is this one still; raises InputError if not.
    """

    unit: Unit
    compute: Callable[[], Result]
    size: int
    doing: str
    told: ProgressFile | None = None
    attack: str = ""
    check: Callable[[Stored], None] | None = None


def carry_out(job: Job, store: Store) -> None:
    """Compute a unit and store it, unless another process did meanwhile."""
    if store.read(key(job.unit)) is not None:
        return
    result = job.compute()
    info = {**provenance(), "threads": torch.get_num_threads(), **result.info}
    spec = {"kind": type(job.unit).__name__, **asdict(job.unit)}
    store.write(key(job.unit), spec, result.rows, result.tensors, info)


class Parcels:
    """Jobs as bytes, for one store after the other; their files go when the executor ends."""

    def __init__(self) -> None:
        self._folders: dict[Path, Path] = {}
        self._open = ExitStack()

    def pack(self, job: Job, store: Store) -> bytes:
        """The job as `work` takes it."""
        root = store.root.absolute()
        if root not in self._folders:
            self._folders[root] = self._open.enter_context(store.scratch()).absolute()
        return pack((job, root), self._folders[root])

    def close(self) -> None:
        """Remove the files."""
        self._folders.clear()
        self._open.close()


def work(parcel: bytes) -> None:
    """Carry out a packed job, in a worker."""
    with _one_at_a_time:
        torch.set_num_threads(1)
        job, root = unpack(parcel)
        carry_out(job, _store(root))


@cache
def _store(root: Path) -> Store:
    return Store(root)


def count_death(job: Job, deaths: Counter[str]) -> None:
    """Note that a worker died of a unit. Raises InputError when it was the third."""
    name = key(job.unit)
    deaths[name] += 1
    if deaths[name] == MOST_DEATHS:
        raise InputError(
            f"{job.doing}: unit {name} ended its worker {MOST_DEATHS} times, perhaps for lack of "
            "memory; use fewer workers or a smaller --batch-size"
        )

"""Who computes the units: this process, worker processes, or a Dask cluster.

Units are idempotent and stored inside the task, so that a worker that is killed costs the unit it
was at and no other. A worker computes one unit at a time, on one thread.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import joblib
import torch

from workbench.errors import InputError
from workbench.evaluation.cluster import Cluster
from workbench.evaluation.jobs import Job, carry_out
from workbench.evaluation.store import Store
from workbench.evaluation.workers import Workers

MOST_WORKERS = 16  # unless more are asked for: each takes about 0.5 GB


class Executor(Protocol):
    """Computes jobs and stores each; tells which one begins, and gives those that are stored."""

    def __call__(
        self, jobs: Sequence[Job], store: Store, begun: Callable[[Job], None]
    ) -> Iterator[Job]:
        """The jobs, in any order, each as soon as its unit is in the store."""


def in_process(jobs: Sequence[Job], store: Store, begun: Callable[[Job], None]) -> Iterator[Job]:
    """One after the other, here, on as many threads as torch has: the executor that needs none."""
    for job in jobs:
        begun(job)
        carry_out(job, store)
        yield job


@contextmanager
def executor(
    workers: int | None, scheduler: str | None, device: str, long: bool = False
) -> Iterator[Executor]:
    """The executor of a command line: a cluster where it is named, else so many processes.

    workers: None takes usual_workers for long work, else 1, which is this process itself.
    Raises InputError where both are asked for, the cluster cannot be reached, or several workers
    are to keep to one GPU: they take every GPU in turn.
    """
    count = workers or (usual_workers(device) if long else 1)
    if count > 1 and device.startswith("cuda:"):
        raise InputError(
            f"--workers {count} takes every GPU in turn, and --device {device} names one; use "
            "--device cuda, and CUDA_VISIBLE_DEVICES to say which GPUs"
        )
    if scheduler is not None and (workers or 1) > 1:
        raise InputError("--scheduler has workers of its own; leave --workers out")
    if scheduler is not None:
        with Cluster(scheduler) as cluster:
            yield cluster
    elif count > 1:
        with Workers(count) as processes:
            yield processes
    else:
        yield in_process


def usual_workers(device: str) -> int:
    """What suits a long run: a worker per core, or per GPU; 1 is this process itself.

    A GPU that is named, as cuda:1, is one.
    """
    if device == "cuda":
        return torch.cuda.device_count()
    return min(joblib.cpu_count(), MOST_WORKERS) if device == "cpu" else 1

"""Worker processes of this machine."""

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Self

import torch

from workbench.errors import InputError
from workbench.evaluation.jobs import Job, Parcels, count_death, work
from workbench.evaluation.store import Store


class Workers:
    """Processes of this machine: one thread each on the CPU, one GPU each on CUDA, in turn.

    They start when there is work, no more than it has units, and stay until the `with` block
    ends. One that dies is replaced. A script that uses them needs `if __name__ == "__main__":`.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise InputError(f"{count} workers cannot compute anything; use 1 or more")
        self.count = count
        self._pools: dict[int, _PoolOfOne] = {}
        self._parcels = Parcels()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for pool in self._pools.values():
            pool.kill()
        self._pools.clear()
        self._parcels.close()

    def __call__(
        self, jobs: Sequence[Job], store: Store, begun: Callable[[Job], None]
    ) -> Iterator[Job]:
        """See Executor. Raises InputError for a unit that ended three workers."""
        waiting, deaths = deque(jobs), Counter[str]()
        running: dict[Future[None], tuple[int, Job]] = {}
        while waiting or running:
            busy = {number for number, _ in running.values()}
            for number in set(range(min(self.count, len(jobs)))) - busy:
                if waiting:
                    job = waiting.popleft()
                    begun(job)
                    running[self._submit(number, job, store)] = number, job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number, job = running.pop(future)
                try:
                    future.result()
                except BrokenProcessPool:
                    self._pools.pop(number).kill()
                    count_death(job, deaths)
                    waiting.appendleft(job)
                else:
                    yield job

    def _submit(self, number: int, job: Job, store: Store) -> Future[None]:
        if number not in self._pools:
            self._pools[number] = _PoolOfOne(_gpu(number))
        return self._pools[number].submit(self._parcels.pack(job, store))


class _PoolOfOne:
    """A worker process. In a pool of several, one that dies takes the others along."""

    def __init__(self, gpu: str | None) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, spawn, initializer=_prepare, initargs=(gpu,))
        self._process: multiprocessing.process.BaseProcess | None = None

    def submit(self, parcel: bytes) -> Future[None]:
        """Begin a job. Raises BrokenProcessPool through the future where the worker dies."""
        before = set(multiprocessing.active_children())
        try:
            with _interrupts_wait():
                future = self._pool.submit(work, parcel)
        except BrokenProcessPool as error:  # it died while it was idle
            future = Future()
            future.set_exception(error)
        if self._process is None:
            self._process = next(iter(set(multiprocessing.active_children()) - before), None)
        return future

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        if self._process is not None:
            self._process.kill()
        self._pool.shutdown(cancel_futures=True)


def _prepare(gpu: str | None) -> None:
    """What a worker does first: end with the command, and see one GPU only."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _gpu(number: int) -> str | None:
    """The GPU of a worker, as CUDA_VISIBLE_DEVICES names it; None without CUDA."""
    count = torch.cuda.device_count()
    if count == 0:
        return None
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = named.split(",")[:count] if named else [str(i) for i in range(count)]
    return names[number % count]


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Hold Ctrl-C back for a moment: a process started meanwhile never gets it, we do after."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

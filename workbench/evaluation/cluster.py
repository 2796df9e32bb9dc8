"""The workers of a Dask cluster."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from workbench.errors import InputError
from workbench.evaluation.jobs import Job, Parcels, count_death, work
from workbench.evaluation.store import Store
from workbench.specs import key

ANSWER = 10  # seconds until a scheduler must answer
ADDRESS = re.compile(r"(tcp|tls|ucx|ws|wss)://\S+:\d+")
VISIBLE = 90  # seconds until a network file system must show what a worker wrote


class Cluster:
    """The workers of an existing Dask cluster, which see the store under the same path.

    address: of its scheduler, such as tcp://node7:8786. What a stopped command had begun there is
    still finished and stored.
    Raises InputError where dask is not installed or the scheduler does not answer.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed
        except ModuleNotFoundError:
            raise InputError(
                "--scheduler needs Dask: pip install 'robustness-workbench[cluster]'"
            ) from None
        if not ADDRESS.fullmatch(address):
            raise InputError(
                f"{address!r} is no address of a Dask scheduler; give it as tcp://host:8786"
            )
        try:
            self._client = distributed.Client(address, timeout=ANSWER, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"no Dask scheduler answers at {address} ({error}); give its address as "
                "tcp://host:8786"
            ) from None
        self._parcels = Parcels()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()
        self._parcels.close()

    def __call__(
        self, jobs: Sequence[Job], store: Store, begun: Callable[[Job], None]
    ) -> Iterator[Job]:
        """See Executor. Raises InputError for a unit that ended its workers again and again."""
        from distributed import KilledWorker, as_completed

        deaths = Counter[str]()
        futures = {self._submit(job, store): job for job in jobs}
        begun(jobs[0])
        arriving = as_completed(futures, loop=self._client.loop)
        for future in arriving:
            job = futures.pop(future)
            try:
                future.result()
            except KilledWorker:
                count_death(job, deaths)
                again = self._submit(job, store)
                futures[again] = job
                arriving.add(again)
            else:
                _wait_until_visible(store.root / "units" / key(job.unit))
                yield job

    def _submit(self, job: Job, store: Store) -> Any:
        return self._client.submit(work, self._parcels.pack(job, store), pure=False)


def _wait_until_visible(folder: Path) -> None:
    """Wait for a network file system that shows a new folder late."""
    deadline = time.monotonic() + VISIBLE
    while not folder.exists():
        if time.monotonic() > deadline:
            raise InputError(f"a worker wrote {folder} and it is not there; is the store shared?")
        time.sleep(0.1)

"""How far jobs are, while others compute them."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from workbench.evaluation.jobs import Job
from workbench.progress import Progress
from workbench.specs import key

LOOKS = 2  # seconds between looks at what long jobs tell


class Watch:
    """Calls progress with (samples done, samples missing at the start, what is being done).

    Counts the jobs that are finished and, of long ones, the part that they tell of.
    """

    def __init__(self, jobs: Sequence[Job], progress: Progress) -> None:
        self._progress = progress
        self._unfinished = {key(job.unit): job for job in jobs}
        self._before, _, self._heard = self._under_way()  # done, and told, before a stop
        self._total = sum(job.size for job in jobs)
        self._finished = 0
        self._failed: Exception | None = None
        self._one_at_a_time = threading.Lock()

    def begun(self, job: Job) -> None:
        """Tell that a job begins."""
        with self._one_at_a_time:
            self._tell(job.doing)

    def finished(self, job: Job) -> None:
        """Tell that a job is done."""
        with self._one_at_a_time:
            del self._unfinished[key(job.unit)]
            self._finished += job.size
            self._tell(job.doing)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Meanwhile, look at what long jobs tell, and pass it on."""
        ended = threading.Event()
        thread = threading.Thread(target=self._look, args=(ended,), daemon=True)
        if any(job.told for job in self._unfinished.values()):
            thread.start()
        try:
            yield
        finally:
            ended.set()
            if thread.is_alive():
                thread.join()
        if self._failed is not None:
            raise self._failed

    def _look(self, ended: threading.Event) -> None:
        heard = self._heard
        while not ended.wait(LOOKS) and self._failed is None:
            with self._one_at_a_time:
                _, doing, at = self._under_way()
                if at > heard and not ended.is_set():
                    heard = at
                    try:
                        self._tell(doing)
                    except Exception as error:  # of who is told; raised where the work is asked for
                        self._failed = error

    def _tell(self, doing: str) -> None:
        done = self._finished + self._under_way()[0] - self._before
        self._progress(max(done, 0), self._total - self._before, doing)

    def _under_way(self) -> tuple[int, str, float]:
        """Samples that long jobs have done, what was told last, and when."""
        told = [(job, job.told.read()) for job in self._unfinished.values() if job.told]
        heard = [(job, found) for job, found in told if found]
        samples = sum(min(int(found.share * job.size), job.size - 1) for job, found in heard)
        texts = [(found.at, f"{job.doing}, {found.doing}") for job, found in heard]
        at, doing = max(texts, default=(0.0, ""))
        return samples, doing, at

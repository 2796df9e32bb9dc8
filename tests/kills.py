"""Kill a command, or one of its workers, at random moments, and look what it costs."""

import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import logged
import psutil

NAMES = ("rows.parquet", "tensors.safetensors")


@dataclass
class Battery:
    """A command that evaluates the digits model into a store, and the log of its forwards."""

    model: Path
    store: Path
    attacks: list[str]
    batch: int
    lost: int = 0  # units that kills may have cost: two for the command, one for a worker
    first_seen: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def command(self, workers: int) -> list[str]:
        arch = f"{logged.__file__}:logged"
        return [
            *(sys.executable, "-m", "workbench", "evaluate", str(self.model), "--arch", arch),
            *("--data", "digits", "--eps", "0.1", "--samples", "360", "--device", "cpu"),
            *("--batch-size", str(self.batch), "--attacks", ",".join(self.attacks)),
            *("--store", str(self.store), "--workers", str(workers)),
        ]

    @property
    def log(self) -> Path:
        return self.store.with_suffix(".log")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "OMP_NUM_THREADS": "1", logged.LOG: str(self.log)}

    def run(self, workers: int) -> None:
        """Let it run to its end."""
        subprocess.run(self.command(workers), env=self.environment, check=True, capture_output=True)

    def start(self, workers: int = 2) -> psutil.Popen:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return psutil.Popen(self.command(workers), env=self.environment, **quiet)

    def files(self) -> dict[str, bytes]:
        """The contents of all rows and images."""
        found = (path for path in sorted((self.store / "units").rglob("*")) if path.name in NAMES)
        return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in found}

    def look(self) -> int:
        """Note which units there are, assert that none that was seen changed; their number."""
        for path in (self.store / "units").glob("*/unit.json"):
            facts = path.stat()
            now = facts.st_ino, facts.st_mtime_ns
            assert self.first_seen.setdefault(path, now) == now, f"{path} was written again"
        return len(self.first_seen)

    def forwards(self) -> int:
        return self.log.stat().st_size


def workers_of(command: psutil.Process) -> list[psutil.Process]:
    """The worker processes of a command that live."""
    found = []
    for child in command.children():
        with suppress(psutil.NoSuchProcess):  # gone meanwhile, or killed and not yet buried
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def disturb(battery: Battery, victims: list[str], seed: int) -> None:
    """A kill -9 of each victim, "command" or "worker", at random moments of runs with 2 workers."""
    rng, running = random.Random(seed), None
    for number, victim in enumerate(victims):
        running = running or battery.start()
        units = battery.look() + rng.randrange(4) + (victim == "worker")
        _wait(battery, running, units, seconds=rng.uniform(0, 3))
        assert running.poll() is None, f"it ended before kill {number}"
        workers = workers_of(running)
        if victim == "worker" and workers:
            # not one that was started just now: no unit is to be hit three times
            min(workers, key=lambda worker: worker.create_time()).kill()
            battery.lost += 1
        else:
            _kill(running, workers)
            battery.lost += 2
            running = None
    if running is not None:
        assert running.wait(timeout=300) == 0


def _wait(battery: Battery, running: psutil.Popen, units: int, seconds: float) -> None:
    """Until there are so many units, and then a moment of at most a few units' time."""
    deadline = time.monotonic() + 120
    while battery.look() < units and running.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(seconds / 4 if workers_of(running) else seconds)


def _kill(command: psutil.Popen, workers: list[psutil.Process]) -> None:
    """Kill the command; its workers end by themselves."""
    command.kill()
    command.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)  # those that still import end after it
    assert not alive, "a worker outlived the command"

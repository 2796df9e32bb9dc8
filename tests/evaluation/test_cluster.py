"""A Dask cluster whose worker is killed again and again: the records of an undisturbed run."""

import os
import random
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from linear import Linear

from workbench.data import Dataset
from workbench.errors import InputError
from workbench.evaluation.battery import evaluate
from workbench.evaluation.execution import executor
from workbench.evaluation.store import Store
from workbench.models import Classifier
from workbench.threat import ThreatModel

distributed = pytest.importorskip("distributed", reason="dask is not installed")

KILLS = 2
ATTACKS = ["pgd-10:stop_at_success=false"]
SLOW = "WORKBENCH_TEST_SLOW"  # environment variable: while that file is there, Slow is slow


class Slow(Linear):
    """A unit takes a second, so that a worker is killed in the middle of one."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if Path(os.environ[SLOW]).exists():
            time.sleep(0.1)
        return super().forward(x)


class NotANumber(Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + torch.where(x.amax() > 0, torch.nan, 0.0)


def run(net: Linear, root: Path, **more) -> None:
    rng = np.random.default_rng(0)
    images = rng.uniform(0.3, 0.7, (120, 1, 6, 6)).astype(np.float32)
    data = Dataset("noise", "test", images, rng.integers(0, 2, 120), tuple("abcd"))
    common = {"store": Store(root), "samples": 120, "unit_size": 2, **more}
    evaluate(Classifier(net, "net"), data, ThreatModel("Linf", "0.02"), ATTACKS, **common)


def files(root: Path) -> dict[str, bytes]:
    names = ("rows.parquet", "tensors.safetensors")
    found = (path for path in sorted((root / "units").rglob("*")) if path.name in names)
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in found}


def kill_often(local, slow: Path, killed: list[int]) -> None:
    """Kill -9 the first worker at random moments, each time a new process."""
    rng = random.Random(0)
    while len(killed) < KILLS:
        pid = local.workers[0].pid
        if pid is not None and pid not in killed:
            time.sleep(rng.uniform(0.1, 2.5))
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        time.sleep(0.05)
    slow.unlink()


@pytest.fixture
def slow(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv(SLOW, str(tmp_path / "slow"))
    return tmp_path / "slow"


@pytest.fixture
def local(slow):
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(processes=True, **settings) as cluster:
        yield cluster


@pytest.mark.slow
def test_kills_of_a_worker_leave_the_records_of_an_undisturbed_run(tmp_path, local, slow) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    run(Slow(), tmp_path / "whole")
    torch.set_num_threads(before)
    killed: list[int] = []
    slow.touch()
    killer = threading.Thread(target=kill_often, args=(local, slow, killed), daemon=True)
    with executor(None, local.scheduler_address, "cpu") as cluster:
        killer.start()
        run(Slow(), tmp_path / "killed", executor=cluster)
    assert len(killed) == KILLS, "it ended before the last kill"
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    with (
        pytest.raises(InputError, match="NaN"),
        executor(None, local.scheduler_address, "cpu") as cluster,
    ):
        run(NotANumber(), tmp_path / "broken", executor=cluster)

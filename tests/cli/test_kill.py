"""`kill -9` at several moments, then the same command: the records of an undisturbed run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nets
import pytest


def command(model: Path, store: Path, *more: str) -> list[str]:
    attacks = "fgsm,pgd-40:restarts=2,pgd-10:restarts=6"
    return [
        *(sys.executable, "-m", "workbench", "evaluate", str(model), "--arch", nets.ARCH),
        *("--data", "digits", "--eps", "0.1", "--samples", "180", "--batch-size", "15"),
        *("--attacks", attacks, "--device", "cpu", "--store", str(store), *more),
    ]


def files(store: Path) -> dict[str, bytes]:
    names = ("rows.parquet", "tensors.safetensors")
    found = (path for path in sorted((store / "units").rglob("*")) if path.name in names)
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return nets.write_digits(tmp_path_factory.mktemp("model") / "digits.safetensors")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, model) -> tuple[Path, str]:
    """The store of a run that nothing disturbed, and what it printed."""
    store = tmp_path_factory.mktemp("whole")
    return store, printed(model, store)


@pytest.fixture(scope="module")
def undisturbed(whole) -> dict[str, bytes]:
    store, _ = whole
    assert len(files(store)) == 2 * 3 * 12
    return files(store)


def printed(model: Path, store: Path) -> str:
    """The JSON of a run that goes well."""
    words = command(model, store, "--json", "-")
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def test_killed_and_run_again_equals_undisturbed(tmp_path, model, undisturbed) -> None:
    store, moment = tmp_path / "store", 20  # units that are done when it comes
    running = subprocess.Popen(
        command(model, store), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(files(store)) < 2 * moment and running.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert running.returncode == -signal.SIGKILL, "it ended before it was killed"
    before = files(store)
    assert 2 * moment <= len(before) < len(undisturbed)
    subprocess.run(command(model, store), check=True, capture_output=True)
    after = files(store)
    assert after == undisturbed
    assert {name: after[name] for name in before} == before
    assert not list((store / "unfinished").iterdir())


def test_a_second_call_prints_the_same_numbers(model, whole) -> None:
    store, first = whole
    assert printed(model, store) == first  # the seconds too: they are those of the computation


def test_two_runs_at_once_into_one_store_are_both_right(tmp_path, model, undisturbed) -> None:
    store = tmp_path / "store"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command(model, store, "--json", "-"), **pipes) for _ in range(2)]
    outputs = [run.communicate(timeout=300)[0] for run in running]
    assert [run.returncode for run in running] == [0, 0]
    assert files(store) == undisturbed
    assert not list((store / "unfinished").iterdir())
    assert not list((store / "damaged").iterdir())
    assert outputs[0] == outputs[1]  # the seconds too: where both computed a unit, one was kept

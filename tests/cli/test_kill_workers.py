"""Workers that are killed, interrupted or given bad input: nothing is lost, nothing goes on."""

import os
import signal
import subprocess
import time
from pathlib import Path

import nets
import psutil
import pytest
from kills import Battery, disturb, workers_of

ATTACKS = ["pgd-40:steps=20,restarts=5,stop_at_success=false"]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return nets.write_digits(tmp_path_factory.mktemp("model") / "digits.safetensors")


def started(battery: Battery, units: int) -> subprocess.Popen:
    """The command in a session of its own, with so many units done."""
    running = psutil.Popen(
        battery.command(2),
        env=battery.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    )
    deadline = time.monotonic() + 60
    while battery.look() < units:
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.01)
    return running


@pytest.mark.slow
def test_random_kills_leave_the_records_of_an_undisturbed_run(tmp_path, model) -> None:
    whole = Battery(model, tmp_path / "whole", ATTACKS, 10)
    whole.run(workers=1)
    killed = Battery(model, tmp_path / "killed", ATTACKS, 10)
    disturb(killed, ["worker", "command"], seed=0)
    killed.run(workers=2)
    units = killed.look()
    assert killed.files() == whole.files()
    assert not list((killed.store / "unfinished").iterdir())
    extra = killed.forwards() - whole.forwards()
    assert 0 <= extra <= killed.lost * whole.forwards() / units * 1.15


def test_ctrl_c_is_one_line_at_once_and_ends_the_workers(tmp_path, model) -> None:
    attacks = [f"pgd-40:steps=20,restarts={n},stop_at_success=false" for n in range(5, 10)]
    battery = Battery(model, tmp_path / "store", attacks, 10)
    running = started(battery, units=4)
    workers = workers_of(running)
    assert len(workers) == 2
    os.killpg(running.pid, signal.SIGINT)
    output, errors = running.communicate(timeout=60)
    assert battery.look() < len(attacks) * 36  # it did not go on to the end
    assert running.returncode == 130
    assert errors.splitlines()[-1] == "stopped; the same command goes on from here"
    assert "Traceback" not in errors + output
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive
    assert not list((tmp_path / "store" / "unfinished").glob(f"*-{running.pid}-*"))


def test_bad_input_that_a_worker_finds_is_one_line(tmp_path, model) -> None:
    battery = Battery(model, tmp_path / "store", ["fgsm"], 90)
    command = [word.replace(":logged", ":broken") for word in battery.command(2)]
    ended = subprocess.run(command, env=battery.environment, capture_output=True, text=True)
    assert ended.returncode == 2
    (line,) = filter(None, ended.stderr.splitlines())  # an empty one is where the bar was
    assert line.startswith("error: the model gives NaN")

"""`workbench audit` given what is bad: one line, exit code 2, no traceback, no hang, no code run.

Case i is told by the seed and i alone. In the suite 108 cases run; more, with another seed, by

    WORKBENCH_FUZZ_CASES=5000 WORKBENCH_FUZZ_SEED=7 python -m pytest tests/audit/test_fuzz.py

and one of them again with -k, as in -k 'word-1234'.
"""

import faulthandler
import importlib
import os
import random
import resource
import warnings
from pathlib import Path

import fuzzing
import numpy as np
import pytest
from hostile import ARCH, write_all

from workbench.audit.request import DEPTHS, Depth
from workbench.cli import main

CASES = int(os.environ.get("WORKBENCH_FUZZ_CASES", "108"))
SEED = int(os.environ.get("WORKBENCH_FUZZ_SEED", "0"))
NAMES = [*fuzzing.KINDS]
IDS = [f"{NAMES[i % len(NAMES)]}-{i}" for i in range(CASES)]
WHOLE = 40  # of so many cases one is audited whole, where it is accepted
AGAINST = 5  # of so many bad models one is the second, which the first is compared with
HANGS = 120  # seconds after which the run is ended, and says where it was
MOST_BYTES = 3 << 30  # of memory, above what was taken before
ACCEPTED = 0
UNSEEN = (DeprecationWarning, PendingDeprecationWarning, ResourceWarning)  # Python shows nobody


class Accepted(Exception):
    """Raised in the place of a whole audit."""


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict[str, bytes]:
    return write_all(tmp_path_factory.mktemp("good"))


@pytest.fixture(autouse=True)
def shallow(monkeypatch) -> None:
    black_box = "random-noise", "square:queries=5"
    depth = Depth("apgd-ce:steps=2", "apgd-t:targets=1,steps=2", black_box, False, 1000, (0,))
    monkeypatch.setitem(DEPTHS, "fast", depth)
    monkeypatch.setitem(DEPTHS, "full", depth)


@pytest.fixture(autouse=True)
def watched():
    """End the run where a case hangs; see that none takes the machine's memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    faulthandler.dump_traceback_later(HANGS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert 1024 * (after - before) < MOST_BYTES


def usual(folder: Path, good: dict[str, bytes]) -> fuzzing.Options:
    """Words of an audit that is accepted."""
    (folder / "good.safetensors").write_bytes(good["w.safetensors"])
    images = np.random.default_rng(0).random((4, 4, 4), np.float32)
    np.savez(folder / "good.npz", x=images, y=[0, 1, 2, 1])
    return {
        "model": str(folder / "good.safetensors"),
        "arch": ARCH,
        "data": str(folder / "good.npz"),
        "store": str(folder / "store"),
        "workers": "1",
        "device": "cpu",
    }


def command(options: fuzzing.Options) -> list[str]:
    named = [f"--{name}={text}" for name, text in options.items() if name != "model"]
    return ["audit", *named, "--", options["model"]]


def stop(*arguments: object, **more: object) -> None:
    raise Accepted


@pytest.mark.parametrize("case", range(CASES), ids=IDS)
def test_what_is_bad_is_one_line_and_harmless(case, good, tmp_path, monkeypatch, capfd) -> None:
    draw = random.Random(f"{SEED} {case}")
    options = usual(tmp_path, good)
    changed = fuzzing.KINDS[NAMES[case % len(NAMES)]](draw, tmp_path, good)
    if "model" in changed and not draw.randrange(AGAINST):
        changed = {("against", "against-arch")[name == "arch"]: changed[name] for name in changed}
    elif "model" in changed and "arch" not in changed:
        del options["arch"]
    options |= changed
    if draw.randrange(WHOLE):
        monkeypatch.setattr(importlib.import_module("workbench.cli.audit"), "run", stop)
    monkeypatch.chdir(tmp_path)
    code = ACCEPTED
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            main(command(options))
        except SystemExit as ended:
            code = ended.code
        except Accepted:
            pass
    said = capfd.readouterr().err
    assert code in (0, 2, 3)
    assert not (tmp_path / fuzzing.CANARY).exists()
    if code == 2:
        assert said.startswith("error: ")
        assert said.count("\n") == 1
        assert not [str(one.message) for one in warned if not issubclass(one.category, UNSEEN)]

"""`workbench store`: what is there, what is damaged, and what goes."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from workbench.cli import main
from workbench.evaluation.store import Store

OLD, NEW = f"{0:032x}", f"{1:032x}"


def written(root: Path, key: str, kind: str, days: int) -> None:
    spec = {"kind": kind, "attack": {"name": "PGD"}, "start": 0, "stop": 5, "seed": 3}
    created = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    info = {"created": created, "commit": "abc"}
    Store(root).write(key, spec, pd.DataFrame({"index": range(5)}), {}, info)


@pytest.fixture
def root(tmp_path) -> Path:
    """A store with an old attack and a new probe."""
    written(tmp_path, OLD, "AttackUnit", 100)
    written(tmp_path, NEW, "ProbeUnit", 1)
    return tmp_path


def store(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["store", *map(str, words)])
    return ended.value.code


def keys(root: Path) -> list[str]:
    return Store(root).keys()


def test_ls_tells_every_unit(root, capsys) -> None:
    assert store("ls", "--store", root, "--json", "-") == 0
    units = json.loads(capsys.readouterr().out)
    assert [unit["key"] for unit in units] == [OLD, NEW]
    assert [unit["kind"] for unit in units] == ["attack", "probe"]
    assert units[0]["of"] == "PGD"
    assert units[0]["samples"] == 5
    size = sum(path.stat().st_size for path in (root / "units" / OLD).iterdir())
    assert units[0]["bytes"] == size
    assert store("ls", "--store", root) == 0
    assert "2 units" in capsys.readouterr().out


def test_verify_moves_what_is_damaged(root, capsys) -> None:
    assert store("verify", "--store", root) == 0
    file = root / "units" / OLD / "rows.parquet"
    content = bytearray(file.read_bytes())
    content[10] ^= 1
    file.write_bytes(content)
    assert store("verify", "--store", root) == 3
    shown = capsys.readouterr()
    assert "1 of 2 units are sound" in shown.out
    assert OLD in shown.err
    assert keys(root) == [NEW]


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("--older", 30), [NEW]),
        (("--kind", "probe"), [OLD]),
        (("--kind", "attack", "--older", 200), [OLD, NEW]),
        (("--older", 30, "--dry-run"), [OLD, NEW]),
    ],
)
def test_prune_deletes_what_is_named(root, words, left) -> None:
    assert store("prune", "--store", root, *words) == 0
    assert keys(root) == left
    assert list((root / "unfinished").iterdir()) == []


def test_prune_clears_what_was_damaged(root) -> None:
    (root / "units" / OLD / "rows.parquet").unlink()
    store("verify", "--store", root)
    assert any((root / "damaged").iterdir())
    assert store("prune", "--store", root, "--older", 0) == 0
    assert not any((root / "damaged").iterdir())


def test_prune_clears_trainings_that_were_stopped_long_ago(root) -> None:
    (root / "training").mkdir()
    for name, days in (("old", 100), ("new", 1)):
        (root / "training" / name).write_bytes(b"weights")
        then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
        os.utime(root / "training" / name, (then, then))
    assert store("prune", "--store", root, "--kind", "probe") == 0
    assert len([*(root / "training").iterdir()]) == 2
    assert store("prune", "--store", root, "--older", 30) == 0
    assert [path.name for path in (root / "training").iterdir()] == ["new"]


@pytest.mark.parametrize(
    "changed",
    [None, {"created": "yesterday"}, {"created": 5}, {"commit": 5}, {"spec": {"kind": 5}}],
)
def test_a_unit_that_cannot_be_read_is_listed(root, changed, capsys) -> None:
    file = root / "units" / OLD / "unit.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changed) if changed else "{")
    assert store("prune", "--store", root, "--older", 36500, "--dry-run") == 0
    capsys.readouterr()
    assert store("ls", "--store", root, "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)[0]["kind"] == "unreadable"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ls",), "is no store"),
        (("prune", "--older", "1"), "is no store"),
        (("prune",), "say what may go"),
        (("prune", "--older", "999999999"), "less than or equal to 36500"),
        (("prune", "--kind", "x"), "has no units of kind 'x'; it has attack, probe"),
    ],
)
def test_what_makes_no_sense_is_one_line(root, words, said, tmp_path_factory, capsys) -> None:
    nowhere = tmp_path_factory.mktemp("nowhere")
    where = nowhere if said == "is no store" else root
    assert store(*words, "--store", where) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert list(nowhere.iterdir()) == []


def test_doctor_tells_the_machine(tmp_path, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--device", "cpu", "--store", str(tmp_path / "none"), "--json", "-"])
    assert ended.value.code == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["device"] == "cpu"
    assert facts["store"]["bytes"] == 0
    assert 0 < facts["speed"]["forward"] < facts["speed"]["forward and backward"]
    assert not (tmp_path / "none").exists()

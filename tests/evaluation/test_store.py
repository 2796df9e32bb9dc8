"""The store: a unit is whole or not there, damage is found and named, nobody loses anything."""

import errno
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError

from workbench.errors import InputError
from workbench.evaluation.store import Store

KEY = "ab" * 16
ROWS = pd.DataFrame({"index": [0, 1], "robust": [True, False], "l2": [0.25, 1 / 3]})
FILES = ("rows.parquet", "tensors.safetensors", "unit.json")
TENSORS = {"x_adv": np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def write(store: Store, key: str = KEY, rows: pd.DataFrame = ROWS):
    return store.write(key, {"kind": "AttackUnit", "seed": 3}, rows, TENSORS, {"seconds": 1.5})


def test_what_was_written_is_read(store) -> None:
    write(store)
    stored = store.read(KEY)
    pd.testing.assert_frame_equal(stored.rows, ROWS)
    assert np.array_equal(stored.tensors()["x_adv"], TENSORS["x_adv"])
    assert stored.info["spec"] == {"kind": "AttackUnit", "seed": 3}
    assert stored.info["seconds"] == 1.5
    assert store.keys() == [KEY]


def test_equal_rows_are_equal_files(tmp_path) -> None:
    first, second = (write(Store(tmp_path / name)).folder for name in "ab")
    for name in ("rows.parquet", "tensors.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_missing_unit_is_none(store) -> None:
    assert store.read(KEY) is None


@pytest.mark.parametrize("name", ["rows.parquet", "tensors.safetensors", "unit.json"])
@pytest.mark.parametrize("harm", ["truncate", "flip", "empty", "remove", "foreign"])
def test_damage_is_named_set_aside_and_the_rest_is_untouched(tmp_path, name, harm) -> None:
    said: list[str] = []
    store = Store(tmp_path, said.append)
    file = write(store).folder / name
    other = "cd" * 16
    write(store, other)
    content = file.read_bytes()
    harmed = {
        "truncate": content[: len(content) // 2],
        "flip": content[:40] + bytes([content[40] ^ 1]) + content[41:],
        "empty": b"",
        "foreign": b"<html>not found</html>",
    }
    if harm == "remove":
        file.unlink()
    else:
        file.write_bytes(harmed[harm])
    assert store.read(KEY) is None
    assert KEY in said[0]
    assert "\n" not in said[0]
    assert list((tmp_path / "damaged").iterdir())
    assert store.read(other) is not None
    assert write(store).rows is not None


@settings(max_examples=50)
@given(name=st.sampled_from(FILES), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_found_or_changes_nothing(name, place, bit) -> None:
    with tempfile.TemporaryDirectory() as root:
        store = Store(root)
        written = write(store)
        file = written.folder / name
        content = bytearray(file.read_bytes())
        content[int(place * len(content))] ^= 1 << bit
        file.write_bytes(content)
        stored = store.read(KEY)
        if stored is not None:  # a line break in unit.json may become a tab
            assert name == "unit.json"
            assert stored.info == written.info


@pytest.mark.parametrize("place", ["unit", "rows.parquet"])
def test_a_folder_for_a_file_or_a_file_for_a_folder_is_damage(tmp_path, place) -> None:
    said: list[str] = []
    store = Store(tmp_path, said.append)
    folder = write(store).folder
    if place == "unit":
        shutil.rmtree(folder)
        folder.write_text("foreign")
    else:
        (folder / place).unlink()
        (folder / place).mkdir()
    assert store.read(KEY) is None
    assert KEY in said[0]
    pd.testing.assert_frame_equal(write(store).rows, ROWS)


def test_a_unit_that_another_run_mended_meanwhile_is_not_set_aside(tmp_path, monkeypatch) -> None:
    said: list[str] = []
    store, other = Store(tmp_path, said.append), Store(tmp_path)
    (write(store).folder / "rows.parquet").write_bytes(b"PAR1")
    rename = os.rename

    def late(source: Path, target: Path) -> None:
        monkeypatch.undo()
        assert other.read(KEY) is None
        write(other)
        rename(source, target)

    monkeypatch.setattr("workbench.evaluation.store.os.rename", late)
    stored = store.read(KEY)
    assert stored is not None
    pd.testing.assert_frame_equal(stored.rows, ROWS)
    assert not said
    assert store.read(KEY) is not None


def test_a_scratch_folder_goes_at_the_end(store) -> None:
    with store.scratch() as folder:
        (folder / "file").write_text("")
        Store(store.root)
        assert folder.exists(), "its process lives"
    assert not folder.exists()


def test_a_unit_under_another_name_is_damage(store) -> None:
    folder = write(store).folder
    shutil.copytree(folder, folder.parent / ("cd" * 16))
    assert store.read("cd" * 16) is None
    assert store.read(KEY) is not None


def test_the_first_of_two_writers_stays_and_both_are_served(store) -> None:
    first = write(store)
    second = write(Store(store.root))
    assert first.folder == second.folder
    assert not list((store.root / "unfinished").iterdir())


def test_a_full_disk_is_one_line_and_nothing_is_lost(store, monkeypatch) -> None:
    write(store)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("workbench.evaluation.store.os.fsync", full)
    with pytest.raises(InputError, match=r"No space left on device.*kept"):
        write(store, "cd" * 16)
    monkeypatch.undo()
    assert store.keys() == [KEY]
    assert store.read(KEY) is not None
    assert not list((store.root / "unfinished").iterdir())


def test_a_file_that_may_not_be_so_large_is_one_line(store, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise SafetensorError("I/O error: File too large (os error 27)")

    monkeypatch.setattr("workbench.evaluation.store.save_file", full)
    with pytest.raises(InputError, match=r"File too large.*kept"):
        write(store)
    assert not store.keys()


def test_a_unit_knows_where_it_is_from_any_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = write(Store(Path("relative")))
    monkeypatch.chdir("/")
    assert found.tensors()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--store"):
        Store(tmp_path / "file" / "store")


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(store) -> None:
    import socket

    dead = store.root / "unfinished" / f"{socket.gethostname()}-999999999-abc"
    alive = store.root / "unfinished" / f"{socket.gethostname()}-{os.getpid()}-abc"
    elsewhere = store.root / "unfinished" / "some-other-host-1-abc"
    for folder in (dead, alive, elsewhere):
        folder.mkdir()
    Store(store.root)
    assert not dead.exists()
    assert alive.exists()
    assert elsewhere.exists()


def test_every_unit_tells_its_checksums(store) -> None:
    info = json.loads((write(store).folder / "unit.json").read_text())
    assert set(info["sha256"]) == {"rows.parquet", "tensors.safetensors", "unit.json"}


def test_results_of_another_version_are_refused_and_stay(store, monkeypatch) -> None:
    monkeypatch.setattr("workbench.evaluation.store.FORMAT", 99)
    monkeypatch.setattr(store, "read", lambda key: key)  # what is written is read back
    write(store)
    monkeypatch.undo()
    with pytest.raises(InputError, match="format 99"):
        store.read(KEY)
    assert store.keys() == [KEY]

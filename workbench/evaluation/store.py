"""The store of results: the only reader and writer of them. It knows nothing of torch.

A unit is a folder `units/KEY/` that appears whole or not at all: it is written to a temporary
folder, synced, and renamed. Rows are Parquet, images and weights safetensors; `unit.json` holds
the spec, the checksums of the other files, and the provenance. A damaged unit is named, set
aside, and computed again. Deleting the store loses time, never truth.
"""

import hashlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from workbench.errors import InputError
from workbench.progress import Say, quiet

FORMAT = 1
TENSORS = "tensors.safetensors"
DAMAGE = (
    *(FileNotFoundError, NotADirectoryError, IsADirectoryError),
    *(ValueError, KeyError, TypeError, AttributeError, pa.ArrowException),
)


@dataclass(frozen=True)
class Stored:
    """A unit as it was read.

    rows: its records, None for units that have none. info: spec, provenance and cost.
    """

    key: str
    rows: pd.DataFrame | None
    info: dict[str, Any]
    folder: Path

    @property
    def attack(self) -> str:
        """What the rows call the one attack that they are of."""
        assert self.rows is not None
        return str(self.rows["attack"].iloc[0])

    def tensors(self) -> dict[str, np.ndarray]:
        """The unit's images or weights by name."""
        return tensors_in(self.folder)

    def row(self, name: str, place: int) -> np.ndarray:
        """One row of a tensor, without reading the others."""
        with safe_open(self.folder / TENSORS, "numpy") as file:
            found: np.ndarray = file.get_slice(name)[place]
        return found


class Store:
    """The results under one folder.

    root: made when it is missing. say: is told of damaged units.
    Raises InputError when the folder cannot be written.
    """

    def __init__(self, root: Path | str, say: Say = quiet) -> None:
        self.root = root = Path(root)
        self.say = say
        try:
            for folder in ("units", "unfinished", "damaged"):
                (root / folder).mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=root / "unfinished"):
                pass
        except OSError as error:
            reason = error.strerror or error
            raise InputError(
                f"the store {root} cannot be written ({reason}); name another with --store "
                "or WORKBENCH_STORE"
            ) from None
        self._sweep()

    def read(self, key: str) -> Stored | None:
        """The unit, or None where it is missing or damaged (then it was set aside)."""
        folder = self.root.absolute() / "units" / key  # it may travel to a process elsewhere
        if not folder.exists():
            return None
        try:
            return _read(folder, key)
        except InputError:  # is a ValueError, and would count as damage
            raise
        except DAMAGE as reason:
            return self._set_aside(folder, str(reason))

    def write(
        self,
        key: str,
        spec: Mapping[str, Any],
        rows: pd.DataFrame | None,
        tensors: Mapping[str, np.ndarray],
        info: Mapping[str, Any],
    ) -> Stored:
        """Write a unit whole and read it back. Where it exists already, that one stays.

        Raises InputError when the disk is full or cannot be written; nothing is left behind.
        """
        try:
            with self.scratch() as folder:
                _fill(folder, {"key": key, "spec": dict(spec), **info}, rows, tensors)
                _move(folder, self.root / "units" / key)
        except (OSError, SafetensorError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"a result could not be written to {self.root} ({reason}); "
                "make room or name another --store; what was stored before is kept"
            ) from None
        stored = self.read(key)
        if stored is None:
            raise InputError(f"unit {key} could not be read back from {self.root}; is the disk ok?")
        return stored

    def keys(self) -> list[str]:
        """The keys of all units, sorted."""
        return sorted(path.name for path in (self.root / "units").iterdir())

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder removed at the end, or by the next Store where this process is killed."""
        name = f"{socket.gethostname()}-{os.getpid()}-"
        folder = Path(tempfile.mkdtemp(prefix=name, dir=self.root / "unfinished"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _set_aside(self, folder: Path, reason: str) -> Stored | None:
        """Move a damaged unit away, to be computed again; one that was mended meanwhile stays."""
        aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=self.root / "damaged"))
        moved = aside / folder.name
        try:
            os.rename(folder, moved)
        except FileNotFoundError:  # another process did it meanwhile
            aside.rmdir()
            return None
        try:
            _read(moved, folder.name)
        except DAMAGE:
            self.say(
                f"unit {folder.name} is damaged ({reason}); it was moved to {aside}, and is "
                "computed again when it is needed"
            )
            return None
        _move(moved, folder)
        shutil.rmtree(aside)
        return _read(folder, folder.name)

    def _sweep(self) -> None:
        """Remove what killed processes of this machine left unfinished."""
        for folder in (self.root / "unfinished").iterdir():
            host, _, rest = folder.name.rpartition("-")[0].rpartition("-")
            if host == socket.gethostname() and rest.isdigit() and not _alive(int(rest)):
                shutil.rmtree(folder, ignore_errors=True)


def tensors_in(folder: Path) -> dict[str, np.ndarray]:
    """The images or weights, by name, of the unit whose folder it is."""
    return dict(load_file(folder / TENSORS))


def _read(folder: Path, key: str) -> Stored:
    """Read a unit and check it.

    Raises ValueError where it is not what it says, InputError where another version wrote it.
    """
    info = json.loads((folder / "unit.json").read_text())
    if info["key"] != key:
        raise ValueError(f"unit.json belongs to {info['key']}")
    for name, checksum in info["sha256"].items():
        found = _own_sha256(info) if name == "unit.json" else _sha256(folder / name)
        if found != checksum:
            raise ValueError(f"{name} differs from its checksum")
    if info["format"] != FORMAT:
        raise InputError(
            f"{folder.parent.parent} was written by a version with results of format "
            f"{info['format']}, and this one has {FORMAT}; use that version, or another --store"
        )
    rows = _rows(folder / "rows.parquet") if "rows.parquet" in info["sha256"] else None
    return Stored(key, rows, info, folder)


def _rows(path: Path) -> pd.DataFrame:
    """The frame in a file; pandas' own reader takes thrice as long for one as small as ours."""
    with pq.ParquetFile(path) as file:
        return file.read(use_threads=False).to_pandas(use_threads=False)


def _fill(
    folder: Path,
    info: Mapping[str, Any],
    rows: pd.DataFrame | None,
    tensors: Mapping[str, np.ndarray],
) -> None:
    """Write the files of a unit into an empty folder and sync them."""
    if rows is not None:
        table = pa.Table.from_pandas(rows, preserve_index=False)
        pq.write_table(table, folder / "rows.parquet", compression="zstd")
    if tensors:
        arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        save_file(arrays, folder / TENSORS)
    checksums = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    content = {**info, "format": FORMAT, "sha256": checksums}
    checksums["unit.json"] = _own_sha256(content)
    (folder / "unit.json").write_text(json.dumps(content, indent=1, sort_keys=True))
    for path in folder.iterdir():
        _sync(path)
    _sync(folder)


def _move(folder: Path, target: Path) -> None:
    """Rename a finished unit into place, unless another process was first."""
    try:
        os.rename(folder, target)
    except OSError:
        if not target.exists():
            raise
    _sync(target.parent)


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _own_sha256(info: Mapping[str, Any]) -> str:
    """The checksum of what unit.json says, but for this checksum."""
    others = {name: value for name, value in info["sha256"].items() if name != "unit.json"}
    text = json.dumps({**info, "sha256": others}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _alive(pid: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

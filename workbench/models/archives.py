"""Zip archives, which most files of torch are: what they claim is checked before they are read."""

import hashlib
import zipfile
from pathlib import Path, PurePosixPath

from workbench.errors import InputError

MOST_ENTRIES = 100_000
MOST_GROWTH = 10  # weights are stored, not packed, and the texts beside them are small
SPARE_BYTES = 16 << 20
OLD_EXPORT = "serialized_exported_program.json"


def kind(path: Path) -> str:
    """What a zip archive holds: "torch", "torchscript" or "pt2".

    Raises ``InputError`` for one that is damaged, claims to unpack to far more than the file
    could hold, names files outside itself or twice, or is no model.
    """
    names = {_inside(name) for name in checked(path)}
    if "archive_format" in names or any(name.startswith("models/") for name in names):
        return "pt2"
    if OLD_EXPORT in names:
        raise InputError(
            f"{path} was exported by an older torch, whose archives need code: "
            "load and save it again with torch.export of torch 2.9 or later"
        )
    if "constants.pkl" in names:
        return "torchscript"
    if "data.pkl" in names:
        return "torch"
    what = "a NumPy archive" if any(name.endswith(".npy") for name in names) else "a zip archive"
    raise InputError(f"{path} is {what}, not a model: name the weights file itself")


def checked(path: Path) -> list[str]:
    """The names of the files in an archive whose claims are believable. Raises as `kind` does."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path) from error
    names = [entry.filename for entry in entries]
    if len(names) > MOST_ENTRIES or len(set(names)) < len(names):
        raise InputError(f"{path} is refused: its archive holds too many files, or one twice")
    for name in names:
        drive = name[1:2] == ":" or "\\" in name
        if name.startswith("/") or drive or ".." in PurePosixPath(name).parts:
            raise InputError(f"{path} is refused: its archive names {name!r}, outside of itself")
    claimed = sum(entry.file_size for entry in entries)
    if claimed > MOST_GROWTH * path.stat().st_size + SPARE_BYTES:
        raise InputError(
            f"{path} is refused: it claims to unpack to {claimed} bytes, far more than it holds"
        )
    return names


def read(path: Path) -> dict[str, bytes]:
    """The files of an archive by their names below its one folder. Raises as `kind` does."""
    try:
        with zipfile.ZipFile(path) as archive:
            checked(path)
            return files_in(archive)
    except InputError:
        raise
    except Exception as error:  # zlib, struct, encryption: a damaged archive may raise anything
        raise _damaged(path) from error


def files_in(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """The files of an open archive by their names below its one folder."""
    return {_inside(name): archive.read(name) for name in archive.namelist()}


def digest(files: dict[str, bytes]) -> str:
    """sha256 of the files of an archive, without those that tell of its writing alone."""
    told = {n: c for n, c in files.items() if not n.endswith(".debug_pkl") and n[:1] != "."}
    lines = [f"{name} {hashlib.sha256(told[name]).hexdigest()}" for name in sorted(told)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _inside(name: str) -> str:
    # torch names the folder after the file that it first wrote
    return name.partition("/")[2] or name


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is truncated or corrupt: get the file again")

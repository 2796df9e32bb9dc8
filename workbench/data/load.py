"""From a name or a path to a Dataset; what official files hold is decoded once and kept."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.data.dataset import Dataset
from workbench.data.known import KNOWN, Known, find
from workbench.data.own import Arrays, names_classes, read_folder, read_npz
from workbench.data.sources import bundled_folder, cache_folder, fetch
from workbench.errors import InputError
from workbench.progress import Say, quiet


@dataclass(frozen=True)
class Description:
    """A known data set: shape (c, h, w), images per split, classes, and where it lies, if here."""

    name: str
    shape: tuple[int, int, int]
    sizes: dict[str, int]
    classes: int
    where: Path | None


def load_data(name_or_path: str, split: str = "test", say: Say = quiet) -> Dataset:
    """A known data set, fetched if need be, or a user's own .npz file or image folder.

    split: "train" or "test" of a known data set; own data is one "test" split, always whole.
    A known name goes before a path of the same name. ``read_npz`` and ``read_folder`` say how
    own data must look. Raises InputError for what is unknown, unavailable or damaged.
    """
    if name_or_path in KNOWN:
        return _load_known(KNOWN[name_or_path], split, say)
    path = Path(os.path.expanduser(name_or_path))
    if path.is_dir():
        return Dataset(name_or_path, "test", *read_folder(path))
    if path.is_file():
        return Dataset(name_or_path, "test", *read_npz(path), counted=not names_classes(path))
    return _load_known(find(name_or_path), split, say)


def describe() -> list[Description]:
    """Every known data set; only looks whether files are there, does not check them."""
    return [
        Description(known.name, known.shape, dict(known.sizes), known.classes, _where(known))
        for known in KNOWN.values()
    ]


def _where(known: Known) -> Path | None:
    if not known.files:
        return bundled_folder()
    cached = cache_folder() / known.name
    if all(_copy(known, split).is_file() for split in known.sizes):
        return cached
    folders = [cached] if known.package is None else [cached, known.package.folder]
    whole = (f for f in folders if all((f / file).is_file() for file in known.files))
    return next(whole, None)


def _copy(known: Known, split: str) -> Path:
    """The decoded copy: an .npz as ``read_npz`` takes it, uncompressed, guarded by zip's CRC."""
    return cache_folder() / known.name / f"{known.copies}-{split}.npz"


def _load_known(known: Known, split: str, say: Say) -> Dataset:
    if split not in known.sizes:
        raise InputError(
            f"{known.name} has no split {split!r}; use one of {', '.join(known.sizes)}"
        )
    copy = _copy(known, split)
    if copy.is_file():
        try:
            return _as_described(known, split, read_npz(copy))
        except InputError as error:
            say(f"{known.name}: {error}; decoding the official files again")
    folder = fetch(known.name, say)
    say(f"{known.name}: decoding the {split} images")
    arrays = known.read(folder, split)
    dataset = _as_described(known, split, arrays)
    _keep(copy, arrays, say)
    return dataset


def _as_described(known: Known, split: str, arrays: Arrays) -> Dataset:
    dataset = Dataset(known.name, split, *arrays)
    found = (*dataset.images.shape, len(dataset.classes))
    expected = (known.sizes[split], *known.shape, known.classes)
    if found != expected:
        raise InputError(
            f"{known.name}: n, c, h, w, classes are {found} where {expected} should be"
        )
    return dataset


def _keep(copy: Path, arrays: Arrays, say: Say) -> None:
    """Write the decoded copy whole or not at all; without it everything works, only slower."""
    images, labels, classes = arrays
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=copy.parent, prefix=".part-") as scratch:
            part = Path(scratch) / copy.name
            np.savez(part, x=images, y=labels, classes=np.array(classes))
            part.replace(copy)
    except OSError as error:
        say(f"{copy} cannot be written ({error.strerror}): images are decoded anew each time")

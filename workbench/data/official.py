"""Readers of the official files: IDX, CIFAR's binary version, Tiny-ImageNet's archive, digits.

Each takes the folder that holds the files and a split. Archives are read member by member in
memory; nothing of theirs is written to disk.
"""

import gzip
import io
import math
import struct
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from workbench.data import names
from workbench.data.order import mixed
from workbench.data.own import Arrays
from workbench.errors import InputError

DIGITS_FOR_TRAINING = 1437  # the first four fifths; the other writers' 360 are the test split


def read_mnist(folder: Path, split: str) -> Arrays:
    """MNIST from its two IDX files of a split."""
    return *_idx_pair(folder, split), names.DIGITS


def read_fashion_mnist(folder: Path, split: str) -> Arrays:
    """Fashion-MNIST from its two IDX files of a split."""
    return *_idx_pair(folder, split), names.FASHION_MNIST


def _idx_pair(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    prefix = {"train": "train", "test": "t10k"}[split]
    images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
    return images[:, None], labels.astype(np.int64)


def read_idx(path: Path) -> np.ndarray:
    """A gzipped IDX file of unsigned bytes, of any shape.

    Raises InputError for another kind of content, and for too few or too many values.
    Format: two zero bytes, 8 for unsigned bytes, the number of axes; the axes' lengths as
    big-endian 32-bit integers; the values.
    """
    content = gzip.decompress(path.read_bytes())
    axes = content[3] if len(content) > 3 else 0
    start = 4 + 4 * axes
    if content[:3] != b"\x00\x00\x08" or axes == 0 or len(content) < start:
        raise InputError(f"{path} does not begin like an IDX file of unsigned bytes")
    shape = struct.unpack(f">{axes}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise InputError(
            f"{path} holds {len(content) - start} values where its header says {math.prod(shape)}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_cifar10(folder: Path, split: str) -> Arrays:
    """CIFAR-10: records of one label byte and 3x32x32 pixels."""
    files = [f"data_batch_{i}.bin" for i in range(1, 6)] if split == "train" else ["test_batch.bin"]
    members = [f"cifar-10-batches-bin/{file}" for file in files]
    records = _cifar_records(folder / "cifar-10-binary.tar.gz", members, label_bytes=1)
    return *records, names.CIFAR10


def read_cifar100(folder: Path, split: str) -> Arrays:
    """CIFAR-100, fine labels: records of a coarse and a fine label byte and 3x32x32 pixels."""
    members = [f"cifar-100-binary/{split}.bin"]
    records = _cifar_records(folder / "cifar-100-binary.tar.gz", members, label_bytes=2)
    return *records, names.CIFAR100


def _cifar_records(
    path: Path, members: list[str], label_bytes: int
) -> tuple[np.ndarray, np.ndarray]:
    with tarfile.open(path) as archive:
        content = b"".join(_tar_member(archive, path, member) for member in members)
    size = label_bytes + 3 * 32 * 32
    if len(content) % size:
        raise InputError(f"{path}: {len(content)} bytes are no whole number of records of {size}")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    images = np.ascontiguousarray(records[:, label_bytes:]).reshape(-1, 3, 32, 32)
    return images, records[:, label_bytes - 1].astype(np.int64)


def _tar_member(archive: tarfile.TarFile, path: Path, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise InputError(f"{path}: {name} is no file")
    return file.read()


def read_tiny_imagenet(folder: Path, split: str) -> Arrays:
    """Tiny-ImageNet; its labelled validation images are the test split. Classes: sorted wnids.

    Training images, which the archive holds class by class, are ordered by wnid and number and
    then ``mixed``, so that the first few hold many classes, and the same ones everywhere.
    Validation images come as annotated: the maker has mixed them.
    """
    with zipfile.ZipFile(folder / "tiny-imagenet-200.zip") as archive:
        wnids = sorted(archive.read("tiny-imagenet-200/wnids.txt").decode().split())
        found = _train_members(archive) if split == "train" else _validation_members(archive)
        images = np.empty((len(found), 3, 64, 64), np.uint8)
        for image, (member, _) in zip(images, found, strict=True):
            image[:] = _rgb(archive.read(member))
    labels = np.array([wnids.index(wnid) for _, wnid in found], np.int64)
    return images, labels, tuple(wnids)


def _train_members(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """Members .../train/WNID/images/WNID_NUMBER.JPEG with their wnids."""
    images = [
        (path.parts[2], int(path.stem.rpartition("_")[2]), str(path))
        for path in map(PurePosixPath, archive.namelist())
        if path.parts[1:2] == ("train",) and path.suffix == ".JPEG"
    ]
    images.sort()
    return [(images[i][2], images[i][0]) for i in mixed(len(images))]


def _validation_members(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """Lines of val_annotations.txt: file, wnid, and a box, with tabs between."""
    lines = archive.read("tiny-imagenet-200/val/val_annotations.txt").decode().splitlines()
    rows = [line.split("\t") for line in lines]
    return [(f"tiny-imagenet-200/val/images/{row[0]}", row[1]) for row in rows]


def _rgb(jpeg: bytes) -> np.ndarray:
    """(3, h, w) uint8; some of the images are grey."""
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).transpose(2, 0, 1)


def read_digits(_folder: Path, split: str) -> Arrays:
    """The 1797 digits inside scikit-learn, 8x8; its levels 0..16 become multiples of 1/16."""
    from sklearn.datasets import load_digits  # a second to import, for this data set alone

    part = slice(DIGITS_FOR_TRAINING) if split == "train" else slice(DIGITS_FOR_TRAINING, None)
    found = load_digits()
    images = (found.images[part, None] / 16).astype(np.float32)
    return images, found.target[part].astype(np.int64), names.DIGITS

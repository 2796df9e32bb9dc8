"""Small files in the official layouts, and entries of the table of data sets that fit them."""

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.data.known import KNOWN, Known

WNIDS = ("n01443537", "n01629819", "n02085620")


def idx(values: np.ndarray) -> bytes:
    """The IDX format as yann.lecun.com described it."""
    return struct.pack(f">BBBB{values.ndim}i", 0, 0, 8, values.ndim, *values.shape) + bytes(values)


def fitting(name: str, contents: dict[str, bytes], sizes: dict[str, int], **changes) -> Known:
    """The known entry with the checksums of these contents, and with these sizes."""
    sums = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    return replace(KNOWN[name], files=sums, sizes=sizes, **changes)


def mnist_like(name: str, folder: Path, images: dict, labels: dict) -> Known:
    """Write the four .gz files of a data set like MNIST; images and labels by split."""
    contents = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        contents[f"{prefix}-images-idx3-ubyte.gz"] = idx(images[split])
        contents[f"{prefix}-labels-idx1-ubyte.gz"] = idx(labels[split])
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in contents.items():
        (folder / file).write_bytes(gzip.compress(content, 1))
    return fitting(name, contents, {split: len(labels[split]) for split in labels})


def tar_gz(path: Path, members: dict[str, bytes]) -> bytes:
    """Write an archive with these members; its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path.read_bytes()


def cifar10(folder: Path, images: np.ndarray, labels: np.ndarray) -> Known:
    """Six batches of CIFAR-10's binary version, the last the test batch: (6, n, 3, 32, 32)."""
    files = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    members = {
        f"cifar-10-batches-bin/{file}": b"".join(
            bytes([label]) + image.tobytes()
            for image, label in zip(batch, batch_labels, strict=True)
        )
        for file, batch, batch_labels in zip(files, images, labels, strict=True)
    }
    n = labels.shape[1]
    content = tar_gz(folder / "cifar-10-binary.tar.gz", members)
    return fitting("cifar10", {"cifar-10-binary.tar.gz": content}, {"train": 5 * n, "test": n})


def cifar100(folder: Path, images: np.ndarray, coarse: np.ndarray, fine: np.ndarray) -> Known:
    """The same records as training and as test file of CIFAR-100's binary version."""
    records = b"".join(
        bytes([c, f]) + image.tobytes() for image, c, f in zip(images, coarse, fine, strict=True)
    )
    members = {f"cifar-100-binary/{split}.bin": records for split in ("train", "test")}
    content = tar_gz(folder / "cifar-100-binary.tar.gz", members)
    sizes = {"train": len(fine), "test": len(fine)}
    return fitting("cifar100", {"cifar-100-binary.tar.gz": content}, sizes)


def jpeg(colour: tuple[int, int, int], mode: str = "RGB") -> bytes:
    """A 64x64 image of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), colour).convert(mode).save(file, "JPEG", quality=95)
    return file.getvalue()


def tiny_imagenet(folder: Path) -> Known:
    """Three classes, 11 training images each with red = number, four validation images.

    Training image k of class c is (20 k, 80 c, 0); validation image i is (0, 0, 60 i).
    """
    path = folder / "tiny-imagenet-200.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    root = "tiny-imagenet-200"
    annotated = [WNIDS[i] for i in (2, 0, 1, 2)]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{root}/wnids.txt", "\n".join(reversed(WNIDS)) + "\n")
        for c, wnid in enumerate(WNIDS):
            archive.writestr(
                f"{root}/train/{wnid}/{wnid}_boxes.txt", f"{wnid}_0.JPEG\t0\t0\t63\t63\n"
            )
            for k in range(11):
                image = jpeg((20 * k, 80 * c, 0))
                archive.writestr(f"{root}/train/{wnid}/images/{wnid}_{k}.JPEG", image)
        for i in range(4):
            archive.writestr(f"{root}/val/images/val_{i}.JPEG", jpeg((0, 0, 60 * i)))
            archive.writestr(f"{root}/test/images/test_{i}.JPEG", jpeg((255, 255, 255)))
        lines = [f"val_{i}.JPEG\t{wnid}\t0\t32\t44\t62\n" for i, wnid in enumerate(annotated)]
        archive.writestr(f"{root}/val/val_annotations.txt", "".join(lines))
    content = {path.name: path.read_bytes()}
    return fitting("tiny-imagenet", content, {"train": 33, "test": 4}, classes=3)

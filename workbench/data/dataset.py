"""What a data set is: images, labels, names of the classes, and a fingerprint of its content."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from workbench.errors import InputError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images that passed every check; two are the same if their fingerprints are.

    name: what ``load_data`` was asked for, a name or a path. split: "train" or "test".
    images: (n, c, h, w), uint8, or float32 in [0, 1]. labels: (n,) int64, indices of ``classes``.
    counted: the classes are those of the labels here, so that there may be more.
    Both arrays become read-only, because the fingerprint is computed once.
    Raises InputError, with the name, for anything else than that, and for no images at all.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    counted: bool = False

    def __post_init__(self) -> None:
        flaw = _flaw_of_images(self.images) or _flaw_of_labels(self)
        if flaw:
            raise InputError(f"{self.name}: {flaw}")
        self.images.flags.writeable = False
        self.labels.flags.writeable = False

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        _, c, h, w = self.images.shape
        return c, h, w

    def classes_in(self, start: int, stop: int) -> int:
        """How many different labels samples start..stop have; ``batch`` says which those are.

        For callers that warn: a user's file sorted by class has one or few in its first samples.
        """
        return len(np.unique(self.labels[start:stop]))

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of a sha256 over type, shape, images and labels, not the name."""
        digest = hashlib.sha256(f"{self.images.dtype}{self.images.shape}".encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()[:16]

    def batch(
        self, start: int, stop: int, device: str | torch.device = "cpu"
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples start..stop, fewer where the data set ends, as ``rows`` gives them."""
        return self._tensors(slice(start, stop), device)

    def rows(
        self, index: np.ndarray, device: str | torch.device = "cpu"
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The samples at ``index`` (m,): x (m, c, h, w) float32 in [0, 1], and y (m,) int64."""
        return self._tensors(index, device)

    def _tensors(
        self, index: slice | np.ndarray, device: str | torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.tensor(np.ascontiguousarray(self.images[index]))
        if x.dtype == torch.uint8:
            # on the CPU: CUDA multiplies by 1/255 instead, and the last bit may differ
            x = x.float().div_(255)
        return x.to(device), torch.tensor(self.labels[index]).to(device)


def _flaw_of_images(images: np.ndarray) -> str | None:
    """What is wrong with the images, in words; None if nothing is."""
    if images.ndim != 4:
        return f"images have shape {images.shape}; (n, c, h, w) is needed"
    if images.size == 0:
        return f"no images (shape {images.shape})"
    if images.dtype == np.uint8:
        return None
    if images.dtype != np.float32:
        return f"images are {images.dtype}; uint8, or float32 in [0, 1], is needed"
    if not np.isfinite(images).all():
        row = np.argmin(np.isfinite(images).all(axis=(1, 2, 3)))
        return f"image {row} has NaN or infinite pixels"
    low, high = images.min(), images.max()
    if low < 0 or high > 1:
        return f"pixels run from {low:.8g} to {high:.8g}; float images must lie in [0, 1]"
    return None


def _flaw_of_labels(data: Dataset) -> str | None:
    """What is wrong with the labels, in words; None if nothing is."""
    labels, classes = data.labels, len(data.classes)
    if labels.shape != data.images.shape[:1]:
        return f"{len(data.images)} images but labels of shape {labels.shape}; one each is needed"
    if labels.dtype != np.int64:
        return f"labels are {labels.dtype}; int64 is needed"
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        row = wrong[0]
        return (
            f"label {labels[row]} of image {row} is none of the {classes} classes, 0..{classes - 1}"
        )
    return None

"""A user's own data: an .npz file, or a folder of images with one subfolder per class."""

import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.data.order import mixed
from workbench.errors import InputError

Arrays = tuple[np.ndarray, np.ndarray, tuple[str, ...]]
"""Images (n, c, h, w) uint8 or float32, labels (n,) int64, names of the classes."""

MOST_GROWTH, SPARE_BYTES = 100, 256 << 20  # of an .npz file: compressed images shrink less
MOST_CLASSES = 100_000  # a higher label is a mistake, and would be counted up to
SHALLOW_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}  # 8 bits and fewer


def read_npz(path: Path) -> Arrays:
    """Arrays ``x`` and ``y`` of an .npz file, and ``classes`` where it has that.

    x: uint8, or float in [0, 1]; (n, h, w), (n, h, w, c) or (n, c, h, w) with c 1 or 3,
        the latter where both could be.
    y: (n,), any integer type. classes: strings; without them the classes are 0..max(y).
    The samples keep their order.
    Raises InputError for a file that cannot be read without pickle, and for other arrays.
    """
    arrays = _members(path)
    if missing := {"x", "y"} - arrays.keys():
        lacks = " and ".join(sorted(missing))
        raise InputError(f"{path} lacks {lacks}; it needs the arrays x (images) and y (labels)")
    return from_arrays(arrays["x"], arrays["y"], path, arrays.get("classes"))


def from_arrays(
    x: np.ndarray, y: np.ndarray, source: Path | str, classes: np.ndarray | None = None
) -> Arrays:
    """Images and labels as ``read_npz`` takes them. source: where they are from, for messages.

    Raises InputError for arrays of other shapes or types.
    """
    labels = _integers(y, source)
    return _images(x, source), labels, _classes(classes, labels, source)


def names_classes(path: Path) -> bool:
    """Whether an .npz file that ``read_npz`` takes has names of its classes."""
    with np.load(path, allow_pickle=False) as file:
        return "classes" in file.files


def read_folder(path: Path) -> Arrays:
    """Images of a folder with one subfolder per class; classes in sorted order, images mixed.

    The images' order is ``mixed`` over folders and files sorted by name, so that the first few
    hold many classes; it is the same everywhere for the same names. Grey if every image is, else
    RGB. Raises InputError for a folder without subfolders or images, a file that is no whole
    image, more than 8 bits per channel, and mixed sizes.
    """
    folders = [p for p in _visible(path) if p.is_dir()]
    places = [(p, label) for label, folder in enumerate(folders) for p in _visible(folder)]
    files = [(p, label) for p, label in places if p.is_file()]
    if not files:
        raise InputError(f"{path} has no images: it needs one subfolder per class, with its images")
    (width, height), grey = _size_and_grey([file for file, _ in files])
    order = mixed(len(files))
    with tempfile.TemporaryFile() as file:
        shape = (len(files), 1 if grey else 3, height, width)
        pixels = np.memmap(file, np.uint8, "w+", shape=shape)
    for row, i in enumerate(order):
        image = np.asarray(_opened(files[i][0]).convert("L" if grey else "RGB"))
        pixels[row] = image if grey else image.transpose(2, 0, 1)
    labels = np.array([files[i][1] for i in order], np.int64)
    return pixels, labels, tuple(folder.name for folder in folders)


def _members(path: Path) -> dict[str, np.ndarray]:
    if not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} is no whole .npz file without pickles; save it by np.savez(path, x=…, y=…)"
        )
    try:
        with np.load(path, allow_pickle=False) as file, warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy's advice about a header that is damaged
            _check_growth(file.zip, path)
            found = {name: file[name] for name in file.files if name in ("x", "y", "classes")}
    except InputError:
        raise
    except Exception as error:  # numpy, zipfile and zlib raise a dozen kinds on a damaged file
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is no whole .npz file without pickles ({reason})") from None
    for name, array in found.items():
        if not isinstance(array, np.ndarray):  # numpy hands out the bytes of what is no .npy file
            raise InputError(f"{path} is no whole .npz file: {name} is no array")
    return found


def _check_growth(archive: zipfile.ZipFile, path: Path) -> None:
    claimed = sum(entry.file_size for entry in archive.infolist())
    if claimed > MOST_GROWTH * path.stat().st_size + SPARE_BYTES:
        raise InputError(
            f"{path} is refused: it claims to unpack to {claimed} bytes, more than "
            f"{MOST_GROWTH} times its size; save it by np.savez"
        )


def _images(x: np.ndarray, source: Path | str) -> np.ndarray:
    """Any allowed layout -> (n, c, h, w), contiguous, uint8 or float32."""
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise InputError(f"{source}: x is {x.dtype}; use uint8, or floats in [0, 1]")
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[1] not in (1, 3) and x.shape[3] in (1, 3):
        x = np.moveaxis(x, 3, 1)
    elif x.ndim != 4 or x.shape[1] not in (1, 3):
        raise InputError(
            f"{source}: x has shape {x.shape}; (n, h, w), (n, h, w, 1 or 3) or "
            "(n, 1 or 3, h, w) is needed"
        )
    with np.errstate(over="ignore"):  # becomes infinite, and is found as such
        return np.ascontiguousarray(x, dtype=np.uint8 if x.dtype == np.uint8 else np.float32)


def _integers(y: np.ndarray, source: Path | str) -> np.ndarray:
    if y.dtype.kind not in "iu" or y.ndim != 1:
        raise InputError(
            f"{source}: y is {y.dtype} of shape {y.shape}; integers of shape (n,) needed"
        )
    return y.astype(np.int64)


def _classes(names: np.ndarray | None, labels: np.ndarray, source: Path | str) -> tuple[str, ...]:
    if names is None:
        highest = int(labels.max(initial=0))
        if highest >= MOST_CLASSES:
            raise InputError(
                f"{source}: label {highest} is too high for a class; labels start at 0"
            )
        return tuple(map(str, range(highest + 1)))
    if names.dtype.kind != "U" or names.ndim != 1:
        raise InputError(
            f"{source}: classes is {names.dtype} of shape {names.shape}; strings needed"
        )
    return tuple(names.tolist())


def _visible(folder: Path) -> list[Path]:
    visible = (p for p in folder.iterdir() if not p.name.startswith("."))
    return sorted(visible, key=lambda p: p.name)  # paths compare without their case on Windows


def _opened(path: Path, whole: bool = True) -> Image.Image:
    """An image, or what its header says of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path)
        with image:
            if whole:
                image.load()
    except Exception as error:  # Pillow's decoders raise a dozen kinds on a damaged file
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is no whole image ({reason}); mend or remove it") from None
    if image.mode not in SHALLOW_MODES:
        raise InputError(f"{path} has more than 8 bits per channel (mode {image.mode}); use 8 bits")
    return image


def _size_and_grey(files: list[Path]) -> tuple[tuple[int, int], bool]:
    """The one size of all images, (width, height), and whether all are grey."""
    first, grey = _opened(files[0], whole=False).size, True
    for file in files:
        image = _opened(file, whole=False)
        grey = grey and image.mode in ("1", "L")
        if image.size != first:
            raise InputError(
                f"{file} is {image.width}x{image.height} where {files[0].name} is "
                f"{first[0]}x{first[1]}; resize all images to one size"
            )
    return first, grey

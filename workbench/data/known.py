"""The known data sets: one entry each, with its official files and their checksums."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.data import official
from workbench.data.own import Arrays
from workbench.errors import InputError

# As sha256sum prints them. Of the content of files whose md5 is the one that
# github.com/zalandoresearch/fashion-mnist gives:
FASHION_MNIST = """
c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888  train-images-idx3-ubyte.gz
bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9  train-labels-idx1-ubyte.gz
5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b  t10k-images-idx3-ubyte.gz
0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34  t10k-labels-idx1-ubyte.gz
"""
# Of the content, recomputed from its pixels; several published codebases agree on them:
MNIST = """
ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db  train-images-idx3-ubyte.gz
65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5  train-labels-idx1-ubyte.gz
0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7  t10k-images-idx3-ubyte.gz
ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2  t10k-labels-idx1-ubyte.gz
"""
# As in TensorFlow Datasets; the maker gives md5 c32a1d4ab5d03f1284b67883e8d87530:
CIFAR10 = """
c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd  cifar-10-binary.tar.gz
"""
# As in TensorFlow Datasets; the maker gives md5 03b5dce01913d631647c71ecec9e9cb8:
CIFAR100 = """
58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec  cifar-100-binary.tar.gz
"""
# The maker gives none; several published codebases agree on this one:
TINY_IMAGENET = """
6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821  tiny-imagenet-200.zip
"""


@dataclass(frozen=True)
class Package:
    """A package of Debian and Ubuntu, and the folder that it puts the files into."""

    name: str
    folder: Path


@dataclass(frozen=True)
class Known:
    """A data set with a name, and where its official files come from.

    shape: (c, h, w). sizes: images per split. classes: how many.
    read: folder with the files, split -> arrays. files: name -> sha256 (of the content, where a
    file is a single gzipped one, so that one checksum serves every packing), empty for a data
    set inside a Python package. url: the place they lie below. package: has them, on Debian.
    copies: how the names of decoded copies begin; a new one whenever ``read`` gives other arrays
    than before, so that no earlier copy is taken for a new one.
    """

    name: str
    shape: tuple[int, int, int]
    sizes: Mapping[str, int]
    classes: int
    read: Callable[[Path, str], Arrays]
    files: Mapping[str, str]
    url: str = ""
    package: Package | None = None
    copies: str = "decoded"


def _files(sha256sums: str) -> dict[str, str]:
    pairs = (line.split() for line in sha256sums.strip().splitlines())
    return {file: sha256 for sha256, file in pairs}


_ENTRIES = (
    Known(
        name="fashion-mnist",
        shape=(1, 28, 28),
        sizes={"train": 60000, "test": 10000},
        classes=10,
        read=official.read_fashion_mnist,
        files=_files(FASHION_MNIST),
        url="https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        package=Package("dataset-fashion-mnist", Path("/usr/share/datasets/fashion-mnist")),
    ),
    Known(
        name="mnist",
        shape=(1, 28, 28),
        sizes={"train": 60000, "test": 10000},
        classes=10,
        read=official.read_mnist,
        files=_files(MNIST),
        # PyTorch's copy: LeCun's own page has stopped to serve the files
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    Known(
        name="cifar10",
        shape=(3, 32, 32),
        sizes={"train": 50000, "test": 10000},
        classes=10,
        read=official.read_cifar10,
        files=_files(CIFAR10),
        url="https://www.cs.toronto.edu/~kriz/",
    ),
    Known(
        name="cifar100",
        shape=(3, 32, 32),
        sizes={"train": 50000, "test": 10000},
        classes=100,
        read=official.read_cifar100,
        files=_files(CIFAR100),
        url="https://www.cs.toronto.edu/~kriz/",
    ),
    Known(
        name="tiny-imagenet",
        shape=(3, 64, 64),
        sizes={"train": 100000, "test": 10000},
        classes=200,
        read=official.read_tiny_imagenet,
        files=_files(TINY_IMAGENET),
        url="https://cs231n.stanford.edu/",
        copies="decoded-mixed",  # "decoded" had the training images class by class
    ),
    Known(
        name="digits",
        shape=(1, 8, 8),
        sizes={"train": 1437, "test": 360},
        classes=10,
        read=official.read_digits,
        files={},
    ),
)

KNOWN = {entry.name: entry for entry in _ENTRIES}


def find(name: str) -> Known:
    """The entry of a known data set; raises InputError for another name."""
    if name not in KNOWN:
        raise InputError(
            f"data set {name!r} is not known; use one of {', '.join(KNOWN)}, "
            "or the path of an .npz file or of a folder with one subfolder of images per class"
        )
    return KNOWN[name]

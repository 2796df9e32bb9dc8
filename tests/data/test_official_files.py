"""Readers of the official layouts, against files that the test makes byte by byte."""

import gzip
import zipfile

import numpy as np
import official_layouts
import pytest
from sklearn.datasets import load_digits

from workbench.data import names
from workbench.data.official import (
    read_cifar10,
    read_cifar100,
    read_digits,
    read_idx,
    read_tiny_imagenet,
)
from workbench.errors import InputError

RNG = np.random.default_rng(0)


def written(folder, content):
    (folder / "some-ubyte.gz").write_bytes(gzip.compress(content))
    return folder / "some-ubyte.gz"


@pytest.mark.parametrize("shape", [(5,), (4, 3, 2), (1, 2, 3, 4)])
def test_idx_of_any_shape(tmp_path, shape):
    values = RNG.integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(read_idx(written(tmp_path, official_layouts.idx(values))), values)


def test_idx_header_as_published(tmp_path):
    # yann.lecun.com: the label file begins with 0x00000801 and the number of items
    path = written(tmp_path, b"\x00\x00\x08\x01\x00\x00\x00\x03\x07\x02\x01")
    assert read_idx(path).tolist() == [7, 2, 1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "does not begin like an IDX file"),
        (b"\x00\x00\x08", "does not begin like an IDX file"),
        (b"\x00\x00\x08\x03\x00\x00\x00\x01", "does not begin like an IDX file"),
        (b"\x00\x00\x08\x00\x07", "does not begin like an IDX file"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x01\x07\x07\x07\x07", "does not begin like an IDX file"),
        (b"\x89PNG\r\n\x1a\n", "does not begin like an IDX file"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x03\x07\x02", "holds 2 values where its header says 3"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x01\x07\x02", "holds 2 values where its header says 1"),
        (
            b"\x00\x00\x08\x01\xff\xff\xff\xff\x07",
            "holds 1 values where its header says 4294967295",
        ),
    ],
)
def test_a_flawed_idx_is_one_line(tmp_path, content, words):
    path = written(tmp_path, content)
    with pytest.raises(InputError, match=words) as error:
        read_idx(path)
    assert str(error.value).startswith(str(path))


def test_cifar10(tmp_path):
    images = RNG.integers(0, 256, (6, 3, 3, 32, 32), dtype=np.uint8)
    labels = RNG.integers(0, 10, (6, 3))
    official_layouts.cifar10(tmp_path, images, labels)
    x, y, classes = read_cifar10(tmp_path, "train")
    np.testing.assert_array_equal(x, images[:5].reshape(15, 3, 32, 32))
    np.testing.assert_array_equal(y, labels[:5].ravel())
    x, y, _ = read_cifar10(tmp_path, "test")
    np.testing.assert_array_equal(x, images[5])
    np.testing.assert_array_equal(y, labels[5])
    assert (classes[0], classes[9], len(classes)) == ("airplane", "truck", 10)


def test_cifar100_gives_fine_labels(tmp_path):
    images = RNG.integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    coarse, fine = np.array([4, 14, 1, 19]), np.array([0, 2, 1, 99])
    official_layouts.cifar100(tmp_path, images, coarse, fine)
    x, y, classes = read_cifar100(tmp_path, "test")
    np.testing.assert_array_equal(x, images)
    np.testing.assert_array_equal(y, fine)
    assert [classes[label] for label in y] == ["apple", "baby", "aquarium_fish", "worm"]


def test_a_cut_record_is_one_line(tmp_path):
    members = {"cifar-100-binary/test.bin": bytes(2 * 3074 - 1)}
    official_layouts.tar_gz(tmp_path / "cifar-100-binary.tar.gz", members)
    with pytest.raises(InputError, match="6147 bytes are no whole number of records of 3074"):
        read_cifar100(tmp_path, "test")


def test_cifar100_has_100_names_in_alphabetical_order():
    assert len(set(names.CIFAR100)) == 100
    assert list(names.CIFAR100) == sorted(names.CIFAR100)


def test_tiny_imagenet_training_images_are_mixed(tmp_path):
    official_layouts.tiny_imagenet(tmp_path)
    x, y, classes = read_tiny_imagenet(tmp_path, "train")
    assert classes == official_layouts.WNIDS
    assert set(y[:11]) == {0, 1, 2}
    red, green, blue = x[:, :, 30, 30].T.astype(int)
    np.testing.assert_allclose(green, 80 * y, atol=3)
    np.testing.assert_allclose(blue, 0, atol=3)
    numbers = np.round(red / 20).astype(int)
    assert sorted(zip(y, numbers, strict=True)) == [(c, k) for c in range(3) for k in range(11)]


def test_tiny_imagenet_training_images_do_not_depend_on_the_archives_order(tmp_path):
    official_layouts.tiny_imagenet(tmp_path)
    x, y, _ = read_tiny_imagenet(tmp_path, "train")
    path = tmp_path / "tiny-imagenet-200.zip"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name in reversed(members):
            archive.writestr(name, members[name])
    again = read_tiny_imagenet(tmp_path, "train")
    np.testing.assert_array_equal(again[0], x)
    np.testing.assert_array_equal(again[1], y)


def test_tiny_imagenet_validation_images_are_the_test_split(tmp_path):
    official_layouts.tiny_imagenet(tmp_path)
    x, y, _ = read_tiny_imagenet(tmp_path, "test")
    assert y.tolist() == [2, 0, 1, 2]
    np.testing.assert_allclose(x[:, 2, 30, 30], [0, 60, 120, 180], atol=3)


def test_digits_are_scikit_learns():
    found = load_digits()
    train, test = read_digits(None, "train"), read_digits(None, "test")
    assert (len(train[0]), len(test[0])) == (1437, 360)
    x = np.concatenate([train[0], test[0]])
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x[:, 0] * 16, found.images)
    np.testing.assert_array_equal(np.concatenate([train[1], test[1]]), found.target)

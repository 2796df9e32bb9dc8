"""Known data sets by name: decoded once, guarded, and equal to what others have."""

import time

import numpy as np
import official_layouts
import pytest
from conftest import SHARED

from workbench.data import describe, load, load_data, sources
from workbench.data.known import KNOWN
from workbench.errors import InputError

RNG = np.random.default_rng(0)
IMAGES = {"train": RNG.integers(0, 256, (5, 28, 28), dtype=np.uint8)}
IMAGES["test"] = RNG.integers(0, 256, (3, 28, 28), dtype=np.uint8)
LABELS = {"train": np.array([3, 1, 4, 1, 5], np.uint8), "test": np.array([9, 2, 6], np.uint8)}
MNIST = SHARED / "data" / "mnist.npz"
HERE = {entry.name: entry.where for entry in describe()}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small(cache, monkeypatch):
    """A Fashion-MNIST of five and three images in the cache, and no other place to find it."""
    entry = official_layouts.mnist_like("fashion-mnist", cache / "fashion-mnist", IMAGES, LABELS)
    monkeypatch.setitem(KNOWN, "fashion-mnist", entry)
    monkeypatch.setattr(sources, "PLACES", (sources.from_cache,))
    return cache / "fashion-mnist"


def no_fetch(*_args):
    raise AssertionError("nothing should be fetched")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("split", ["train", "test"])
def test_both_splits(split):
    data = load_data("fashion-mnist", split)
    np.testing.assert_array_equal(data.images[:, 0], IMAGES[split])
    np.testing.assert_array_equal(data.labels, LABELS[split])
    assert (data.name, data.split, data.classes[9]) == ("fashion-mnist", split, "Ankle boot")


@pytest.mark.usefixtures("small")
def test_the_second_time_nothing_is_fetched_or_decoded(monkeypatch):
    first = load_data("fashion-mnist")
    monkeypatch.setattr(load, "fetch", no_fetch)
    said = []
    again = load_data("fashion-mnist", say=said.append)
    assert again.fingerprint == first.fingerprint
    assert again.classes == first.classes
    assert said == []


def test_a_damaged_copy_is_noticed_and_made_again(small):
    first = load_data("fashion-mnist")
    copy = small / "decoded-test.npz"
    content = bytearray(copy.read_bytes())
    content[content.index(IMAGES["test"].tobytes()) + 5] ^= 1
    copy.write_bytes(content)
    said = []
    assert load_data("fashion-mnist", say=said.append).fingerprint == first.fingerprint
    assert "decoding the official files again" in said[0]
    said.clear()
    load_data("fashion-mnist", say=said.append)
    assert said == []


def test_a_copy_of_something_else_is_not_taken(small):
    np.savez(small / "decoded-test.npz", x=IMAGES["train"], y=LABELS["train"])
    assert len(load_data("fashion-mnist")) == 3


def test_a_kill_while_writing_leaves_no_half_copy(small, monkeypatch):
    def killed(path, **_arrays):
        path.write_bytes(b"PK half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", killed)
    with pytest.raises(KeyboardInterrupt):
        load_data("fashion-mnist")
    assert not list(small.glob("decoded*"))


@pytest.mark.usefixtures("small")
def test_a_full_disk_is_said_and_the_data_come_anyway(monkeypatch):
    def full(*_args, **_arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    said = []
    assert len(load_data("fashion-mnist", say=said.append)) == 3
    assert "cannot be written (No space left on device)" in said[-1]


@pytest.mark.usefixtures("small")
def test_another_split():
    with pytest.raises(InputError, match="has no split 'val'; use one of train, test"):
        load_data("fashion-mnist", "val")


def test_official_files_of_an_unexpected_size(small, monkeypatch):
    entry = official_layouts.mnist_like("mnist", small.parent / "mnist", IMAGES, LABELS)
    monkeypatch.setitem(KNOWN, "mnist", official_layouts.replace(entry, sizes={"test": 4}))
    with pytest.raises(InputError, match=r"are \(3, 1, 28, 28, 10\) where \(4, 1, 28, 28, 10\)"):
        load_data("mnist")


def test_archives_through_the_whole_path(small, monkeypatch):
    images = RNG.integers(0, 256, (6, 2, 3, 32, 32), dtype=np.uint8)
    labels = RNG.integers(0, 10, (6, 2))
    for entry in (
        official_layouts.cifar10(small.parent / "cifar10", images, labels),
        official_layouts.cifar100(small.parent / "cifar100", images[0], labels[0], labels[1]),
        official_layouts.tiny_imagenet(small.parent / "tiny-imagenet"),
    ):
        monkeypatch.setitem(KNOWN, entry.name, entry)
        for split, size in entry.sizes.items():
            first, again = load_data(entry.name, split), load_data(entry.name, split)
            assert len(first) == size
            assert first.fingerprint == again.fingerprint
    np.testing.assert_array_equal(load_data("cifar10").images, images[5])


def test_an_earlier_copy_sorted_by_class_is_not_taken(small, monkeypatch):
    folder = small.parent / "tiny-imagenet"
    monkeypatch.setitem(KNOWN, "tiny-imagenet", official_layouts.tiny_imagenet(folder))
    sorted_by_class = np.repeat(np.arange(3), 11)
    images = np.zeros((33, 3, 64, 64), np.uint8)
    np.savez(folder / "decoded-train.npz", x=images, y=sorted_by_class)
    assert load_data("tiny-imagenet", "train").classes_in(0, 11) == 3


def test_a_truncated_archive_is_one_line(small, monkeypatch):
    entry = official_layouts.tiny_imagenet(small.parent / "tiny-imagenet")
    monkeypatch.setitem(KNOWN, "tiny-imagenet", entry)
    path = small.parent / "tiny-imagenet" / "tiny-imagenet-200.zip"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"tiny-imagenet-200\.zip is damaged") as error:
        load_data("tiny-imagenet")
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("cache")
def test_digits_are_always_there():
    train, test = load_data("digits", "train"), load_data("digits")
    assert (len(train), len(test), test.shape) == (1437, 360, (1, 8, 8))
    assert load_data("digits").fingerprint == test.fingerprint != train.fingerprint


def test_description(small):
    entries = {entry.name: entry for entry in describe()}
    assert next(iter(entries)) == "fashion-mnist"
    assert set(entries) == set(KNOWN)
    assert entries["fashion-mnist"].where == small
    assert entries["fashion-mnist"].sizes == {"train": 5, "test": 3}
    assert entries["cifar10"].where is None
    assert entries["digits"].where is not None
    (small / "t10k-labels-idx1-ubyte.gz").unlink()
    assert {entry.name: entry.where for entry in describe()}["fashion-mnist"] is None


def test_decoded_copies_alone_are_described_as_here(small):
    for split in ("train", "test"):
        load_data("fashion-mnist", split)
    (small / "t10k-labels-idx1-ubyte.gz").unlink()
    assert {entry.name: entry.where for entry in describe()}["fashion-mnist"] == small


@pytest.mark.skipif(not HERE["fashion-mnist"], reason="run: workbench data fetch fashion-mnist")
def test_the_real_fashion_mnist():
    train, test = load_data("fashion-mnist", "train"), load_data("fashion-mnist", "test")
    assert train.images.shape == (60000, 1, 28, 28)
    assert test.images.shape == (10000, 1, 28, 28)
    assert test.labels[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert np.bincount(train.labels).tolist() == [6000] * 10
    start = time.perf_counter()
    load_data("fashion-mnist", "test")
    assert time.perf_counter() - start < 0.3


@pytest.mark.skipif(not MNIST.exists(), reason="no shared folder beside the checkout")
def test_the_real_mnist_has_the_official_checksums(cache, monkeypatch):
    with np.load(MNIST) as file:
        images = {split: file[f"{split}_x"] for split in ("train", "test")}
        labels = {split: file[f"{split}_y"] for split in ("train", "test")}
    official_layouts.mnist_like("mnist", cache / "mnist", images, labels)
    monkeypatch.setattr(sources, "PLACES", (sources.from_cache,))
    data = load_data("mnist")
    np.testing.assert_array_equal(data.images[:, 0], images["test"])
    np.testing.assert_array_equal(data.labels, labels["test"])

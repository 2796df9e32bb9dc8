"""A Dataset refuses what no data set can be, and its fingerprint is its content's alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.data import Dataset
from workbench.errors import InputError


def images(n: int = 4, kind: type = np.uint8) -> np.ndarray:
    """(n, 2, 3, 5), every pixel another value."""
    pixels = np.arange(n * 30).reshape(n, 2, 3, 5)
    return pixels.astype(np.uint8) if kind is np.uint8 else (pixels / pixels.max()).astype(kind)


def dataset(x: np.ndarray, y: object = (0, 1, 2, 0), name: str = "some.npz") -> Dataset:
    return Dataset(name, "test", x, np.asarray(y, np.int64), ("a", "b", "c"))


def with_pixel(value: float) -> np.ndarray:
    x = images(kind=np.float32)
    x[2, 1, 0, 0] = value
    return x


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (images()[0], [0, 1], r"shape \(2, 3, 5\); \(n, c, h, w\) is needed"),
        (images(0), [], "no images"),
        (images()[:, :, :0], [0, 1, 2, 0], "no images"),
        (images().astype(np.int32), [0, 1, 2, 0], "images are int32"),
        (images(kind=np.float64), [0, 1, 2, 0], "images are float64"),
        (with_pixel(np.nan), [0, 1, 2, 0], "image 2 has NaN"),
        (with_pixel(np.inf), [0, 1, 2, 0], "image 2 has NaN or infinite"),
        (with_pixel(255), [0, 1, 2, 0], r"from 0 to 255; float images must lie in \[0, 1\]"),
        (with_pixel(-0.5), [0, 1, 2, 0], r"from -0.5 to 1"),
        (images(), [0, 1, 2], r"4 images but labels of shape \(3,\)"),
        (images(), [[0], [1], [2], [0]], r"4 images but labels of shape \(4, 1\)"),
        (images(), [0, 1, -1, 0], r"label -1 of image 2 is none of the 3 classes, 0\.\.2"),
        (images(), [0, 3, 2, 0], "label 3 of image 1 is none of the 3 classes"),
    ],
)
def test_each_flaw_is_one_line_that_names_the_file(x, y, words):
    with pytest.raises(InputError, match=words) as error:
        dataset(x, y)
    assert str(error.value).startswith("some.npz: ")
    assert "\n" not in str(error.value)


def test_labels_of_another_type_are_refused():
    with pytest.raises(InputError, match="labels are uint8"):
        Dataset("d", "test", images(), np.zeros(4, np.uint8), ("a",))


def test_length_and_shape():
    assert len(dataset(images())) == 4
    assert dataset(images()).shape == (2, 3, 5)


def test_every_pixel_value_divided_by_255_to_the_last_bit():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    x, _ = Dataset("d", "test", levels, np.zeros(1, np.int64), ("a",)).batch(0, 1)
    assert x.dtype == torch.float32
    expected = np.arange(256, dtype=np.float32) / np.float32(255)
    np.testing.assert_array_equal(x.numpy().ravel(), expected)


def test_float_images_come_as_they_are():
    x, y = dataset(images(kind=np.float32)).batch(1, 3)
    np.testing.assert_array_equal(x.numpy(), images(kind=np.float32)[1:3])
    assert y.tolist() == [1, 2]
    assert y.dtype == torch.int64


@pytest.mark.parametrize(("start", "stop", "n"), [(0, 4, 4), (3, 9, 1), (4, 8, 0), (7, 9, 0)])
def test_a_batch_ends_where_the_data_end(start, stop, n):
    x, y = dataset(images()).batch(start, stop)
    assert x.shape == (n, 2, 3, 5)
    assert y.shape == (n,)


def test_batches_are_contiguous_even_where_the_images_are_not():
    channels_last = np.ascontiguousarray(images().transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    x, _ = dataset(channels_last).batch(0, 4)
    assert x.is_contiguous()
    np.testing.assert_array_equal(x.numpy(), images().astype(np.float32) / 255)


@pytest.mark.parametrize(
    ("start", "stop", "n"), [(0, 4, 3), (0, 1, 1), (0, 3, 2), (2, 3, 1), (3, 9, 1), (4, 9, 0)]
)
def test_classes_among_some_samples(start, stop, n):
    assert dataset(images(), [2, 0, 2, 1]).classes_in(start, stop) == n


def test_rows_in_any_order():
    x, y = dataset(images()).rows(np.array([3, 1, 1]))
    np.testing.assert_array_equal((x * 255).round().numpy(), images()[[3, 1, 1]])
    assert y.tolist() == [0, 1, 1]


def test_changing_a_batch_does_not_change_the_data():
    data = dataset(images(kind=np.float32))
    x, _ = data.batch(0, 4)
    x.zero_()
    np.testing.assert_array_equal(data.images, images(kind=np.float32))


def test_arrays_are_read_only():
    data = dataset(images())
    with pytest.raises(ValueError, match="read-only"):
        data.images[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        data.labels[0] = 0


def test_fingerprint_is_16_digits_and_not_of_the_name_or_split():
    one = dataset(images())
    other = Dataset("another", "train", images(), one.labels, ("x", "y", "z"))
    assert one.fingerprint == other.fingerprint
    assert len(bytes.fromhex(one.fingerprint)) == 8


def test_fingerprint_knows_type_and_shape():
    zeros = np.zeros((4, 1, 4, 4), np.uint8)
    prints = {
        dataset(zeros).fingerprint,
        dataset(zeros.reshape(4, 1, 2, 8)).fingerprint,
        dataset(zeros.view(np.float32)).fingerprint,
    }
    assert len(prints) == 3


def test_fingerprint_does_not_know_the_memory_layout():
    channels_last = np.ascontiguousarray(images().transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    assert dataset(channels_last).fingerprint == dataset(images()).fingerprint


@given(place=st.integers(0, 119), change=st.integers(1, 255))
def test_one_pixel_changes_the_fingerprint(place, change):
    x = images()
    x.flat[place] = (int(x.flat[place]) + change) % 256
    assert dataset(x).fingerprint != dataset(images()).fingerprint


@given(row=st.integers(0, 3), change=st.integers(1, 2))
def test_one_label_changes_the_fingerprint(row, change):
    y = np.array([0, 1, 2, 0])
    y[row] = (y[row] + change) % 3
    assert dataset(images(), y).fingerprint != dataset(images()).fingerprint

"""A user's own .npz files and image folders: every layout, and one line for every mistake."""

import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import SHARED
from PIL import Image

from workbench.data import load_data
from workbench.errors import InputError

COLOUR = np.random.default_rng(0).integers(0, 256, (6, 8, 10, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]
LABELS = np.array([0, 1, 2, 2, 1, 0])
MNIST = SHARED / "data" / "mnist.npz"
TINY = SHARED / "data" / "tiny_imagenet_val2000.npz"


@pytest.fixture
def save(tmp_path):
    """Writes the arrays to an .npz; its path."""

    def write(**arrays):
        np.savez(tmp_path / "own.npz", **arrays)
        return str(tmp_path / "own.npz")

    return write


def refused(path, words):
    """The path cannot be loaded: one line that names it and has these words."""
    with pytest.raises(InputError, match=words) as error:
        load_data(str(path))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (COLOUR, COLOUR.transpose(0, 3, 1, 2)),
        (COLOUR.transpose(0, 3, 1, 2), COLOUR.transpose(0, 3, 1, 2)),
        (GREY, GREY[:, None]),
        (GREY[..., None], GREY[:, None]),
        (GREY[:, None], GREY[:, None]),
        (COLOUR[:, :, :3].transpose(0, 3, 1, 2), COLOUR[:, :, :3].transpose(0, 3, 1, 2)),
    ],
    ids=["NHWC", "NCHW", "NHW", "NHW1", "N1HW", "NCH3"],
)
@pytest.mark.parametrize("kind", [np.uint8, np.float16, np.float32, np.float64])
def test_every_layout_and_type(save, x, expected, kind):
    scale = 1 if kind is np.uint8 else 255
    data = load_data(save(x=(x / scale).astype(kind), y=LABELS))
    assert data.images.dtype == (np.uint8 if kind is np.uint8 else np.float32)
    assert data.images.flags.c_contiguous
    np.testing.assert_array_equal(data.images, (expected / scale).astype(kind).astype(np.float32))
    np.testing.assert_array_equal(data.labels, LABELS)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.uint64])
def test_labels_of_any_integer_type(save, kind):
    data = load_data(save(x=GREY, y=LABELS.astype(kind)))
    assert data.labels.dtype == np.int64
    assert data.labels.tolist() == LABELS.tolist()


def test_classes_are_counted_or_named(save):
    assert load_data(save(x=GREY, y=LABELS)).classes == ("0", "1", "2")
    named = load_data(save(x=GREY, y=LABELS, classes=np.array(["cat", "dog", "cow", "hen"])))
    assert named.classes == ("cat", "dog", "cow", "hen")


def test_the_home_folder_is_known(save, tmp_path, monkeypatch):
    save(x=GREY, y=LABELS)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(load_data("~/own.npz")) == 6


def test_own_data_is_one_split_and_keeps_its_path_as_name(save):
    path = save(x=GREY, y=LABELS)
    data = load_data(path, "train")
    assert (data.name, data.split, len(data)) == (path, "test", 6)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": GREY}, "lacks y"),
        ({"images": GREY, "labels": LABELS}, "lacks x and y"),
        ({"x": GREY.astype(np.int64), "y": LABELS}, "x is int64; use uint8"),
        ({"x": GREY[0], "y": LABELS}, r"x has shape \(8, 10\)"),
        ({"x": np.zeros((6, 8, 8, 4), np.uint8), "y": LABELS}, r"x has shape \(6, 8, 8, 4\)"),
        ({"x": GREY, "y": LABELS.astype(float)}, "y is float64"),
        ({"x": GREY, "y": LABELS[:, None]}, r"y is int64 of shape \(6, 1\)"),
        ({"x": GREY, "y": LABELS[:5]}, "6 images but labels of shape"),
        ({"x": GREY, "y": LABELS - 1}, "label -1 of image 0"),
        ({"x": GREY, "y": LABELS + 10**12}, "label 1000000000002 is too high"),
        ({"x": GREY, "y": LABELS, "classes": np.array(["a", "b"])}, "label 2 of image 2 is none"),
        ({"x": GREY, "y": LABELS, "classes": np.arange(3)}, "classes is int64"),
        ({"x": GREY[:0], "y": LABELS[:0]}, "no images"),
        ({"x": GREY.astype(np.float32), "y": LABELS}, r"must lie in \[0, 1\]"),
        ({"x": np.full((6, 8, 10), np.nan), "y": LABELS}, "image 0 has NaN"),
        ({"x": np.array([None] * 6), "y": LABELS}, "no whole .npz file without pickles"),
    ],
)
def test_each_mistake_is_one_line(save, arrays, words):
    refused(save(**arrays), words)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_a_truncated_npz(save, tmp_path, part):
    path = tmp_path / "own.npz"
    save(x=COLOUR, y=LABELS)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    refused(path, "no whole .npz file")


def test_a_changed_pixel_on_disk_is_noticed(save, tmp_path):
    path = tmp_path / "own.npz"
    save(x=COLOUR, y=LABELS)
    content = path.read_bytes()
    place = content.index(COLOUR.tobytes()) + 100
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    refused(path, "Bad CRC-32")


@pytest.mark.parametrize("content", [b"", b"x,y\n1,2\n", np.lib.format.magic(1, 0)])
def test_a_file_that_is_no_npz(tmp_path, content):
    (tmp_path / "own.csv").write_bytes(content)
    refused(tmp_path / "own.csv", "no whole .npz file")


def test_an_npz_whose_member_is_no_array(tmp_path):
    np.savez(tmp_path / "own.npz", x=GREY)
    with zipfile.ZipFile(tmp_path / "own.npz", "a") as archive:
        archive.writestr("y.npy", b"labels")
    refused(tmp_path / "own.npz", "y is no array")


def test_a_plain_npy_is_no_npz(tmp_path):
    np.save(tmp_path / "own.npy", GREY)
    refused(tmp_path / "own.npy", "no whole .npz file")


def test_a_pickle_is_never_opened(tmp_path):
    (tmp_path / "own.npz").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    refused(tmp_path / "own.npz", "pickle")


def test_an_npz_that_unpacks_to_far_more_than_it_holds(tmp_path):
    np.savez_compressed(tmp_path / "own.npz", x=np.zeros((300, 1000, 1000), np.uint8), y=[0])
    refused(tmp_path / "own.npz", "claims to unpack to 300")


def test_pixels_beyond_float32_are_infinite_without_a_warning(save):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(save(x=np.full((6, 8, 10), 1e300), y=LABELS), "NaN or infinite pixels")


@pytest.fixture
def folder(tmp_path):
    """Two classes: cats 0, 1 and dogs 2, 3, 4 of COLOUR."""
    for i, image in enumerate(COLOUR[:5]):
        file = tmp_path / "pets" / ("cat" if i < 2 else "dog") / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    return tmp_path / "pets"


def places_in(originals, images):
    """Where each image is among the originals, all of them different."""
    return [
        int(place)
        for image in images
        for place in np.flatnonzero((originals == image).all((1, 2, 3)))
    ]


def test_a_folder_of_colour_images(folder):
    (folder / "README.txt").write_text("beside the classes, ignored")
    (folder / "cat" / ".hidden").write_text("ignored")
    data = load_data(str(folder))
    places = places_in(COLOUR[:5].transpose(0, 3, 1, 2), data.images)
    assert sorted(places) == [0, 1, 2, 3, 4]
    assert data.labels.tolist() == [0 if place < 2 else 1 for place in places]
    assert data.classes == ("cat", "dog")


def test_a_folder_of_grey_images_has_one_channel(folder):
    for file in folder.glob("*/*.png"):
        Image.fromarray(GREY[int(file.stem)]).save(file)
    data = load_data(str(folder))
    assert data.shape == (1, 8, 10)
    assert sorted(places_in(GREY[:5, None], data.images)) == [0, 1, 2, 3, 4]


def test_one_grey_image_among_colours_becomes_rgb(folder):
    Image.fromarray(GREY[0]).save(folder / "cat" / "0.png")
    data = load_data(str(folder))
    expected = COLOUR[:5].transpose(0, 3, 1, 2).copy()
    expected[0] = GREY[0]
    assert sorted(places_in(expected, data.images)) == [0, 1, 2, 3, 4]


def write_three_classes(path, files):
    """Image k of class c has the pixel (c, k), in two channels and the third 7."""
    for c, k in files:
        file = path / "abc"[c] / f"{k}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (2, 2), (c, k, 7)).save(file)
    return load_data(str(path))


THREE_CLASSES = [(c, k) for c in range(3) for k in range(20)]


def test_the_first_images_of_a_folder_hold_all_classes(tmp_path):
    data = write_three_classes(tmp_path, THREE_CLASSES)
    assert data.classes_in(0, 20) == 3
    np.testing.assert_array_equal(data.labels, data.images[:, 0, 0, 0])
    assert sorted(map(tuple, data.images[:, :2, 0, 0].tolist())) == THREE_CLASSES


def test_the_order_of_a_folder_depends_on_its_names_alone(tmp_path, monkeypatch):
    first = write_three_classes(tmp_path / "one", THREE_CLASSES)
    other = write_three_classes(tmp_path / "other", THREE_CLASSES[::-1])
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: sorted(listed(path), reverse=True))
    again = load_data(str(tmp_path / "one"))
    assert first.fingerprint == other.fingerprint == again.fingerprint


def test_an_npz_keeps_its_order(save):
    data = load_data(save(x=GREY, y=np.sort(LABELS)))
    assert [data.classes_in(0, 2), data.classes_in(0, 6)] == [1, 3]
    np.testing.assert_array_equal(data.images, GREY[:, None])


def test_a_truncated_image(folder):
    file = folder / "dog" / "3.png"
    file.write_bytes(file.read_bytes()[:150])
    refused(folder, r"3\.png is no whole image")


def test_a_file_that_is_no_image(folder):
    (folder / "dog" / "notes.txt").write_text("woof")
    refused(folder, r"notes\.txt is no whole image")


def test_an_image_of_another_size(folder):
    Image.new("RGB", (7, 7)).save(folder / "dog" / "9.png")
    refused(folder, r"9\.png is 7x7 where 0\.png is 10x8")


@pytest.mark.parametrize("side", [13_000, 1 << 16])
def test_an_image_that_claims_to_be_enormous(folder, side):
    (folder / "cat" / "0.png").write_bytes(b"P5 %d %d 255\n" % (side, side))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(folder, r"0\.png is no whole image \(.*pixels")


def test_an_image_of_16_bits(folder):
    Image.fromarray(GREY[0].astype(np.uint16) * 257).save(folder / "dog" / "9.png")
    refused(folder, "more than 8 bits per channel")


def test_a_folder_without_images(tmp_path):
    refused(tmp_path, "has no images: it needs one subfolder per class")
    (tmp_path / "empty").mkdir()
    refused(tmp_path, "has no images")


def test_neither_a_name_nor_a_path():
    with pytest.raises(InputError, match="data set 'minst' is not known; use one of fashion-mnist"):
        load_data("minst")


@pytest.mark.skipif(not MNIST.exists(), reason="no shared folder beside the checkout")
def test_mnist_as_own_data(save):
    with np.load(MNIST) as file:
        x, y = file["test_x"], file["test_y"]
    data = load_data(save(x=x, y=y))
    assert (data.shape, len(data), len(data.classes)) == ((1, 28, 28), 10000, 10)
    assert data.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    np.testing.assert_array_equal(data.images[:, 0], x)


@pytest.mark.skipif(not TINY.exists(), reason="no shared folder beside the checkout")
def test_an_npz_that_others_made():
    data = load_data(str(TINY))
    assert (data.shape, len(data), len(data.classes)) == ((3, 64, 64), 2000, 200)


def test_a_folders_pixels_are_mapped_from_a_file_and_not_held(tmp_path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        Image.new("RGB", (5, 4), (10, 20, 30)).save(tmp_path / label / "0.png")
    images = load_data(str(tmp_path)).images
    assert isinstance(images, np.memmap)
    assert images.shape == (2, 3, 4, 5)
    assert (images[:, :, 0, 0] == [10, 20, 30]).all()

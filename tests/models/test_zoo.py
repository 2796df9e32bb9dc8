import json
import os

import pytest
import torch

from workbench.errors import InputError
from workbench.models import check_fits, load_model, zoo
from workbench.models.architectures import small_cnn
from workbench.models.fingerprint import fingerprint

CARD = {"architecture": "small-cnn", "data": "fashion-mnist", "seed": 0, "clean accuracy": 0.9}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "ROOT", tmp_path)
    return tmp_path


def test_what_is_saved_is_listed_and_loads(root):
    net = small_cnn()
    written = zoo.save("fashion-mnist/at-0.1", net, CARD)
    zoo.save("digits/natural", small_cnn(), CARD)
    assert written == root / "fashion-mnist/at-0.1.safetensors"
    assert zoo.names() == ["digits/natural", "fashion-mnist/at-0.1"]
    assert zoo.path("fashion-mnist/at-0.1") == written
    assert zoo.card("fashion-mnist/at-0.1") == CARD
    model = load_model("zoo:fashion-mnist/at-0.1")
    assert model.fingerprint == fingerprint(net)
    assert model.origin == "zoo:fashion-mnist/at-0.1"


@pytest.mark.usefixtures("root")
def test_the_card_tells_shape_and_classes():
    net = small_cnn((3, 8, 12), 7)
    zoo.save("a/b", net, CARD | {"shape": [3, 8, 12], "classes": 7})
    model = load_model("zoo:a/b", shape=(1, 28, 28), classes=10)
    check_fits(model, (3, 8, 12), 7)
    assert model.fingerprint == fingerprint(net)


@pytest.mark.usefixtures("root")
def test_save_beside_the_zoo(tmp_path):
    written = zoo.save("mine", small_cnn(), CARD, root=tmp_path / "out")
    assert written == tmp_path / "out/mine.safetensors"
    assert json.loads((tmp_path / "out/mine.json").read_text()) == CARD
    assert load_model(str(written), arch="small-cnn")


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("name", ["fashion-mnist/standard", "../secret", ""])
def test_unknown_names_list_what_there_is(name):
    zoo.save("fashion-mnist/natural", small_cnn(), CARD)
    with pytest.raises(InputError, match="there are fashion-mnist/natural"):
        load_model(f"zoo:{name}")


@pytest.mark.usefixtures("root")
def test_an_empty_zoo():
    with pytest.raises(InputError, match="there are none"):
        load_model("zoo:fashion-mnist/natural")


@pytest.mark.usefixtures("root")
def test_a_zoo_model_takes_no_architecture():
    zoo.save("fashion-mnist/natural", small_cnn(), CARD)
    with pytest.raises(InputError, match="names its own architecture"):
        load_model("zoo:fashion-mnist/natural", arch="small-cnn")


def test_a_card_must_name_the_architecture(root):
    with pytest.raises(InputError, match="architecture"):
        zoo.save("fashion-mnist/natural", small_cnn(), {"seed": 0})
    assert list(root.iterdir()) == []


def test_a_full_disk_loses_nothing(root, monkeypatch):
    before = small_cnn()
    zoo.save("fashion-mnist/natural", before, CARD)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        zoo.save("fashion-mnist/natural", small_cnn(), CARD | {"seed": 1})
    assert load_model("zoo:fashion-mnist/natural").fingerprint == fingerprint(before)
    assert zoo.card("fashion-mnist/natural") == CARD
    assert len(list((root / "fashion-mnist").iterdir())) == 2


def test_a_folder_that_cannot_be(root):
    (root / "fashion-mnist").write_text("a file is in the way")
    with pytest.raises(InputError, match="cannot write model"):
        zoo.save("fashion-mnist/natural", small_cnn(), CARD)


@pytest.mark.usefixtures("root")
def test_the_same_weights_give_the_same_file():
    net = small_cnn()
    first = zoo.save("a/one", net, CARD).read_bytes()
    assert zoo.save("a/two", net, CARD).read_bytes() == first


@pytest.mark.parametrize("name", zoo.names())
def test_models_of_the_package_load_and_their_cards_tell_of_them(name):
    model = load_model(f"zoo:{name}")
    check_fits(model, (1, 28, 28), 10)
    assert zoo.card(name)["architecture"] in ("small-cnn", "medium-cnn")
    assert zoo.card(name)["fingerprint"] == model.fingerprint
    assert {p.dtype for p in model.parameters()} == {torch.float32}

"""The models of a profile: weights that load, cards that are true, and nothing trained twice."""

import json

import pytest
import torch
from safetensors.torch import load_file

from workbench import trainings
from workbench.data import load_data
from workbench.defenses.recipe import Recipe
from workbench.errors import InputError
from workbench.evaluation.store import Store
from workbench.evaluation.training import train_all
from workbench.models import load_model
from workbench.planning import training_parts
from workbench.profiles import Profile
from workbench.trainings import command, requests, retrained, train_profile

CONTENT = {
    "data": "digits",
    "models": ["zoo:digits/standard-at@0", "zoo:digits/namid@0"],
    "samples": 50,
    "threats": [{"norm": "Linf", "eps": "0.1", "attacks": ["pgd-10"]}],
    "information": {
        "norm": "Linf",
        "eps": "0.1",
        "attack": "pgd-10:stop_at_success=false",
        "samples": 50,
        "fit_samples": 200,
        "critic_seeds": [0],
    },
    "analyses": ["white_box"],
    "trainings": [
        {
            "norm": "Linf",
            "eps": "0.1",
            "arch": "small-cnn",
            "seeds": [0],
            "defenses": {"namid": "namid:alpha=0.1", "standard-at": "standard-at"},
            "recipe": {"epochs": 2, "lr": 0.1, "attack_steps": 1, "units": 8, "fit_steps": 30},
        }
    ],
}


def no_constants(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture(scope="module")
def profile() -> Profile:
    return Profile.model_validate(CONTENT)


def test_a_profile_trains_writes_and_measures_its_models(profile, tmp_path, monkeypatch) -> None:
    store, out = Store(tmp_path / "store"), tmp_path / "out"
    paths = train_profile(profile, out, store)
    assert {name: path.name for name, path in paths.items()} == {
        "namid@0": "namid@0.safetensors",
        "standard-at@0": "standard-at@0.safetensors",
    }
    for name, path in paths.items():
        text = path.with_suffix(".json").read_text()
        card = json.loads(text, parse_constant=no_constants)
        model = load_model(str(path), card["architecture"], shape=(1, 8, 8), classes=10)
        assert model.fingerprint == card["fingerprint"]
        assert card["trained"]["device"] == "cpu"
        assert [line["attack"] for line in card["accuracies"]] == ["none", "pgd-40", "worst case"]
        assert card["history"][0]["epoch"] == 1
        assert card["recipe"]["defense"].startswith(name.partition("@")[0])
    critics = out / "critics" / "standard-at@0.mim.safetensors"
    assert {key.partition(".")[0] for key in load_file(critics)} == {"natural", "adversarial"}
    facts = json.loads(critics.with_suffix(".json").read_text())
    assert (
        facts["fingerprint"] == json.loads((out / "standard-at@0.json").read_text())["fingerprint"]
    )
    data = [load_data("digits", split) for split in ("train", "test")]
    planned = training_parts(profile, *data, "cpu")
    stored = set(store.keys())
    assert len(planned) == len(stored)
    assert [part.name in stored for part in planned if part.group[0] == "training"] == [False, True]
    monkeypatch.delattr("workbench.evaluation.training.train")
    again = train_profile(profile, tmp_path / "other", store)
    assert all(path.read_bytes() == again[name].read_bytes() for name, path in paths.items())


def test_what_the_folder_has_is_not_trained_again(profile, tmp_path, monkeypatch) -> None:
    out = tmp_path / "out"
    paths = train_profile(profile, out, Store(tmp_path / "store"))
    before = {name: path.read_bytes() for name, path in paths.items()}
    paths["namid@0"].unlink()
    trained = []
    monkeypatch.setattr(trainings, "train_all", lambda *a: trained.append(a[0]) or train_all(*a))
    again = train_profile(profile, out, Store(tmp_path / "another"))
    assert again == paths
    assert [list(part) for part in trained] == [["namid@0"]]
    assert {name: path.read_bytes() for name, path in again.items()} == before
    card = paths["standard-at@0"].with_suffix(".json")
    card.write_text(card.read_text().replace('"epochs": 2', '"epochs": 3'))
    train_profile(profile, out, Store(tmp_path / "another"))
    assert list(trained[-1]) == ["namid@0", "standard-at@0"]  # its base is trained anew


def test_kept_epochs_are_written_told_of_and_missed(tmp_path, monkeypatch) -> None:
    recipe = {"epochs": 2, "attack_steps": 1, "keep": [1], "stored": "float16"}
    training = {**CONTENT["trainings"][0], "defenses": ["standard-at"], "recipe": recipe}
    profile = Profile.model_validate(CONTENT | {"models": "trained", "trainings": [training]})
    assert [m.title for m in profile.models] == ["standard-at-epoch-1@0", "standard-at@0"]
    paths = train_profile(profile, tmp_path / "out", Store(tmp_path / "store"))
    assert list(paths) == ["standard-at-epoch-1@0", "standard-at@0"]
    cards = [json.loads(path.with_suffix(".json").read_text()) for path in paths.values()]
    assert [len(card["history"]) for card in cards] == [1, 2]
    assert cards[0]["fingerprint"] != cards[1]["fingerprint"]
    assert cards[0]["retrain"].endswith("--keep 1 --stored float16")
    for path, card in zip(paths.values(), cards, strict=True):
        assert {tensor.dtype for tensor in load_file(path).values()} == {torch.float16}
        loaded = load_model(str(path), "small-cnn", shape=load_data("digits").shape)
        assert loaded.fingerprint == card["fingerprint"]
    assert retrained(profile, paths).models[0].arch == "small-cnn"
    trained = []
    monkeypatch.setattr(trainings, "train_all", lambda *a: trained.append(a[0]) or train_all(*a))
    train_profile(profile, tmp_path / "out", Store(tmp_path / "another"))
    paths["standard-at-epoch-1@0"].unlink()
    train_profile(profile, tmp_path / "out", Store(tmp_path / "store"))
    assert [list(part) for part in trained] == [[], ["standard-at@0"]]
    assert paths["standard-at-epoch-1@0"].exists()


def test_a_retrained_profile_measures_its_own_models(profile, tmp_path) -> None:
    paths = {name: tmp_path / f"{name}.safetensors" for name in requests(profile, None)}
    found = retrained(profile, paths)
    assert [model.title for model in found.models] == ["standard-at@0", "namid@0"]
    assert found.models[0].reference == str(paths["standard-at@0"])
    assert {model.arch for model in found.models} == {"small-cnn"}


def test_a_model_that_is_not_trained_is_named(profile) -> None:
    with pytest.raises(InputError, match="zoo:digits/standard-at@0"):
        retrained(profile, {})


def test_the_command_of_a_recipe_makes_it_again(profile) -> None:
    recipe = requests(profile, None)["namid@0"].recipe
    assert command(recipe) == (
        "workbench train namid:alpha=0.1 --data digits --arch small-cnn --epochs 2 --lr 0.1 "
        "--attack-steps 1 --base standard-at@0.safetensors --units 8 --fit-steps 30"
    )


@pytest.mark.parametrize(
    ("base", "file"),
    [
        ("standard-at@0", "standard-at@0.safetensors"),
        ("standard-at-e0.1@0", "standard-at-e0.1@0.safetensors"),
        ("mine.pt", "mine.pt"),
        ("zoo:digits/standard-at@0", "zoo:digits/standard-at@0"),
        ("mine/standard-at@0.safetensors", "mine/standard-at@0.safetensors"),
        ("standard-at@0.safetensors", "standard-at@0.safetensors"),
    ],
)
def test_the_base_of_a_profile_is_the_file_beside(base, file) -> None:
    recipe = Recipe("namid", "digits", "small-cnn", base=base)
    assert command(recipe).endswith(f"--base {file}")


def test_the_command_of_a_recipe_leaves_out_what_is_not_used() -> None:
    recipe = Recipe("natural", "digits", "small-cnn", attack_steps=5, base="h", units=64)
    attack, critics = {"attack_step", "attack_steps"}, {"base", "estimator", "fit_steps", "units"}
    assert recipe.unused == attack | critics
    assert command(recipe) == "workbench train natural --data digits --arch small-cnn"


@pytest.mark.parametrize(
    "wrong",
    [
        {"seeds": [0, 0]},
        {"defenses": {"x": "magic"}},
        {"recipe": {"speed": 3}},
        {"recipe": {"epochs": 0}},
        {"eps": "8"},
    ],
)
def test_a_wrong_training_is_refused(wrong) -> None:
    content = {**CONTENT, "trainings": [CONTENT["trainings"][0] | wrong]}
    with pytest.raises((InputError, ValueError)):
        Profile.model_validate(content)

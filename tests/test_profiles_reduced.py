"""Every profile at reduced size: its models are trained, and its analyses run on them."""

from pathlib import Path

import pandas as pd
import pytest
from reduced import content, cut, images, shorten

from workbench import analysis
from workbench.analysis import analysis_of
from workbench.evaluation.store import Store
from workbench.profiles import Profile, load_profile
from workbench.trainings import retrained, train_profile

FEW = ("natural", "standard-at", "namid")
COMPARING = ("white_box", "black_box", "ablation", "defense_by_estimator", "mi_distribution")


def made(profile: Profile, folder: Path) -> tuple[Profile, Store]:
    """The profile with its models trained, and the store that has them."""
    store = Store(folder / "store")
    return retrained(profile, train_profile(profile, folder / "models", store)), store


def tables(name: str, profile: Profile, store: Store) -> tuple[pd.DataFrame, dict]:
    """What one analysis measures and prints; nothing is drawn."""
    module = analysis_of(name)
    frame = analysis.records(module.runs(profile), store, "cpu").frame
    numbers = module.table(frame)
    assert module.finding(numbers)
    return numbers, module.layout(numbers)


def test_every_analysis_of_a_profile_runs_on_the_models_it_trains(tmp_path, monkeypatch) -> None:
    shorten(monkeypatch, images("fashion-mnist"))
    profile, store = made(cut("fashion-mnist"), tmp_path)
    numbers, _ = tables("white_box", profile, store)
    counts = numbers.groupby("norm")["defense"].nunique()
    assert counts.to_dict() == {"Linf": 8, "L2": 7}
    few = [model for model in profile.models if model.title.split("@")[0] in FEW]
    profile = profile.model_copy(update={"models": tuple(few)})
    for wanted in profile.analyses:
        numbers, texts = tables(wanted, profile, store)
        assert len(numbers), wanted
        assert all(len(text) for text in texts.values()), wanted


def test_models_meet_in_the_analyses_that_compare_them(tmp_path, monkeypatch) -> None:
    shorten(monkeypatch, images("cifar10"))
    profile, store = made(cut("cifar10", FEW), tmp_path)
    found = {wanted: tables(wanted, profile, store)[0] for wanted in COMPARING}
    assert set(found["white_box"]["defense"]) == set(FEW)
    assert found["ablation"]["defense"].nunique() == 5
    named = {"namid", "namid-contrast", "standard-at"}
    assert set(found["defense_by_estimator"]["defense"]) == named
    assert set(found["black_box"]["source"]) == {"surrogate@0", "surrogate-l2@0"}
    assert set(found["mi_distribution"]["model"]) == {f"{defense}@0" for defense in FEW}


@pytest.mark.parametrize("name", ["cifar10", "tiny-imagenet"])
def test_the_nets_of_the_paper_are_trained_and_measured(name, tmp_path, monkeypatch) -> None:
    data = images(name)
    few = {
        split: type(part)(name, split, part.images[:8], part.labels[:8], part.classes)
        for split, part in data.items()
    }
    shorten(monkeypatch, few)
    monkeypatch.setattr("workbench.trainings.MEASURED", "fgsm")
    wide = content(name, narrow=False)
    wide |= {"samples": 4, "unit_size": 4, "variants": [], "analyses": ["white_box"]}
    wide["recipe"]["precision"] = "float32"  # the other is slow on a CPU
    wide["trainings"] = [
        wide["trainings"][0] | {"defenses": ["standard-at"]},
        next(part for part in wide["trainings"] if part.get("role") == "surrogates"),
    ]
    wide["transfers"] = [wide["transfers"][0] | {"attacks": ["pgd-40"]}]
    wide["threats"] = [wide["threats"][0] | {"attacks": ["pgd-40"]}]
    profile, store = made(Profile.model_validate(wide), tmp_path)
    assert {training.arch for training in profile.trainings} == {"resnet18", "vgg19"}
    numbers, _ = tables("white_box", profile, store)
    assert set(numbers["attack"]) == {"none", "pgd-40", "worst case"}
    numbers, _ = tables("black_box", profile, store)
    assert set(numbers["source"]) == {"surrogate@0"}


@pytest.mark.parametrize(
    "name", ["mnist", "namid-sweep", "namid-settings", "namid-confirm", "namid-confirm-l2"]
)
def test_the_first_analysis_of_a_profile_has_all_its_models(name, tmp_path, monkeypatch) -> None:
    shorten(monkeypatch, images(name))
    profile = cut(name, FEW) if name == "mnist" else Profile.model_validate(content(name))
    profile, store = made(profile, tmp_path)
    numbers, _ = tables(profile.analyses[0], profile, store)
    names = {model.title.split("@")[0].removesuffix("-l2") for model in profile.models}
    if profile.analyses == ("sweep",):
        names |= {model.title.split("@")[0] for model in profile.variants}
    assert set(numbers["defense"]) == names


def test_the_demo_profile_trains_nothing() -> None:
    assert not load_profile("demo").trainings

"""Trainings as units: trained once, base first, the same by workers, after a kill, and again."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.data import Dataset
from workbench.defenses.recipe import Recipe
from workbench.errors import InputError
from workbench.evaluation.store import Store
from workbench.evaluation.training import TrainingRequest, train_all
from workbench.evaluation.workers import Workers
from workbench.information.fit import Diverged
from workbench.progress import ProgressFile

SMALL = {"epochs": 2, "batch": 64, "attack_steps": 2, "units": 8, "fit_steps": 30}
RECIPE = Recipe("standard-at", "rows", "small-cnn", **SMALL)


def data() -> Dataset:
    """Images whose class is the brightest of ten rows."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 200)
    images = rng.integers(0, 100, (200, 1, 28, 28), dtype=np.uint8)
    images[np.arange(200), 0, 2 * labels + 3] = 255
    return Dataset("rows", "train", images, labels.astype(np.int64), tuple("abcdefghij"))


def requests() -> dict[str, TrainingRequest]:
    namid = replace(RECIPE, defense="namid:alpha=0.1", base="standard-at@0")
    return {
        "namid@0": TrainingRequest(namid, data(), based_on="standard-at@0"),
        "standard-at@0": TrainingRequest(RECIPE, data()),
    }


def weights(models) -> dict[str, torch.Tensor]:
    return {
        f"{name}.{key}": value
        for name, found in models.items()
        for key, value in found.model.state_dict().items()
    }


def same(first, second) -> bool:
    a, b = weights(first), weights(second)
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_two_runs_with_the_same_seed_give_identical_weights_and_histories(tmp_path) -> None:
    first, second = (train_all(requests(), Store(tmp_path / name)) for name in "ab")
    assert list(first) == ["namid@0", "standard-at@0"]
    assert same(first, second)
    for name, found in first.items():
        assert found.key == second[name].key
        assert found.history.equals(second[name].history)
    assert first["namid@0"].base == first["standard-at@0"].model.fingerprint
    assert first["namid@0"].critics
    assert {"selected", "loss", "epoch"} <= set(first["namid@0"].history)


def test_what_the_store_has_is_not_trained_again(tmp_path, monkeypatch) -> None:
    store = Store(tmp_path)
    first = train_all(requests(), store)

    def never(*arguments: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("workbench.evaluation.training.train", never)
    assert same(first, train_all(requests(), store))
    assert not list((tmp_path / "training").iterdir())


def test_workers_train_the_same_models(tmp_path) -> None:
    here = train_all(requests(), Store(tmp_path / "here"))
    with Workers(2) as workers:
        there = train_all(requests(), Store(tmp_path / "there"), executor=workers)
    assert same(here, there)


@pytest.fixture
def told_at_once(monkeypatch) -> None:
    """Trainings tell of every step, in this process, and are looked at all the time."""
    monkeypatch.setattr("workbench.progress.BETWEEN", 0)
    monkeypatch.setattr("workbench.evaluation.watching.LOOKS", 0.001)


def test_a_training_tells_of_its_steps_and_goes_on_after_a_stop(
    tmp_path, monkeypatch, told_at_once
) -> None:
    whole = train_all(requests(), Store(tmp_path / "whole"))
    request = requests()["standard-at@0"]
    told = []

    def tell(done: int, total: int, doing: str) -> None:
        told.append((done, total, doing))

    def stopped(recipe: Recipe, done: int) -> float:
        began = time.monotonic()
        while told[-1][0] < 400 * done and time.monotonic() < began + 60:
            time.sleep(0.01)
        if done == 0.75:
            raise KeyboardInterrupt
        return rate(recipe, done)

    rate = Recipe.rate
    monkeypatch.setattr(Recipe, "rate", stopped)
    store = Store(tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        train_all({"standard-at@0": request}, store, progress=tell)
    assert told[0] == (0, 400, "training standard-at@0")
    assert told[-1][:2] == (300, 400)  # six of eight steps
    assert told[-1][2].startswith("training standard-at@0, epoch 2, loss ")
    assert told == sorted(told)
    told.clear()
    monkeypatch.setattr(Recipe, "rate", rate)
    found = train_all({"standard-at@0": request}, store, progress=tell)
    assert told[0] == (0, 100, "training standard-at@0")  # of the last two steps
    assert told[-1] == (100, 100, "training standard-at@0")
    assert same(found, {"standard-at@0": whole["standard-at@0"]})


def test_workers_tell_of_the_steps_of_their_trainings(tmp_path, told_at_once) -> None:
    told = []
    with Workers(2) as workers:
        wanted = {"at@0": TrainingRequest(replace(RECIPE, epochs=10), data())}
        train_all(wanted, Store(tmp_path), progress=lambda *now: told.append(now), executor=workers)
    assert told[0][:2] == (0, 2000)
    assert told[-1][:2] == (2000, 2000)
    assert any(0 < done < 2000 and "epoch" in doing for done, _, doing in told)


def test_who_is_told_may_fail(tmp_path, told_at_once) -> None:
    def fails(done: int, total: int, doing: str) -> None:
        if "epoch" in doing:
            raise ZeroDivisionError

    wanted = {"at@0": TrainingRequest(replace(RECIPE, epochs=10), data())}
    with pytest.raises(ZeroDivisionError):
        train_all(wanted, Store(tmp_path), progress=fails)


def test_a_disk_that_cannot_be_told_of_progress_stops_nothing() -> None:
    nowhere = ProgressFile(Path("/dev/null/told"))
    nowhere.writing()(1, 2, "training")
    assert nowhere.read() is None


def test_kept_epochs_are_models_of_the_same_unit(tmp_path) -> None:
    recipe = replace(RECIPE, epochs=2, keep=(1,), schedule="constant")
    store = Store(tmp_path)
    found = train_all({"at@0": TrainingRequest(recipe, data())}, store)
    assert {name: (model.epoch, len(model.history)) for name, model in found.items()} == {
        "at-epoch-1@0": (1, 1),
        "at@0": (2, 2),
    }
    assert len({model.key for model in found.values()}) == 1
    shorter = replace(recipe, epochs=1, keep=())
    alone = train_all({"at-epoch-1@0": TrainingRequest(shorter, data())}, store)
    assert same(alone, {"at-epoch-1@0": found["at-epoch-1@0"]})


def test_a_net_of_ones_own_is_trained_again_when_its_code_changes(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe, store = replace(RECIPE, arch="my_net.py:net", epochs=1), Store(tmp_path)
    code = "from torch import nn\n\ndef net():\n    return nn.Sequential(nn.Flatten(), {})\n"
    found = {}
    for layers in ("nn.Linear(784, 10)", "nn.ReLU(), nn.Linear(784, 10)"):
        Path("my_net.py").write_text(code.format(layers))
        found[layers] = train_all({"at@0": TrainingRequest(recipe, data())}, store)["at@0"]
    first, second = found.values()
    assert [len(list(f.model.net.children())) for f in (first, second)] == [2, 3]
    assert first.key != second.key


def test_half_precision_rounds_the_weights_of_the_result(tmp_path) -> None:
    store = Store(tmp_path)
    halved = replace(RECIPE, stored="float16")
    whole = train_all({"at": TrainingRequest(RECIPE, data())}, store)["at"]
    half = train_all({"at": TrainingRequest(halved, data())}, store)["at"]
    assert half.key != whole.key
    rounded = {name: tensor.half().float() for name, tensor in whole.model.state_dict().items()}
    assert all(torch.equal(t, rounded[name]) for name, t in half.model.state_dict().items())


def test_a_base_that_nobody_trains_is_refused(tmp_path) -> None:
    wanted = {"namid@0": requests()["namid@0"]}
    with pytest.raises(InputError, match=r"namid@0 is based on 'standard-at@0'"):
        train_all(wanted, Store(tmp_path))


def test_a_base_gives_its_weights_where_they_are_asked_for(tmp_path) -> None:
    warm = replace(RECIPE, base="standard-at@0", start="base", lr=1e-12)
    wanted = requests() | {"warm@0": TrainingRequest(warm, data(), based_on="standard-at@0")}
    del wanted["namid@0"]
    found = train_all(wanted, Store(tmp_path))
    base, again = (found[name].model.state_dict() for name in ("standard-at@0", "warm@0"))
    assert all(torch.allclose(again[name], tensor, atol=1e-6) for name, tensor in base.items())


def test_a_critic_that_diverged_is_told_with_its_reason(tmp_path, monkeypatch) -> None:
    def diverge(*_: object, **__: object) -> None:
        raise Diverged("the fit of a critic diverged at step 7")

    monkeypatch.setattr("workbench.evaluation.critics.fit_critic", diverge)
    with pytest.raises(InputError, match=r"namid@0 lacks its natural critic: .* at step 7"):
        train_all(requests(), Store(tmp_path))


def test_critics_need_a_base(tmp_path) -> None:
    request = replace(requests()["namid@0"], based_on="")
    with pytest.raises(InputError, match="base model"):
        train_all({"namid@0": request}, Store(tmp_path))

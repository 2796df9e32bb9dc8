"""Attacks that know the critics as units: keys, workers, verdicts and scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fitted import loaded

from workbench.data import Dataset
from workbench.errors import InputError
from workbench.evaluation.critic_attacks import CriticAttackRequest, critic_attack_all
from workbench.evaluation.execution import executor, in_process
from workbench.evaluation.information import InformationRequest, mutual_information_all
from workbench.evaluation.records import INFORMATION_COLUMNS
from workbench.evaluation.store import Store
from workbench.information import Fit, Reference, pointwise
from workbench.models import Classifier, build
from workbench.seeds import forked
from workbench.threat import ThreatModel

FIT = Fit(units=8, steps=3, batch=8)
THREAT = ThreatModel("Linf", "0.1")
ATTACKS = ("evasion:steps=3,rounds=2", "mi-difference:steps=3", "noise")


def net() -> Classifier:
    with forked(0):
        return Classifier(build("small-cnn", (1, 8, 8), 4), "net")


def data() -> Dataset:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (80, 1, 8, 8)).astype(np.uint8)
    return Dataset("noise", "test", images, rng.integers(0, 4, 80), tuple("abcd"))


def request(attacks=ATTACKS, fit: Fit = FIT, critic_seed: int = 0) -> CriticAttackRequest:
    sizes = {"samples": 20, "fit_samples": 60, "seed": 0, "unit_size": 10}
    common = (net(), data(), data(), THREAT, "pgd-10:stop_at_success=false")
    return CriticAttackRequest(
        InformationRequest(*common, fit=fit, critic_seed=critic_seed, **sizes), attacks
    )


def units(found, folder: Path) -> list:
    """The units that an answer rests on."""
    return [Store(folder).read(key) for key in found.keys]


def test_rows_are_those_of_information_and_then_one_per_attack_and_sample(tmp_path) -> None:
    (found,) = critic_attack_all([request()], Store(tmp_path))
    (plain,) = mutual_information_all([request().information], Store(tmp_path))
    assert set(found.rows.columns) == set(INFORMATION_COLUMNS)
    assert found.rows.iloc[:20].equals(plain.rows)
    assert found.rows["attack"].tolist() == [
        label for label in (plain.rows["attack"][0], *ATTACKS) for _ in range(20)
    ]
    assert found.rows["index"].tolist() == [*range(20)] * 4
    assert found.rows.notna().all(axis=None)
    assert len(found.keys) == len(set(found.keys)) == len(plain.keys) + 3 * 2 * 2


def test_a_defenders_score_is_that_of_the_image_with_its_own_output(tmp_path) -> None:
    (found,) = critic_attack_all([request(("noise",))], Store(tmp_path))
    fitted = [unit for unit in units(found, tmp_path) if "fit" in unit.info]
    natural = loaded(fitted, FIT)["natural"]
    reference = Reference.of(natural, data().batch(20, 80)[0])
    attacked = [u for u in units(found, tmp_path) if u.info["spec"].get("norm")]
    chosen = [u for u in attacked if u.info["spec"]["attack"]["name"] == "RandomDirection"]
    images = [unit.tensors()["x_adv"] for unit in chosen]
    x_adv = torch.from_numpy(np.concatenate(images))
    with torch.no_grad():
        outputs = net()(x_adv)
    rows = found.rows[found.rows["attack"] == "noise"]
    expected = pointwise(reference, x_adv, outputs).numpy()
    np.testing.assert_allclose(rows["natural_mi_received"], expected, atol=1e-4)
    softmax = outputs.softmax(1).numpy()
    np.testing.assert_allclose(rows["adversarial_confidence"], softmax.max(1), atol=1e-6)
    ordered = np.sort(outputs.numpy(), axis=1)
    np.testing.assert_allclose(rows["adversarial_gap"], ordered[:, -1] - ordered[:, -2], atol=1e-6)
    wrong = outputs.argmax(1).numpy() != rows["label"]
    assert rows["verified"].tolist() == wrong.tolist(), "measure judged what was scored"


def test_the_key_names_the_critics_and_the_settings(tmp_path) -> None:
    same = request(("evasion:steps=3,rounds=1",))
    others = [
        request(("evasion:steps=3,rounds=1",), critic_seed=1),
        request(("evasion:steps=3,rounds=1",), replace(FIT, steps=4)),
        request(("evasion:steps=4,rounds=1",)),
    ]
    found = critic_attack_all([same, same, *others], Store(tmp_path))
    specs = [[unit.info["spec"] for unit in units(f, tmp_path)] for f in found]
    attacks = [[spec["attack"] for spec in part if "norm" in spec] for part in specs]
    critics = [{key for a in part for key in a.get("critics", ())} for part in attacks]
    assert critics[0] == critics[1] == critics[3 + 1] != critics[2]
    assert len(set.union(*critics)) == 3
    for answer, part in zip(found, critics, strict=True):
        assert part <= set(answer.keys), "the key of the very unit"
    assert found[0].keys == found[1].keys
    assert len({f.keys[-1] for f in found}) == 4


def test_nothing_is_computed_twice(tmp_path) -> None:
    (first,) = critic_attack_all([request()], Store(tmp_path))

    def never(jobs, store, begun):
        raise AssertionError("work was done twice")

    (again,) = critic_attack_all([request()], Store(tmp_path), executor=never)
    assert again.rows.equals(first.rows)


@pytest.mark.slow
def test_workers_find_the_same(tmp_path) -> None:
    (here,) = critic_attack_all([request()], Store(tmp_path / "here"), executor=in_process)
    with executor(2, None, "cpu") as workers:
        (there,) = critic_attack_all([request()], Store(tmp_path / "there"), executor=workers)
    assert there.keys == here.keys
    assert there.rows.equals(here.rows)


def test_an_attack_whose_critics_diverged_is_left_out(tmp_path) -> None:
    (found,) = critic_attack_all([request(fit=replace(FIT, lr=1e30))], Store(tmp_path))
    assert found.warnings
    assert set(found.rows["attack"]) == {"pgd-10:stop_at_success=false", "noise"}
    assert found.rows["natural_mi_received"].isna().all()


def test_a_request_of_no_attack_is_that_of_information(tmp_path) -> None:
    (found,) = critic_attack_all([request(())], Store(tmp_path))
    (plain,) = mutual_information_all([request().information], Store(tmp_path))
    assert found.rows.equals(plain.rows)


def test_an_unknown_attack_is_refused_before_anything_is_computed(tmp_path) -> None:
    with pytest.raises(InputError, match="attack on critics 'hide' is not known; use one of evas"):
        critic_attack_all([request(("hide",))], Store(tmp_path))
    assert not Store(tmp_path).keys()

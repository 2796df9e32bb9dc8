"""Scores of attacked samples: their names, nulls, third critic, and critics that diverged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fitted import loaded
from hypothesis import given
from hypothesis import strategies as st

from workbench.data import Dataset
from workbench.errors import InputError
from workbench.evaluation import critics
from workbench.evaluation.information import Information, mutual_information
from workbench.evaluation.records import (
    CONTRASTED_COLUMNS,
    INFORMATION_COLUMNS,
    MI_COLUMNS,
    STANDARD_COLUMNS,
)
from workbench.evaluation.store import Store
from workbench.information import Fit, Reference, pointwise
from workbench.models import Classifier, build
from workbench.seeds import forked
from workbench.specs import PAIR, STANDARD
from workbench.threat import ThreatModel

ALL = (*PAIR, STANDARD)
FIT = Fit(units=8, steps=3, batch=8)
ATTACK = "pgd-10:stop_at_success=false"


def net() -> Classifier:
    with forked(0):
        return Classifier(build("small-cnn", (1, 8, 8), 4), "net")


def data() -> Dataset:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (80, 1, 8, 8)).astype(np.uint8)
    return Dataset("noise", "test", images, rng.integers(0, 4, 80), tuple("abcd"))


def measured(folder: Path, fit: Fit = FIT, **more) -> Information:
    sizes = {"samples": 20, "fit_samples": 60, "unit_size": 10, "fit": fit, **more}
    threat = ThreatModel("Linf", "0.1")
    return mutual_information(net(), data(), data(), threat, ATTACK, store=Store(folder), **sizes)


def units_of(found: Information, folder: Path, kind: str):
    """The units of a kind that a measurement used: those it was fitted to first."""
    units = [Store(folder).read(key) for key in found.keys]
    return [unit for unit in units if unit.info["spec"]["kind"] == kind]


def test_columns_are_those_that_are_documented(tmp_path) -> None:
    rows = measured(tmp_path).rows
    assert set(rows.columns) == set(INFORMATION_COLUMNS)
    assert rows["objective"].unique() == ["mim"]
    assert rows.notna().all(axis=None)


@pytest.mark.parametrize("objective", ["contrast", "released", "released:cosine=false"])
def test_scores_that_are_no_mi_have_names_of_their_own(tmp_path, objective) -> None:
    rows = measured(tmp_path, replace(FIT, objective=objective)).rows
    assert set(rows.columns) == set(CONTRASTED_COLUMNS)
    assert rows["objective"].unique() == [objective]
    assert not any("_mi_" in column for column in rows.columns)
    assert rows.notna().all(axis=None)


def test_standard_mi_is_a_third_critic_and_leaves_the_others_as_they_are(tmp_path) -> None:
    pair, three = (measured(tmp_path, critics=critics) for critics in (PAIR, ALL))
    assert set(three.rows.columns) == set(INFORMATION_COLUMNS) | set(STANDARD_COLUMNS)
    assert three.rows[pair.rows.columns].equals(pair.rows)
    assert set(three.fit) == {"natural", "adversarial", "standard"}
    assert three.rows["standard_mi_adversarial"].notna().all()


def test_standard_mi_stays_mi_whatever_the_others_maximise(tmp_path) -> None:
    plain = measured(tmp_path, critics=ALL).rows
    contrast = measured(tmp_path, replace(FIT, objective="contrast"), critics=ALL).rows
    assert set(contrast.columns) == set(CONTRASTED_COLUMNS) | set(STANDARD_COLUMNS)
    assert contrast["standard_mi_adversarial"].equals(plain["standard_mi_adversarial"])


def test_scores_and_nulls_by_hand_from_what_is_stored(tmp_path) -> None:
    found = measured(tmp_path, critics=ALL)
    fitted = units_of(found, tmp_path, "CriticUnit")
    images = units_of(found, tmp_path, "AttackUnit")
    x_adv = torch.cat([torch.from_numpy(unit.tensors()["x_adv"]) for unit in images])
    x, _ = data().batch(20, 80)
    seen = {"natural": x, "adversarial": x_adv[:60] - x, "standard": x_adv[:60]}
    references = {
        name: Reference.of(critic, seen[name]) for name, critic in loaded(fitted, FIT).items()
    }
    x, _ = data().batch(0, 20)
    seen = {"natural": x, "adversarial": x_adv[60:] - x, "standard": x_adv[60:]}
    with torch.no_grad():
        outputs = {"natural": net()(x), "adversarial": net()(x_adv[60:])}
    assert len(references) == 3
    for name, reference in references.items():
        for output in critics.OUTPUTS[name]:
            column = found.rows[f"{name}_mi_{output}"].to_numpy()
            every = np.array(
                [pointwise(reference, seen[name], z.expand(20, -1)) for z in outputs[output]]
            )  # row: output, column: pattern
            np.testing.assert_allclose(column, every.diagonal(), atol=1e-4)
            null = found.rows[f"{name}_mi_{output}_null"].to_numpy()
            others = np.abs(every - null) < 1e-4
            np.fill_diagonal(others, False)
            for unit in (slice(0, 10), slice(10, 20)):
                assert others[unit, unit].any(0).all(), "the output of another sample of the unit"


def test_a_unit_of_one_sample_has_no_null(tmp_path) -> None:
    rows = measured(tmp_path, unit_size=19).rows
    nulls = [f"{name}_null" for name in MI_COLUMNS]
    assert rows[nulls].notna().all(axis=1).tolist() == [True] * 19 + [False]
    assert rows[list(MI_COLUMNS)].notna().all(axis=None)


@pytest.mark.parametrize("critics", [(), ("magic",), ("natural", "natural")])
def test_critics_that_are_none_are_refused(tmp_path, critics) -> None:
    with pytest.raises(InputError, match="each once"):
        measured(tmp_path, critics=critics)


def test_the_standard_critic_alone_says_what_it_is(tmp_path) -> None:
    contrast = replace(FIT, objective="contrast")
    rows = [measured(tmp_path, fit, critics=(STANDARD,)).rows for fit in (contrast, FIT)]
    assert rows[0].equals(rows[1])
    assert rows[0]["objective"].unique() == ["mim"]


@given(st.integers(2, 50), st.integers(0, 2**32))
def test_partners_are_others_and_each_is_one_once(n, seed) -> None:
    partner = critics._partners(n, torch.Generator().manual_seed(seed)).tolist()
    assert sorted(partner) == list(range(n))
    assert all(i != other for i, other in enumerate(partner))


def test_a_critic_that_diverges_is_a_warning_and_no_number(tmp_path) -> None:
    wild = replace(FIT, lr=1e30)
    found = measured(tmp_path, wild, critics=ALL)
    assert [warning.split(" gave")[0] for warning in found.warnings] == [
        f"the {name} critic" for name in ALL
    ]
    assert all("diverged at step" in fact["diverged"] for fact in found.fit.values())
    assert set(found.rows.columns) == set(INFORMATION_COLUMNS) | set(STANDARD_COLUMNS)
    scores = [*MI_COLUMNS, *STANDARD_COLUMNS, *(f"{name}_null" for name in MI_COLUMNS)]
    assert found.rows[scores].isna().all(axis=None)
    assert found.rows.drop(columns=scores).notna().all(axis=None)
    for fitted in units_of(found, tmp_path, "CriticUnit"):
        assert not (fitted.folder / "tensors.safetensors").exists()


def test_a_critic_that_diverges_leaves_the_other_its_numbers(tmp_path, monkeypatch) -> None:
    fitted = critics._fitted

    def wild(name, model, train, places, fit, seed):
        lr = 1e30 if name == "natural" else fit.lr
        return fitted(name, model, train, places, replace(fit, lr=lr), seed)

    expected = measured(tmp_path / "both").rows
    monkeypatch.setattr(critics, "_fitted", wild)
    rows = measured(tmp_path / "one").rows
    for column in MI_COLUMNS:
        if column.startswith("natural"):
            assert rows[column].isna().all()
        else:
            assert rows[column].equals(expected[column])


def test_objectives_are_told_apart_in_the_store_and_what_is_equal_is_fitted_once(tmp_path) -> None:
    fits = [FIT, replace(FIT, objective="contrast"), replace(FIT, objective="released")]
    found = [measured(tmp_path, fit) for fit in fits] + [measured(tmp_path, critics=ALL)]
    keys = [[unit.key for unit in units_of(f, tmp_path, "CriticUnit")] for f in found]
    assert keys[3][:2] == keys[0]
    assert len({key for several in keys for key in several}) == 7
    attacks = [[u.key for u in units_of(f, tmp_path, "AttackUnit")] for f in found]
    assert all(keys == attacks[0] for keys in attacks)


@pytest.mark.parametrize("objective", ["mim", "contrast"])
def test_a_natural_critic_is_fitted_once_for_all_attacks_unless_it_sees_them(
    tmp_path, objective
) -> None:
    keys = []
    for attack in (ATTACK, "pgd-10:steps=3,stop_at_success=false"):
        fit, threat = replace(FIT, objective=objective), ThreatModel("Linf", "0.1")
        sizes = {"samples": 20, "fit_samples": 60, "fit": fit}
        found = mutual_information(
            net(), data(), data(), threat, attack, store=Store(tmp_path), **sizes
        )
        keys.append([unit.key for unit in units_of(found, tmp_path, "CriticUnit")])
    (natural, adversarial), (natural_again, adversarial_again) = keys
    assert (natural == natural_again) == (objective == "mim")
    assert adversarial != adversarial_again


def test_an_attack_that_stops_early_is_refused_for_standard_mi_too(tmp_path) -> None:
    threat = ThreatModel("Linf", "0.1")
    with pytest.raises(InputError, match="stop_at_success=false"):
        mutual_information(
            net(), data(), data(), threat, "autoattack", store=Store(tmp_path), critics=ALL
        )

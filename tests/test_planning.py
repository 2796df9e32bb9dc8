"""Predictions: what the store has is free, and each unit is counted once."""

from pathlib import Path

import nets
import pytest

from workbench import analysis
from workbench.analysis import analysis_of
from workbench.evaluation.store import Store
from workbench.planning import Part, parts_of, predict
from workbench.profiles import Profile


def part(what: str, name: str, seconds: float, there: bool = True) -> Part:
    return Part(("attack", what), name, lambda: seconds, there, 1000)


def test_each_kind_is_measured_once_and_the_rest_predicted(tmp_path) -> None:
    store = Store(tmp_path)
    store.write("a" * 32, {}, None, {}, {})
    units = [part("pgd", letter * 32, 2.0) for letter in "abc"]
    found = predict([*units, part("cw", "d" * 32, 10.0)], store, workers=2)
    lines = found.parts.set_index("what")
    assert lines.loc["pgd", ["units", "stored", "seconds"]].tolist() == [3, 1, 4.0]
    assert found.seconds == pytest.approx((4.0 + 10.0) / 2)
    assert found.disk == 3000
    assert found.free > 0


def test_what_was_computed_is_found_under_the_same_keys(tmp_path: Path) -> None:
    model = nets.write_digits(tmp_path / "digits.safetensors")
    profile = Profile.model_validate(
        {
            "data": "digits",
            "models": [{"reference": str(model), "arch": nets.ARCH, "name": "standard-at"}],
            "samples": 20,
            "unit_size": 20,
            "threats": [{"norm": "Linf", "eps": "0.1", "attacks": ["fgsm", "pgd-10"]}],
            "information": {
                "norm": "Linf",
                "eps": "0.1",
                "attack": "pgd-10:stop_at_success=false",
                "samples": 20,
                "fit_samples": 200,
                "critic_seeds": [0, 1],
            },
            "analyses": ["white_box", "mi_distribution", "detection", "critic_attack"],
        }
    )
    runs = [run for name in profile.analyses for run in analysis_of(name).runs(profile)]
    store = Store(tmp_path / "store")
    before = predict(parts_of(profile, runs, "cpu"), store, 1)
    assert (before.parts["stored"] == 0).all()
    assert (before.parts["seconds_each"] > 0).all()
    analysis.records(runs, store, "cpu")
    after = predict(parts_of(profile, runs, "cpu"), store, 1)
    assert (after.parts["stored"] == after.parts["units"]).all()
    assert after.seconds == after.disk == 0
    assert after.parts["units"].sum() == len(store.keys())

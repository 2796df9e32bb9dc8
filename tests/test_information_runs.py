"""Objectives from a profile and from an analysis' runs reach the critics."""

import tomllib
from functools import partial

import nets
import pytest

from workbench import analysis
from workbench.errors import InputError
from workbench.evaluation.records import (
    CONTRASTED_COLUMNS,
    INFORMATION_COLUMNS,
    STANDARD_COLUMNS,
)
from workbench.evaluation.store import Store
from workbench.information import Fit
from workbench.profiles import FOLDER, Profile, load_profile
from workbench.specs import InformationRun

DEMO = (FOLDER / "demo.toml").read_text()


def test_runs_with_other_objectives_and_critics_stand_in_one_frame(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(analysis, "Fit", partial(Fit, units=8, steps=3, batch=16))
    model = nets.write_digits(tmp_path / "digits.safetensors")
    common = (str(model), nets.ARCH, "mine", "digits", "Linf", "0.2")
    common += ("pgd-10:stop_at_success=false", 20, 100, 0, 0, 20)
    runs = [
        InformationRun(*common),
        InformationRun(*common, objective="contrast"),
        InformationRun(*common, critics=("natural", "adversarial", "standard")),
    ]
    frame = analysis.records(runs, Store(tmp_path / "store"), "cpu").frame
    added = {"name", "eps"}
    expected = [
        set(INFORMATION_COLUMNS),
        set(CONTRASTED_COLUMNS),
        set(INFORMATION_COLUMNS) | set(STANDARD_COLUMNS),
    ]
    for number, columns in enumerate(expected):
        part = frame.iloc[20 * number : 20 * (number + 1)]
        assert set(part.columns[part.notna().all()]) == columns | added
    assert frame["objective"].tolist() == ["mim"] * 20 + ["contrast"] * 20 + ["mim"] * 20


def test_a_profile_names_its_objective_in_one_way(tmp_path) -> None:
    assert Profile.model_validate(tomllib.loads(DEMO)).information.objective == "mim"
    own = tmp_path / "own.toml"
    own.write_text(DEMO + 'objective = "released:cosine=false,stayed=true"\n')
    assert load_profile(str(own)).information.objective == "released:cosine=false"
    own.write_text(DEMO + 'objective = "eq-5"\n')
    with pytest.raises(InputError, match=r"information\.objective.*mim, contrast, released"):
        load_profile(str(own))

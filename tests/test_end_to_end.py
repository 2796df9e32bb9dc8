"""From a checkpoint to figures and tables, on a small data set: each verb, run twice."""

import json
from pathlib import Path

import nets
import numpy as np
import pandas as pd
import pytest

from workbench.cli import main
from workbench.evaluation.records import ATTACK_COLUMNS, INFORMATION_COLUMNS
from workbench.evaluation.store import Store

pytestmark = pytest.mark.usefixtures("short_fits")
PROFILE = """
data = "digits"
models = {models}
samples = 40
unit_size = 16
analyses = ["white_box", "mi_distribution"]

[[threats]]
norm = "Linf"
eps = "0.1"
attacks = ["fgsm", "pgd-10"]

[information]
norm = "Linf"
eps = "0.2"
attack = "pgd-10:stop_at_success=false"
samples = 60
fit_samples = 1000
critic_seeds = [0, 1]
"""
MINE = '[{{reference = "{model}", arch = "{arch}", name = "mine"}}]'
TRAININGS = """
[recipe]
epochs = 1
attack_steps = 1

[[trainings]]
norm = "Linf"
eps = "0.1"
arch = "small-cnn"
seeds = [0]
defenses = ["standard-at"]
"""
KINDS = ("png", "pdf", "csv", "md", "tex", "json")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return nets.write_digits(tmp_path_factory.mktemp("model") / "digits.safetensors")


def run(*arguments: object, code: int = 0) -> None:
    """A command that must end with this exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code == code


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, computing anything is an error."""

    def never(*arguments: object, **more: object) -> None:
        raise AssertionError("work was done twice")

    monkeypatch.setattr("workbench.evaluation.execution.carry_out", never)


def test_reproduce_makes_every_file_and_computes_nothing_twice(
    tmp_path, model, monkeypatch, capsys
) -> None:
    (tmp_path / "own.toml").write_text(
        PROFILE.format(models=MINE.format(model=model, arch=nets.ARCH))
    )
    places = ("--store", tmp_path / "store", "--figures", tmp_path / "figures", "--workers", 1)
    run("reproduce", "--profile", tmp_path / "own.toml", *places)
    names = {f"{name}.{kind}" for name in ("white_box", "mi_distribution") for kind in KINDS}
    assert {path.name for path in (tmp_path / "figures").iterdir()} == names
    first = {name: (tmp_path / "figures" / name).read_bytes() for name in names}
    last = capsys.readouterr().out.strip().splitlines()[-3:]
    assert "worst case" in last[0]
    assert "AUROC" in last[1]
    assert "mi_distribution.png" in last[2]
    forbid(monkeypatch)
    run("reproduce", "--profile", tmp_path / "own.toml", *places)
    assert {name: (tmp_path / "figures" / name).read_bytes() for name in names} == first
    check_provenance(Store(tmp_path / "store"), tmp_path / "figures", model)


def check_provenance(store: Store, figures: Path, model: Path) -> None:
    """The figure's facts name the records, what computed them, and the table follows from them."""
    facts = json.loads((figures / "white_box.json").read_text())
    assert facts["models"] == {"mine": str(model)}
    assert facts["samples"] == [40]
    assert set(facts["records"]) <= set(store.keys())
    assert facts["computed_by"][0]["device"] == "cpu"
    assert facts["computed_by"][0]["versions"]["torch"]
    rows = pd.concat([store.read(key).rows for key in facts["records"]])
    table = pd.read_csv(figures / "white_box.csv").set_index("attack")
    for attack, part in rows.groupby("attack"):
        assert table.loc[attack, "accuracy"] == part["robust"].mean()
    assert set(rows.columns) == set(ATTACK_COLUMNS)


def test_reproduce_with_retrain_trains_its_models_once_and_tells_that_it_did(
    tmp_path, monkeypatch
) -> None:
    (tmp_path / "own.toml").write_text(PROFILE.format(models='"trained"') + TRAININGS)
    monkeypatch.chdir(tmp_path)
    command = "reproduce", "--retrain", "--profile", "own.toml"
    run(*command, "--workers", 1)
    forbid(monkeypatch)
    run(*command, "--workers", 1)
    facts = json.loads((tmp_path / "figures" / "own" / "white_box.json").read_text())
    assert facts["command"] == " ".join(("workbench", *command, "--style icml"))
    assert facts["models"] == {"standard-at@0": ".workbench/models/own/standard-at@0.safetensors"}


def mi(model: Path, store: Path, *more: object, code: int = 0) -> None:
    run(
        *("mi", model, "--arch", nets.ARCH, "--data", "digits", "--eps", "0.2", "--store", store),
        *("--samples", 60, "--fit-samples", 1000, "--attack", "pgd-10:stop_at_success=false"),
        *("--device", "cpu", *more),
        code=code,
    )


def test_mi_writes_every_documented_column_and_computes_nothing_twice(
    tmp_path, model, monkeypatch
) -> None:
    mi(model, tmp_path / "store", "--csv", tmp_path / "a.csv", "--json", tmp_path / "a.json")
    forbid(monkeypatch)
    mi(model, tmp_path / "store", "--csv", tmp_path / "b.csv", "--json", tmp_path / "b.json")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    rows = pd.read_csv(tmp_path / "a.csv")
    assert set(rows.columns) == set(INFORMATION_COLUMNS)
    assert rows["index"].tolist() == list(range(60))
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["critics"]["bound"] == "infonce"
    assert content["reference"] == 1000


def test_mi_stopped_between_units_goes_on_to_the_same_values(tmp_path, model, monkeypatch) -> None:
    mi(model, tmp_path / "whole", "--csv", tmp_path / "whole.csv")
    from workbench.evaluation import execution

    compute, calls = execution.carry_out, []

    def stop(*arguments: object) -> object:
        calls.append(1)
        if len(calls) in (3, 6):
            raise KeyboardInterrupt
        return compute(*arguments)

    monkeypatch.setattr(execution, "carry_out", stop)
    for _ in range(2):
        mi(model, tmp_path / "stopped", code=130)
    mi(model, tmp_path / "stopped", "--csv", tmp_path / "stopped.csv")
    assert (tmp_path / "stopped.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_train_writes_weights_that_load_and_a_card_that_is_true(tmp_path) -> None:
    common = ("--device", "cpu", "--store", tmp_path / "store", "--data", "digits")
    run("train", "natural", "--epochs", 3, "--out", tmp_path / "out", *common)
    card = json.loads((tmp_path / "out" / "natural.json").read_text())
    weights = tmp_path / "out" / "natural.safetensors"
    report = tmp_path / "report.json"
    run(
        "evaluate", weights, "--arch", "small-cnn", "--attacks", "pgd-40", "--json", report, *common
    )
    found = json.loads(report.read_text())
    clean = next(a for a in card["accuracies"] if a["attack"] == "none")
    assert found["clean_accuracy"] == clean["accuracy"]
    assert found["samples"] == clean["samples"] == 360
    assert found["model"]["fingerprint"] == card["fingerprint"]
    assert "--epochs 3" in card["retrain"]


def test_own_data_and_few_samples(tmp_path, model) -> None:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    pixels = (images.reshape(-1, 8, 8) / 16 * 255).astype(np.uint8)
    np.savez(tmp_path / "own.npz", x=pixels[:30], y=labels[:30])
    report = tmp_path / "report.json"
    run(
        *("evaluate", model, "--arch", nets.ARCH, "--data", tmp_path / "own.npz"),
        *("--attacks", "none, pgd-10:steps=3,restarts=2", "--json", report),
        *("--store", tmp_path / "store", "--device", "cpu"),
    )
    found = json.loads(report.read_text())
    assert found["samples"] == 30
    assert set(found["attacks"]) == {"none", "pgd-10:steps=3,restarts=2"}
    assert found["attacks"]["none"]["robust_accuracy"] == found["clean_accuracy"]

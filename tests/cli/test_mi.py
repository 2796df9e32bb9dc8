"""`workbench mi`: scores that are no MI are never called so."""

import io
import json
from pathlib import Path

import nets
import pandas as pd
import pytest

from workbench.cli import main
from workbench.evaluation.records import CONTRASTED_COLUMNS

pytestmark = pytest.mark.usefixtures("short_fits")


def mi(folder: Path, *more: object) -> int:
    """Run it on a small model; the exit code."""
    model = nets.write_digits(folder / "digits.safetensors")
    with pytest.raises(SystemExit) as ended:
        main(
            [
                *("mi", str(model), "--arch", nets.ARCH, "--data", "digits", "--eps", "0.2"),
                *("--samples", "60", "--fit-samples", "1000", "--device", "cpu"),
                *("--attack", "pgd-10:stop_at_success=false", "--store", str(folder / "store")),
                *map(str, more),
            ]
        )
    return ended.value.code


def test_a_contrast_is_told_as_one(tmp_path, capsys) -> None:
    files = ("--csv", tmp_path / "a.csv", "--json", tmp_path / "a.json")
    assert mi(tmp_path, "--objective", "contrast", *files) == 0
    printed = capsys.readouterr().out
    assert "no MI" in printed
    assert "nats" not in printed
    assert set(pd.read_csv(tmp_path / "a.csv").columns) == set(CONTRASTED_COLUMNS)
    content = json.loads((tmp_path / "a.json").read_text())
    names = [line["quantity"] for line in content["quantities"]]
    assert names == ["natural contrast score", "adversarial contrast score", "logit gap"]
    assert content["critics"]["objective"] == "contrast"
    rows = pd.read_csv(tmp_path / "a.csv")
    assert set(content["nulls"]) == {name for name in rows if name.endswith("_null")}
    mean = content["nulls"]["natural_contrast_natural_null"]
    assert mean == pytest.approx(rows["natural_contrast_natural_null"].mean(), rel=1e-5)


def test_an_unknown_objective_is_one_line(tmp_path, capsys) -> None:
    assert mi(tmp_path, "--objective", "eq-5") == 2
    error = capsys.readouterr().err
    assert "mim, contrast, released" in error
    assert len(error.strip().splitlines()) == 1


def test_values_are_printed_where_they_are_asked_for_and_nothing_else(tmp_path, capsys) -> None:
    assert mi(tmp_path, "--csv", "-") == 0
    rows = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(rows) == 60

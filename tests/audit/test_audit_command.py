"""`workbench audit`: what it writes, its exit codes, and that it computes nothing twice."""

import json
from dataclasses import replace
from pathlib import Path

import nets
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from workbench.audit import CHECKS, GALLERY
from workbench.audit.facts import FIELDS
from workbench.audit.request import DEPTHS
from workbench.cli import main

pytestmark = pytest.mark.usefixtures("shallow")


@pytest.fixture(scope="module")
def arguments(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("audit")
    model = nets.write_digits(folder / "digits.safetensors")
    named = ["audit", str(model), "--arch", nets.ARCH, "--data", "digits", "--samples", "40"]
    return [*named, "--workers", "1", "--store", str(folder / "store")]


def code_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    return stopped.value.code


def test_an_audit_writes_what_it_found_and_is_not_computed_again(
    arguments, tmp_path, monkeypatch, capsys
) -> None:
    other = nets.write_digits(tmp_path / "other.safetensors", inverse_decay=0.1)
    claim = "--claim", "clean=50,pgd-10=99", "--against", str(other), "--against-arch", nets.ARCH
    assert code_of(*arguments, *claim, "--out", str(tmp_path / "a")) == 3
    facts = json.loads((tmp_path / "a" / "audit.json").read_text())
    assert [check["id"] for check in facts["checks"]] == [check.id for check in CHECKS]
    assert {check["status"] for check in facts["checks"]} <= {"pass", "warn", "fail", "not-run"}
    assert [c["verdict"] for c in facts["claims"]] == ["contradicted", "contradicted"]
    rows = pd.read_parquet(tmp_path / "a" / "samples.parquet")
    right = rows.groupby("index")["robust"].all()
    assert facts["robust_accuracy"]["value"] == pytest.approx(right.mean())
    low, high = facts["robust_accuracy"]["ci95"]
    assert low <= right.mean() <= high
    assert list(facts) == list(FIELDS)
    assert facts["verdict"] in (tmp_path / "a" / "report.md").read_text()
    assert facts["against"]["model"]["name"].startswith(str(other))
    assert facts["against"]["attacks"][0]["attack"] == "none"
    scored = pd.read_parquet(tmp_path / "a" / "information.parquet")
    assert len(scored) == 40
    quantities = {q["quantity"]: q for q in facts["information"]["quantities"]}
    assert quantities["natural MI"]["natural_mean"] == pytest.approx(
        scored["natural_mi_natural"].mean()
    )
    info = json.loads((tmp_path / "a" / "model_info.json").read_text())
    assert info["autoattack_acc"] is None  # the depth is shallow
    assert info["clean_acc"] == f"{100 * facts['clean_accuracy']['value']:.2f}"
    assert "contradicted" in capsys.readouterr().out

    monkeypatch.setattr("workbench.evaluation.battery._compute", never)
    assert code_of(*arguments, *claim, "--out", str(tmp_path / "b")) == 3
    again = json.loads((tmp_path / "b" / "audit.json").read_text())
    assert again["checks"] == facts["checks"]
    assert (tmp_path / "b" / "samples.parquet").read_bytes() == (
        tmp_path / "a" / "samples.parquet"
    ).read_bytes()
    monkeypatch.setitem(DEPTHS, "fast", replace(DEPTHS["fast"], complete=True))
    never_fails = "--fail-on", "never", "--out", str(tmp_path / "c")
    assert code_of(*arguments, *claim, *never_fails) == 0
    complete = json.loads((tmp_path / "c" / "model_info.json").read_text())
    strongest = rows.loc[rows["attack"] == "apgd-ce:steps=20", "robust"]
    assert complete["autoattack_acc"] == f"{100 * strongest.mean():.2f}"


def test_the_page_about_audits_tells_of_every_field_check_and_flaw() -> None:
    page = (Path(__file__).resolve().parents[2] / "workbench" / "audit" / "README.md").read_text(
        encoding="utf-8"
    )
    told = [f"| `{name}` | {about} |" for name, about in FIELDS.items()]
    told += [f"| {check.id} | {check.title} | {check.advice} |" for check in CHECKS]
    told += [f"| `broken:{name}` | {flaw.check} |" for name, flaw in GALLERY.items()]
    written = page.splitlines()
    assert [line for line in told if line not in written] == []


@pytest.mark.parametrize(
    "wrong",
    [
        ("--claim", "clean"),
        ("--depth", "bottomless"),
        ("--fail-on", "tuesday"),
        ("--eps", "8"),
        ("--samples", "1"),
        ("--samples", "99999"),
        ("--arch", "nothing"),
        ("--against", "nothing.pt"),
        ("--against-arch", "small-cnn"),
        ("--against", "zoo:fashion-mnist/natural"),
        ("--store", "x" * 300),
    ],
)
def test_bad_input_is_one_line(arguments, wrong, capsys) -> None:
    assert code_of(*arguments, *wrong) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("option", ["--out", "--json"])
@pytest.mark.parametrize("path", ["/proc/nowhere", "/dev/null/x", "x" * 300])
def test_where_nothing_can_be_written_nothing_is_computed(
    arguments, option, path, monkeypatch, tmp_path, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("workbench.evaluation.battery._compute", never)
    assert code_of(*arguments, "--seed", "77", option, path) == 2
    assert capsys.readouterr().err.startswith("error: ")


def never(*arguments: object) -> None:
    raise AssertionError("computed")


def test_a_model_that_is_always_wrong_is_audited(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((4, 8, 8), np.uint8), y=np.zeros(4, np.int64))
    weights = {"1.weight": torch.zeros(10, 64), "1.bias": torch.arange(10.0)}
    save_file(weights, tmp_path / "w.safetensors")
    named = ["audit", str(tmp_path / "w.safetensors"), "--arch", nets.ARCH, "--workers", "1"]
    named += ["--data", str(tmp_path / "d.npz"), "--store", str(tmp_path / "store")]
    # its output is the same for any input, and one class was counted where the net knows ten
    assert code_of(*named, "--norm", "L2", "--eps", "9e5", "--json", str(tmp_path / "a")) == 0
    checks = json.loads((tmp_path / "a").read_text())["checks"]
    assert [check["id"] for check in checks if check["status"] == "warn"] == ["P3", "AA6"]


def test_a_gallery_s_flaw_and_an_unknown_one(tmp_path: Path, capsys) -> None:
    assert code_of("audit", "broken:magic", "--store", str(tmp_path)) == 2
    assert "quantised" in capsys.readouterr().err

"""Planted flaws are flagged by the check that is meant for them; honest models by none."""

import warnings
from functools import partial
from pathlib import Path

import exports
import numpy as np
import pytest
import torch
from conftest import SHARED

from workbench.audit import CHECKS, GALLERY, AuditRequest, audit, broken_model, claims
from workbench.audit.claims import judge
from workbench.data import Dataset, load_data
from workbench.errors import InputError
from workbench.evaluation.battery import evaluate
from workbench.evaluation.store import Store
from workbench.models import load_model
from workbench.threat import ThreatModel

SAMPLES = 40
THREAT = ThreatModel("Linf", "0.1")


pytestmark = pytest.mark.usefixtures("shallow")


@pytest.fixture(scope="module")
def images() -> Dataset:
    try:
        return load_data("fashion-mnist", "test")
    except InputError as error:
        pytest.skip(f"no Fashion-MNIST: {error}")


def statuses(load, data: Dataset, folder) -> dict[str, str]:
    torch.manual_seed(0)  # for what is random in a model
    request = AuditRequest(load(), load, data, THREAT, SAMPLES)
    found = audit(request, store=Store(folder))
    assert list(found.findings) == [check.id for check in CHECKS]
    return {name: finding.status for name, finding in found.findings.items()}


@pytest.mark.parametrize("name", GALLERY)
def test_a_planted_flaw_is_flagged(name, images, tmp_path) -> None:
    found = statuses(lambda: broken_model(name), images, tmp_path)
    assert found[GALLERY[name].check] in ("warn", "fail")


@pytest.mark.parametrize("name", ["natural", "standard-at", "trades@1"])
def test_an_honest_model_raises_no_red_flag(name, images, tmp_path) -> None:
    found = statuses(lambda: load_model(f"zoo:fashion-mnist/{name}"), images, tmp_path)
    assert [check for check, status in found.items() if status == "fail"] == []
    assert [check for check, status in found.items() if status == "not-run"] == ["P4"]


def test_a_claim_of_an_attack_that_cannot_run_is_undecided(images, tmp_path) -> None:
    load = partial(broken_model, "one-hot")
    request = AuditRequest(load(), load, images, THREAT, SAMPLES, claims=tuple(claims("pgd-40=90")))
    found = audit(request, store=Store(tmp_path))
    assert [judged.verdict for judged in found.claims] == ["undecided"]
    assert "gradients" in found.claims[0].said


def test_an_unknown_defense_is_refused() -> None:
    with pytest.raises(InputError, match="quantised"):
        broken_model("magic")


@pytest.mark.skipif(not (SHARED / "models").is_dir(), reason="no shared folder beside the checkout")
def test_published_figures_of_another_group_are_confirmed(tmp_path) -> None:
    with np.load(SHARED / "data" / "cifar10_jpeg_20k.npz") as file:
        x, y = file["test_x"][:1000], file["test_y"][:1000].astype(np.int64)
    data = Dataset("cifar10-jpeg", "test", x.transpose(0, 3, 1, 2).copy(), y, tuple("0123456789"))
    recipes = Path(__file__).resolve().parents[1] / "recipes.py"
    weights = SHARED / "models" / "cifar10_resnet2b" / "weights.safetensors"
    model = load_model(str(weights), f"{recipes}:cifar10_resnet2b")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice to export in another way
        exports.onnx(model.net, data.batch(0, 2)[0], tmp_path / "resnet2b.onnx")
    exported = load_model(str(tmp_path / "resnet2b.onnx"))
    threat, store = ThreatModel("Linf", "2/255"), Store(tmp_path / "store")
    rows, same = (
        evaluate(net, data, threat, ["pgd-40"], store=store, samples=1000).rows
        for net in (model, exported)
    )
    for column in ("clean_prediction", "robust"):
        assert (rows[column] == same[column]).all(), column
    measured = {
        "clean": rows["clean_prediction"] == rows["label"],
        "pgd-40": rows["robust"],
    }
    for claim in claims("clean=69.25,pgd-40=54.82"):
        assert judge(claim, measured[claim.of].to_numpy()).verdict == "confirmed", claim
    for claim in claims("clean=74.25,pgd-40=62.82"):
        assert judge(claim, measured[claim.of].to_numpy()).verdict == "contradicted", claim

"""Planted flaws are flagged by the check that is meant for them; honest models by none."""

import warnings
from functools import partial
from pathlib import Path

import exports
import numpy as np
import pytest
import torch
from conftest import SHARED
from torch import nn
from torch.autograd import grad as own_name_of_grad

from workbench.audit import (
    CHECKS,
    GALLERY,
    AuditRequest,
    audit,
    broken_model,
    claims,
    facts,
    report,
)
from workbench.audit.binarised import Binarised
from workbench.audit.claims import judge
from workbench.audit.page import page
from workbench.audit.probes import Dynamics
from workbench.certificates import certified, certified_margins
from workbench.data import Dataset, load_data
from workbench.errors import InputError
from workbench.evaluation.battery import evaluate
from workbench.evaluation.probing import Given
from workbench.evaluation.store import Store
from workbench.models import Classifier, load_model
from workbench.seeds import Noise
from workbench.threat import ThreatModel

SAMPLES = 24
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
    assert found[GALLERY[name].check] == "fail"


@pytest.mark.parametrize("name", ["natural", "standard-at", "trades@1"])
def test_an_honest_model_raises_no_red_flag(name, images, tmp_path) -> None:
    found = statuses(lambda: load_model(f"zoo:fashion-mnist/{name}"), images, tmp_path)
    assert [check for check, status in found.items() if status == "fail"] == []
    assert [check for check, status in found.items() if status == "not-run"] == ["P4"]


def test_a_claim_of_an_attack_that_cannot_run_is_undecided(images, tmp_path) -> None:
    load = partial(broken_model, "one-hot")
    request = AuditRequest(load(), load, images, THREAT, SAMPLES, claims=tuple(claims("pgd-40=90")))
    found = audit(request, store=Store(tmp_path))
    (judged,) = found.claims
    assert (judged.verdict, judged.measured, judged.p) == ("undecided", None, None)
    assert "gradients" in judged.said
    assert facts.content(found, "")["claims"][0]["measured"] is None
    assert "| – |" in report.markdown(facts.content(found, ""))


class Numpy(nn.Module):
    """A defense written with numpy, which no gradient passes."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(torch.from_numpy(np.round(x.cpu().numpy() * 15) / 15))


class Purifying(nn.Module):
    """It calls autograd by names of its own."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.set_grad_enabled(True)
        x = x.detach().requires_grad_()
        (change,) = own_name_of_grad(self.net(x).logsumexp(1).sum(), x)
        torch.set_grad_enabled(False)
        return self.net((x - 0.01 * change).detach())


def honest() -> nn.Module:
    return load_model("zoo:fashion-mnist/natural").net


def test_a_defense_in_numpy_is_audited_and_compared(images, tmp_path) -> None:
    load = partial(Classifier, Numpy(honest()), "numpy")
    other = Classifier(Numpy(load_model("zoo:fashion-mnist/standard-at").net), "other")
    asked = tuple(claims("autoattack=1"))
    request = AuditRequest(load(), load, images, THREAT, SAMPLES, claims=asked, against=other)
    found = audit(request, store=Store(tmp_path))
    assert found.findings["AA3/I1"].status == "fail"
    assert found.certified is None
    told = facts.content(found, "")
    assert "is unknown to the bound" in page(found, told, report.all_tables(told))
    assert found.claims[0].verdict == "undecided"
    assert "full" not in found.claims[0].said
    assert "square:queries=200" in set(found.against["attack"])


def test_autograd_by_another_name_is_seen(images) -> None:
    x, y = images.batch(0, 4)
    for net, seen in ((Purifying(honest()), True), (honest(), False)):
        given = Given(Classifier(net, "net"), x, y, THREAT, Noise(0, tuple(range(4))))
        assert (Dynamics()(given)["calls"] > 0).all() == seen


class Flat(nn.Module):
    """A net whose gradient is none."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x.detach() + 0 * x)


def test_what_is_planted_is_found_where_gradients_lead_and_not_where_they_are_none(images) -> None:
    x, y = images.batch(0, 20)
    for net, least, most in ((honest(), 0.95, 1), (Flat(honest()), 0, 0.3)):
        given = Given(Classifier(net, "net"), x, y, THREAT, Noise(0, tuple(range(20))))
        rows = Binarised(steps=30)(given)
        assert rows["separable"].all()
        assert least <= rows["found"].mean() <= most
        assert rows["found_at_random"].mean() < 0.3


def test_the_certified_share_is_that_of_the_bound(images, tmp_path) -> None:
    load = partial(load_model, "zoo:fashion-mnist/standard-at")
    found = audit(AuditRequest(load(), load, images, THREAT, SAMPLES), store=Store(tmp_path))
    x, y = images.batch(0, SAMPLES)
    proved = certified(certified_margins(load(), x, y, THREAT), y)
    assert 0.3 < found.certified.value == pytest.approx(proved.float().mean().item())
    assert found.certified.value <= found.robust.value
    told = report.markdown(facts.content(found, ""))
    assert "| threshold" in told


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

"""The verbs for Python: what one has at hand goes in, and the battery's records come out."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import workbench as wb
from workbench import tables
from workbench.api import as_data, as_model, as_threat
from workbench.errors import InputError
from workbench.evaluation import battery
from workbench.models import Classifier

DIGITS = wb.load_data("digits")


def net() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def test_an_evaluation_is_the_batterys(tmp_path) -> None:
    found = wb.evaluate(net(), "digits", "Linf 0.1", ["pgd-10"], samples=30, store=tmp_path)
    threat, store = wb.ThreatModel("Linf", "0.1"), wb.Store(tmp_path)
    model = Classifier(net(), "mine")
    expected = battery.evaluate(model, DIGITS, threat, ["pgd-10"], store=store, samples=30)
    pd.testing.assert_frame_equal(found.rows, expected.rows)
    assert found.keys == expected.keys
    pd.testing.assert_frame_equal(found.accuracies, tables.bracketed(expected.rows))


def test_a_result_shows_itself_in_a_terminal_and_in_a_notebook(tmp_path) -> None:
    found = wb.evaluate(net(), "digits", "Linf 0.1", ["pgd-10"], samples=30, store=tmp_path)
    ((title, table),) = found.tables().items()
    assert title == "Sequential on digits, Linf 0.1, 30 samples"
    for shown in (repr(found), found._repr_html_()):
        assert title in shown
        assert all(str(value) in shown for value in table.to_numpy().ravel())


def test_mi_of_own_data_is_fitted_to_the_samples_behind(tmp_path) -> None:
    images, labels = DIGITS.images, DIGITS.labels
    asked = {"samples": 20, "fit_samples": 300, "store": tmp_path}
    attack = "pgd-10:steps=2,stop_at_success=false"
    found = wb.mutual_information(net(), (images, labels), "Linf 0.1", attack, **asked)
    again = wb.mutual_information(net(), DIGITS, "Linf 0.1", attack, train=DIGITS, **asked)
    assert found.keys == again.keys
    auroc = found.observation.set_index("quantity")["auroc"]["natural MI"]
    assert f"{auroc:.3f}" in repr(found)
    assert "<table" in found._repr_html_()


@pytest.mark.usefixtures("shallow")
def test_an_audit_shows_what_the_report_says(tmp_path) -> None:
    asked = {"samples": 30, "information": False, "store": tmp_path / "store"}
    found = wb.audit(net(), "digits", "Linf 0.1", claim="clean=100", **asked)
    assert found.verdict in repr(found)
    assert set(found.checks["status"]) <= {"pass", "warn", "fail", "not-run"}
    assert found.facts["claims"][0]["verdict"] == "contradicted"
    found.write(tmp_path / "audit")
    assert found.verdict in (tmp_path / "audit" / "report.md").read_text()


def test_a_module_is_copied_and_stays_as_it_was() -> None:
    mine = net().train()
    model = as_model(mine, DIGITS, "cpu")
    assert mine.training
    assert all(weight.requires_grad for weight in mine.parameters())
    assert not any(weight.requires_grad for weight in model.parameters())
    assert as_model(model, DIGITS, "cpu") is model


def test_data_may_be_numbers_of_numpy_or_torch() -> None:
    x, y = np.random.default_rng(0).random((6, 1, 4, 4)), [0, 1, 2, 0, 1, 2]
    for images in (x, x.astype(np.float32), torch.from_numpy(x)):
        data = as_data((images, y))
        assert data.classes == ("0", "1", "2")
        assert data.images.dtype == np.float32
        assert as_data(data) is data
    assert as_data(((255 * x).astype(np.uint8), y)).images.dtype == np.uint8


@pytest.mark.parametrize("threat", ["0.1", "Linf", "Linf 0.1 0.2", "", "Linf x", "L3 1"])
def test_a_wrong_threat_is_one_line(threat) -> None:
    with pytest.raises(InputError):
        as_threat(threat)


def test_packages_that_are_verbs_are_packages_too() -> None:
    from workbench.audit import report

    assert callable(wb.audit)
    assert wb.audit.report is report
    with pytest.raises(InputError, match="is not like 'Linf 8/255'"):
        wb.audit("zoo:fashion-mnist/natural", "digits", "Linf")

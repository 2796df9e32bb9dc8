"""The verbs for Python: what one has at hand goes in, and the battery's records come out."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import workbench as wb
from workbench import tables
from workbench.api import _html
from workbench.attacks import attack
from workbench.errors import InputError
from workbench.evaluation import battery
from workbench.inputs import archs_of, as_data, as_model, as_threat
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
    wrapped = as_model(model, DIGITS, "cpu")
    assert wrapped.net is model.net
    assert wrapped.fingerprint == model.fingerprint


def test_a_classifier_whose_net_changed_is_another_model() -> None:
    model = as_model(net(), DIGITS, "cpu")
    next(model.net.parameters()).mul_(2)
    assert as_model(model, DIGITS, "cpu").fingerprint != model.fingerprint


def test_a_scripted_module_is_a_model(tmp_path) -> None:
    asked = {"attacks": "fgsm", "samples": 30, "store": tmp_path}
    plain, scripted = (wb.evaluate(n, "digits", **asked) for n in (net(), torch.jit.script(net())))
    assert plain.accuracies["accuracy"].equals(scripted.accuracies["accuracy"])


def test_scripted_modules_are_told_apart_by_code_and_by_frozen_weights() -> None:
    other = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    scripts = [torch.jit.script(one.eval()) for one in (net(), nn.Sequential(net()), other)]
    nets = [*scripts, *map(torch.jit.freeze, scripts)]
    assert len({as_model(one, DIGITS, "cpu").fingerprint for one in nets}) == len(nets)
    assert len({as_model(scripts[0], DIGITS, "cpu").fingerprint for _ in range(2)}) == 1


def test_an_architecture_goes_to_the_files_that_need_one(tmp_path) -> None:
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for file in (first, second):
        save_file(net().state_dict(), file)
    zoo = "zoo:fashion-mnist/natural"
    assert archs_of([first, zoo, net(), str(second)], ["one"]) == ["one", None, None, "one"]
    assert archs_of([first, zoo, second], ["one", "two"]) == ["one", None, "two"]
    assert archs_of([first, "broken:quantised"], []) == [None, None]
    with pytest.raises(InputError, match="2 weights files and 3 architectures"):
        archs_of([first, zoo, second], ["one", "two", "three"])


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


def test_arrays_stay_the_callers_own() -> None:
    x, y = np.zeros((3, 1, 4, 4), np.float32), np.array([0, 1, 2])
    as_data((x, y))
    x[0], y[0] = 1, 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((np.zeros((3, 1, 4, 4)), [0.9, 1.9, 2.9]), "integers of shape"),
        ((np.zeros((3, 1, 4, 4)), [0, 1, 10**9]), "too high for a class"),
        ((np.zeros((2, 1, 4, 4)), [0, float("nan")]), "integers of shape"),
        ((np.zeros((2, 1, 4, 4), np.int64), [0, 1]), "use uint8"),
        (([[1.0], [1.0, 2.0]], [0, 1]), "differ in length"),
        ((1, 2, 3), "data is a tuple"),
        (torch.utils.data.TensorDataset(torch.zeros(2)), "data is a TensorDataset"),
        (None, "data is a NoneType"),
    ],
)
def test_what_is_no_data_is_one_line(data, said) -> None:
    with pytest.raises(InputError, match=said):
        as_data(data)


def test_tensors_with_gradients_and_images_without_channels_are_data() -> None:
    x = torch.rand(3, 4, 4, requires_grad=True)
    assert as_data((x, torch.tensor([0, 1, 2], dtype=torch.int32))).shape == (1, 4, 4)


def test_what_is_no_model_is_one_line() -> None:
    with pytest.raises(InputError, match="not a int"):
        as_model(3, DIGITS, "cpu")
    with pytest.raises(InputError, match="nope"):
        as_model(Classifier(net(), "mine"), DIGITS, "nope")


@pytest.mark.parametrize(
    "asked",
    [
        *({"seed": wrong} for wrong in (2**70, -1, "a", 1.5)),
        *({"samples": wrong} for wrong in (0, 1e3, "ten")),
    ],
)
def test_what_is_no_number_is_one_line(asked, tmp_path) -> None:
    with pytest.raises(InputError, match=f"{next(iter(asked))} is a whole number"):
        wb.evaluate(net(), "digits", "Linf 0.1", "fgsm", store=tmp_path, **asked)


def test_numbers_of_numpy_and_attacks_as_text_are_taken(tmp_path) -> None:
    asked = {"samples": np.int64(20), "seed": np.int64(5), "store": tmp_path}
    found = wb.evaluate(net(), "digits", "Linf 0.1", "fgsm,pgd-10:steps=2,restarts=2", **asked)
    assert found.rows["attack"].nunique() == 2


def test_missing_classes_are_told(tmp_path, capsys) -> None:
    order = np.argsort(DIGITS.labels, kind="stable")
    data = DIGITS.images[order], DIGITS.labels[order]
    wb.evaluate(net(), data, "Linf 0.1", "fgsm", samples=20, store=tmp_path)
    assert "the first 20 samples hold 1 of 10 classes" in capsys.readouterr().err


def test_a_transfer_is_a_matrix_and_names_must_differ(tmp_path) -> None:
    other = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "other")
    asked = {"samples": 20, "store": tmp_path}
    found = wb.transfer([net()], [net(), other], "digits", "Linf 0.1", "fgsm", **asked)
    pairs = found.accuracies[["source", "target"]].drop_duplicates().to_numpy().tolist()
    assert pairs == [["Sequential", "Sequential"], ["Sequential", "other"]]
    rows = found.rows[found.rows["model"] == other.fingerprint]
    line = found.accuracies.query("target == 'other' and attack == 'fgsm'").iloc[0]
    assert line["accuracy"] == rows["robust"].mean()
    assert "other" in repr(found)
    with pytest.raises(InputError, match="one name"):
        wb.transfer([net()], [other.net], "digits", "Linf 0.1", "fgsm", **asked)
    with pytest.raises(InputError, match="sources are 2 models, 1 of them different"):
        wb.transfer([net(), net()], [other], "digits", "Linf 0.1", "fgsm", **asked)
    with pytest.raises(InputError, match="targets are 0 models"):
        wb.transfer([net()], [], "digits", "Linf 0.1", "fgsm", **asked)


def test_what_is_no_name_is_one_line(tmp_path) -> None:
    for wrong in (5, attack("fgsm")):
        with pytest.raises(InputError, match="attack is a name such as 'none', not "):
            wb.evaluate(net(), "digits", "Linf 0.1", [wrong], samples=4, store=tmp_path)
    with pytest.raises(InputError, match="claims are text"):
        wb.audit(net(), "digits", claim=None, store=tmp_path)


def test_names_in_tables_are_text() -> None:
    told = _html("<b>", pd.DataFrame({"<i>": ["<img src=x>"]}))
    assert not any(tag in told for tag in ("<b>", "<i>", "<img"))


@pytest.mark.usefixtures("shallow")
def test_an_audit_records_the_call(tmp_path) -> None:
    found = wb.audit(net(), "digits", samples=30, information=False, store=tmp_path)
    assert "samples=30, depth='fast', information=False)" in found.facts["command"]
    found.write(tmp_path / "audit")
    assert "```python\nworkbench.audit(" in (tmp_path / "audit" / "report.md").read_text()


def test_too_little_own_data_for_critics_says_what_to_score(tmp_path) -> None:
    x, y = DIGITS.batch(0, 300)
    with pytest.raises(
        InputError, match="has 300 samples, of which 300 are scored; critics need 1"
    ):
        wb.mutual_information(net(), (x, y), store=tmp_path)


def test_public_names_are_told() -> None:
    assert {"evaluate", "audit", "explore"} <= set(dir(wb))

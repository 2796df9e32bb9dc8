"""Transfer shows a target what was made on a source, and judges it there."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench.data import load_data
from workbench.errors import InputError
from workbench.evaluation.battery import EvaluationRequest
from workbench.evaluation.records import VERDICT_COLUMNS
from workbench.evaluation.store import Store
from workbench.evaluation.transfer import TransferRequest, transfer, transfer_all
from workbench.models import Classifier
from workbench.seeds import forked
from workbench.threat import ThreatModel

THREAT = ThreatModel("Linf", "0.2")


def model(seed: int, classes: int = 10) -> Classifier:
    with forked(seed):
        return Classifier(nn.Sequential(nn.Flatten(), nn.Linear(64, classes)), f"net {seed}")


def request(source: Classifier, target: Classifier) -> TransferRequest:
    names = ("pgd-10:stop_at_success=false", "fgsm")
    test = load_data("digits", "test")
    return TransferRequest(EvaluationRequest(source, test, THREAT, names, 60, 0, 40), target)


def test_the_targets_verdict_is_that_of_plain_torch(tmp_path) -> None:
    source, target = model(0), model(1)
    (found,) = transfer_all([request(source, target)], Store(tmp_path))
    assert list(found.rows.columns) == list(VERDICT_COLUMNS)
    assert set(found.rows["source"]) == {source.fingerprint}
    assert set(found.rows["model"]) == {target.fingerprint}
    x, y = load_data("digits", "test").batch(0, 60)
    gradient = -torch.autograd.grad(
        torch.log_softmax(source(x.requires_grad_()), 1)[torch.arange(60), y].sum(), x
    )[0]
    x_adv = (x + 0.2 * gradient.sign()).clamp(0, 1)
    wrong = (source(x).argmax(1) != y)[:, None, None, None]  # FGSM leaves those as they are
    expected = target(torch.where(wrong, x, x_adv)).argmax(1).numpy()
    rows = found.rows[found.rows["attack"] == "fgsm"]
    assert np.array_equal(rows["adversarial_prediction"], expected)
    correct = (target(x).argmax(1) == y).numpy()
    assert np.array_equal(rows["robust"], correct & (expected == y.numpy()))


def test_onto_itself_it_is_the_white_box_verdict(tmp_path) -> None:
    source, store = model(0), Store(tmp_path)
    wanted = request(source, source)
    (found,) = transfer_all([wanted], store)
    white = wanted.source.answer([store.read(key) for key in found.keys[:4]])
    assert np.array_equal(found.rows["robust"], white.rows["robust"])


def test_attacks_are_made_once_for_all_targets(tmp_path) -> None:
    source, store = model(0), Store(tmp_path)

    def times() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "units").iterdir()}

    transfer_all([request(source, model(1)), request(source, model(2))], store)
    assert len(store.keys()) == 4 + 2 * 4
    before = times()
    transfer_all([request(source, model(2))], store)
    assert before == times()


def test_a_target_that_does_not_fit_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="classes"):
        transfer_all([request(model(0), model(1, classes=7))], Store(tmp_path))


def test_the_matrix_has_every_source_and_target(tmp_path) -> None:
    models = [model(0), model(1)]
    data = load_data("digits", "test")
    found = transfer(models, models, data, THREAT, ["fgsm"], store=Store(tmp_path), samples=30)
    pairs = [(part.rows["source"].iloc[0], part.rows["model"].iloc[0]) for part in found]
    assert pairs == [(a.fingerprint, b.fingerprint) for a in models for b in models]

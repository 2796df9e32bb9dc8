"""The verdict: what an attack proposes is believed only after a second look."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from linear import Linear, samples

from workbench.attacks import Attempt, attack
from workbench.evaluation.measure import NOT_TOLD, measure
from workbench.evaluation.records import ATTACK_COLUMNS
from workbench.models.counted import Counted
from workbench.threat import ThreatModel

THREAT = ThreatModel("Linf", "0.05")


@dataclass(frozen=True)
class Proposes:
    """An attack that moves every pixel by a number, whatever it is."""

    shift: float
    stop_at_success: bool = True
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = True

    def __call__(self, model, x, y, threat, noise) -> Attempt:
        return Attempt(x + self.shift * torch.sign(0.0 - model.model.weight.view(1, 1, 6, 6)))


def biased() -> tuple[Linear, torch.Tensor, torch.Tensor]:
    """Samples of class 0, a third of them near the boundary, a fifth mislabelled."""
    model = Linear()
    x, y = samples(model, 60)
    keep = y == 0
    x, y = x[keep], y[keep].clone()
    y[::5] = 1
    return model, x, y


@pytest.mark.parametrize("shift", [0.06, 0.2, float("nan"), float("inf"), 5.0])
def test_a_proposal_outside_the_ball_is_no_success(shift) -> None:
    model, x, y = biased()
    rows = measure(model, x, y, 0, Proposes(shift), THREAT, seed=0).rows
    correct = rows["clean_prediction"] == rows["label"]
    assert (rows["robust"] == correct).all()
    assert not rows.loc[correct, "inside"].any()


def test_the_verdict_is_that_of_plain_numpy() -> None:
    model, x, y = biased()
    shift = 0.05
    rows = measure(model, x, y, 10, Proposes(shift), THREAT, seed=0).rows
    weight = model.weight.detach().double().numpy()
    score = (x.double().flatten(1).numpy() - 0.5) @ weight
    clean = (score < 0).astype(int)
    moved = score - shift * np.abs(weight).sum()
    correct = clean == y.numpy()
    fallen = np.where(correct, (moved < 0).astype(int) != y.numpy(), True)
    assert rows["index"].tolist() == list(range(10, 10 + len(x)))
    assert rows["clean_prediction"].tolist() == clean.tolist()
    assert rows["robust"].tolist() == (~fallen).tolist()
    assert np.allclose(rows["clean_margin"], np.where(y == 0, 2, -2) * score, atol=1e-5)
    assert np.allclose(rows.loc[correct, "linf"], shift, atol=1e-6)
    assert np.allclose(rows.loc[correct, "l2"], shift * 6, atol=1e-5)
    assert (rows.loc[~correct, "linf"] == 0).all()
    assert set(rows["first_success"]) == {0, NOT_TOLD}


def test_rounding_to_8_bit_is_reported() -> None:
    model, x, y = biased()
    x = (x * 255).round() / 255
    measured = measure(model, x, y, 0, attack("pgd-10"), THREAT, seed=0)
    rounded = torch.from_numpy(np.round(measured.images * 255) / 255)
    fooled = (model(rounded).argmax(1) != y).numpy()
    correct = (measured.rows["clean_prediction"] == measured.rows["label"]).to_numpy()
    fell = ~measured.rows["robust"].to_numpy()
    expected = fooled & fell
    assert (measured.rows["survives_8bit"].to_numpy()[correct] == expected[correct]).all()


def test_misclassified_samples_are_attacked_only_when_every_step_is_wanted() -> None:
    model, x, y = biased()
    wrong = (model(x).argmax(1) != y).numpy()
    stopping = measure(model, x, y, 0, Proposes(0.05), THREAT, seed=0)
    whole = measure(model, x, y, 0, Proposes(0.05, stop_at_success=False), THREAT, seed=0)
    assert wrong.any()
    assert (stopping.rows["linf"].to_numpy()[wrong] == 0).all()
    assert np.allclose(whole.rows["linf"], 0.05, atol=1e-6)
    assert not whole.rows["robust"].to_numpy()[wrong].any()


def test_no_sample_to_attack_is_no_error() -> None:
    model, x, _ = biased()
    rows = measure(model, x, 1 - model(x).argmax(1), 0, attack("pgd-10"), THREAT, seed=0).rows
    assert not rows["robust"].any()


def test_every_measured_column_is_documented() -> None:
    model, x, y = biased()
    rows = measure(model, x, y, 0, attack("fgsm"), THREAT, seed=0).rows
    identity = {"model", "source", "data", "attack", "norm", "epsilon", "seed"}
    assert set(rows.columns) == set(ATTACK_COLUMNS) - identity


def test_counted_counts_images_forward_and_back_and_changes_no_number() -> None:
    model, x, _ = biased()
    counted = Counted(model)
    with torch.no_grad():
        assert torch.equal(counted(x), model(x))
    leaf = x.clone().requires_grad_()
    logits = counted(leaf)
    grads = [torch.autograd.grad(logits[:, k].sum(), leaf, retain_graph=True)[0] for k in range(2)]
    assert torch.allclose(grads[0], -grads[1])
    assert counted.forward_passes == 2 * len(x)
    assert counted.backward_passes == 2 * len(x)

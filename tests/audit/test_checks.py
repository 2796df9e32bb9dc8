"""Checks on made-up evidence, where the right answer is known."""

from dataclasses import replace

import exports
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from workbench.audit import after, before, claims
from workbench.audit.evidence import LONGER, PGD, RESTARTED, Evidence, NotRun
from workbench.audit.probes import Gradients, Repeated
from workbench.data import Dataset
from workbench.evaluation.probing import Given
from workbench.models import Classifier, load_model
from workbench.seeds import Noise
from workbench.threat import ThreatModel

N = 400
DATA = Dataset(
    "made-up",
    "test",
    np.zeros((N, 1, 8, 8), np.uint8),
    np.zeros(N, np.int64),
    tuple("abcdefghij"),
)


def rows(left: int, first: int = 0) -> pd.DataFrame:
    """Verdicts of an attack that leaves the samples first .. first + left."""
    index = np.arange(N)
    robust = (index >= first) & (index < first + left)
    return pd.DataFrame(
        {
            "index": index,
            "label": 0,
            "clean_prediction": 0,
            "robust": robust,
            "verified": ~robust,
            "inside": True,
            "first_success": np.where(robust, -1, 1),
            "loss_unfinished": 0.0,
        }
    )


def evidence(**more: object) -> Evidence:
    attacks = {name: rows(200) for name in ("fgsm", PGD, LONGER, RESTARTED)}
    attacks |= {"random-noise": rows(390), "square": rows(300)}
    found = Evidence(
        model=None,
        data=DATA,
        threat=ThreatModel("Linf", "0.1"),
        attacks=attacks,
        white_box=list(attacks)[:4],
        black_box=["random-noise", "square"],
        strongest=PGD,
        curve={0.05: rows(300), 0.1: rows(200), 0.2: rows(0)},
        wide={"half": rows(30), "unbounded": rows(0)},
        probes={},
        again=pd.DataFrame(),
        missing={},
    )
    return replace(found, **more)


def with_attack(name: str, found: pd.DataFrame) -> Evidence:
    usual = evidence()
    return replace(usual, attacks={**usual.attacks, name: found})


def test_nothing_is_flagged_where_all_is_well() -> None:
    for look in (
        *(after.black_box_wins, after.noise_wins, after.one_step_wins, after.silent_success),
        *(after.unfinished, after.unbounded, after.large_epsilon, after.monotone),
        *(after.converged, after.headline, after.inside),
    ):
        assert look(evidence()).status == "pass", look


def test_one_step_beats_many_where_it_is_no_chance() -> None:
    assert after.one_step_wins(with_attack("fgsm", rows(199))).status == "warn"
    found = after.one_step_wins(with_attack("fgsm", rows(190)))
    assert found.status == "fail"
    assert found.samples == tuple(range(190, 200))


def test_black_box_attacks_that_win_are_counted_in_points() -> None:
    found = after.black_box_wins(with_attack("square", rows(199)))
    assert (found.status, found.samples) == ("warn", (199,))
    assert found.value == pytest.approx(0.25)
    assert after.black_box_wins(with_attack("square", rows(195))).status == "fail"
    assert after.noise_wins(with_attack("random-noise", rows(395, first=5))).samples == (*range(5),)


def test_robust_accuracy_that_rises_with_epsilon() -> None:
    rising = {0.05: rows(200), 0.1: rows(203)}
    assert after.monotone(evidence(curve=rising)).status == "fail"
    assert after.monotone(evidence(curve=rising | {0.1: rows(201)})).status == "warn"
    with pytest.raises(NotRun):
        after.monotone(evidence(curve={0.1: rows(1)}))


def test_wide_balls_leave_nobody_and_no_more_than_chance() -> None:
    wide = {"half": rows(60), "unbounded": rows(3)}
    assert after.unbounded(evidence(wide=wide)).samples == (0, 1, 2)
    assert after.large_epsilon(evidence(wide=wide)).status == "fail"
    assert after.large_epsilon(evidence(wide={"half": rows(45)})).status == "pass"  # 11 %: chance


def test_a_budget_that_is_not_converged() -> None:
    assert after.converged(with_attack(LONGER, rows(197))).status == "warn"
    assert after.converged(with_attack(RESTARTED, rows(198))).status == "pass"


def test_points_outside_and_successes_that_no_second_look_confirms() -> None:
    outside = rows(200).assign(inside=np.arange(N) != 7)
    assert after.inside(with_attack(PGD, outside)).samples == (7,)
    silent = rows(200)
    silent.loc[300, ["verified", "robust"]] = False, True
    assert after.silent_success(with_attack(PGD, silent)).samples == (300,)


def test_the_worst_case_is_taken_per_sample() -> None:
    halves = replace(evidence(), attacks={"a": rows(200), "b": rows(200, first=200)})
    found = after.headline(halves)
    assert found.value == 0
    assert "50.0 %" in found.said


def test_a_gradient_of_zero_counts_unless_a_bound_proves_the_sample_robust() -> None:
    usual = {"index": range(N), "failed": "", "proved": False, "margin": 1.0, "cross_entropy": 1.0}
    found = pd.DataFrame(usual)
    assert before.gradients(evidence(probes={"Gradients": found})).status == "pass"
    found.loc[[3, 5], ["margin", "cross_entropy"]] = 0.0
    flagged = before.gradients(evidence(probes={"Gradients": found}))
    assert (flagged.status, flagged.samples) == ("fail", (3, 5))
    found.loc[[3, 5], "proved"] = True
    passed = before.gradients(evidence(probes={"Gradients": found}))
    assert passed.status == "pass"
    assert "2 of them robust" in passed.said


def test_memory_that_runs_out_says_nothing_of_a_models_gradient() -> None:
    class Greedy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.requires_grad:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return x.flatten(1)[:, :3]

    x, y = torch.zeros(2, 1, 2, 2), torch.zeros(2, dtype=torch.long)
    given = Given(Classifier(Greedy(), "g"), x, y, ThreatModel("Linf", "0.1"), Noise(0, (0, 1)))
    with pytest.raises(torch.OutOfMemoryError):
        Gradients()(given)


def test_a_flat_sample_that_a_bound_proves_robust_is_told_from_one_that_it_does_not() -> None:
    flat, away = nn.Linear(4, 3), nn.Linear(4, 3)
    with torch.no_grad():
        for layer in (flat, away):
            layer.weight.zero_()
            layer.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
        away.weight[1, 0] = 5.0  # class 1 wins where the first pixel is bright
    dead = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.ReLU(), away)
    with torch.no_grad():
        dead[1].weight.copy_(torch.eye(4))
        dead[1].bias.fill_(-0.5)
    x, y = torch.zeros(2, 1, 2, 2), torch.zeros(2, dtype=torch.long)
    proved = {
        eps: Gradients()(
            Given(Classifier(net, "net"), x, y, ThreatModel("Linf", eps), Noise(0, (0, 1)))
        )["proved"].tolist()
        for eps, net in (("0.1", nn.Sequential(nn.Flatten(), flat)), ("0.4", dead), ("0.9", dead))
    }
    assert proved == {"0.1": [True, True], "0.4": [True, True], "0.9": [False, False]}


def test_a_claimed_clean_accuracy() -> None:
    with pytest.raises(NotRun, match="claimed"):
        before.claimed_clean_accuracy(evidence())
    true, wrong = (evidence(claims=claims(text)) for text in ("clean=100", "clean=95,pgd-40=1"))
    assert before.claimed_clean_accuracy(true).status == "pass"
    found = before.claimed_clean_accuracy(wrong)
    assert found.status == "fail"
    assert found.value < found.threshold


def test_a_checkpoint_is_said_to_fit_where_loading_looked() -> None:
    net = nn.Linear(2, 2)
    found = before.checkpoint_fit(evidence(model=Classifier(net, "file", filled=2)))
    assert (found.status, found.value) == ("pass", 2)
    with pytest.raises(NotRun):
        before.checkpoint_fit(evidence(model=Classifier(net, "made here")))


@pytest.mark.parametrize(
    ("eps", "status"),
    [("8/255", "pass"), ("0.031", "warn"), ("0.1", "pass"), ("0.3", "pass"), ("1/10", "pass")],
)
def test_epsilon_that_is_nearly_a_fraction_of_255(eps, status) -> None:
    found = before.epsilon_as_given(evidence(threat=ThreatModel("Linf", eps)))
    assert found.status == status


def test_a_gradient_that_is_no_number_is_none() -> None:
    norms = {"margin": [1.0] * 398 + [0.0, np.nan], "cross_entropy": 1.0, "failed": ""}
    norms["proved"] = False
    found = before.gradients(
        evidence(probes={"Gradients": pd.DataFrame({"index": range(N), **norms})})
    )
    assert (found.status, found.samples) == ("fail", (398, 399))


def test_smoothness_where_nothing_is_classified_right() -> None:
    wrong = pd.DataFrame({"index": range(N), "change": 0.1, "correct": False})
    with pytest.raises(NotRun, match="no sample is classified right"):
        after.unstable(evidence(probes={"Smoothness": wrong}))


def test_a_measurement_that_is_missing_says_why() -> None:
    with pytest.raises(NotRun, match="no gradient"):
        after.unfinished(replace(evidence(), attacks={}, missing={PGD: "no gradient"}))


def test_a_frozen_script_which_has_no_word_for_its_mode_is_looked_at(tmp_path) -> None:
    model = load_model(str(exports.write(exports.frozen, "small-cnn", tmp_path / "frozen.pt")))
    x = torch.rand(4, *exports.GREY, generator=torch.Generator().manual_seed(0))
    y, threat = model(x).argmax(1), ThreatModel("Linf", "0.1")
    rows = Repeated()(Given(model, x, y, threat, Noise(0, (0, 1, 2, 3))))
    assert not rows["training"].any()
    assert (rows["right"] == 5).all()


def test_a_file_sorted_by_class_is_told() -> None:
    seen = {"Outputs": pd.DataFrame({"outputs": [10] * N})}
    found = before.classes(evidence(probes=seen))
    assert found.status == "warn"
    assert "the first 400 samples hold 1 of 10 classes" in found.said
    mixed = replace(DATA, labels=np.arange(N) % 5)
    assert before.classes(evidence(probes=seen, data=mixed)).status == "pass"

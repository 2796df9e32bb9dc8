"""Objectives against hand-computed values, the bound that contrast has and Eq. 5 lacks."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import one_hot

from workbench.errors import InputError
from workbench.information import (
    BOUNDS,
    OBJECTIVES,
    Fit,
    Pairs,
    fit_critic,
    infonce,
    objective,
    objective_label,
    pointwise,
    selected,
    vector_critic,
)
from workbench.information.objectives import MIM, Contrast, Released, Unwanted
from workbench.information.pointwise import Reference
from workbench.seeds import generator

WANTED = torch.tensor([[2.0, 0.0, 1.0], [1.0, 3.0, -1.0], [0.5, 0.0, 1.5]])
UNWANTED = torch.tensor([[1.0, 0.0, 0.0], [0.0, -2.0, 1.0], [1.0, 1.0, 0.0]])
# samples 0 and 1 flip, sample 2 stays right
Y = torch.tensor([0, 1, 2])
LOGITS = 5.0 * one_hot(Y, 3)
ADVERSARIAL_LOGITS = 5.0 * one_hot(torch.tensor([1, 2, 2]), 3)
OFF = Released(**{field.name: False for field in fields(Released)})


def hand(natural: bool = True) -> Unwanted:
    return Unwanted(UNWANTED, Pairs(LOGITS, ADVERSARIAL_LOGITS, Y, natural))


def batch(n: int, seed: int, scale: float) -> tuple[torch.Tensor, Unwanted]:
    """Random scores and outputs of three classes."""
    noise = torch.Generator().manual_seed(seed)
    wanted, scores = scale * torch.randn(2, n, n, generator=noise)
    logits, adversarial = torch.randn(2, n, 3, generator=noise)
    y = torch.randint(3, (n,), generator=noise)
    return wanted, Unwanted(scores, Pairs(logits, adversarial, y, seed % 2 == 0))


def rows(scores: torch.Tensor, how: str) -> np.ndarray:
    """A value per output, from plain sums: "infonce", "dv", or "masked" as the released code."""
    t, values = scores.double().numpy(), []
    for i, row in enumerate(t):
        others = [math.exp(v) for j, v in enumerate(row) if j != i]
        extra = {"infonce": math.exp(row[i]), "dv": 0.0, "masked": 1.0}[how]
        count = len(others) + (how == "infonce")
        values.append(row[i] - math.log((sum(others) + extra) / count))
    return np.array(values)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def log_sigmoid(t: np.ndarray) -> np.ndarray:
    return -np.log1p(np.exp(-t))


def test_selected_are_right_before_and_wrong_after() -> None:
    logits = torch.eye(2)[[0, 0, 1, 1]]
    adversarial_logits = torch.eye(2)[[1, 0, 0, 1]]
    found = selected(logits, adversarial_logits, torch.tensor([0, 0, 0, 0]))
    assert found.tolist() == [True, False, False, False]


@pytest.mark.parametrize("bound", BOUNDS)
def test_mim_is_the_bound_of_wanted_pairs(bound: str) -> None:
    assert torch.equal(MIM()(WANTED, hand(), BOUNDS[bound]), BOUNDS[bound](WANTED))
    assert torch.equal(MIM()(WANTED, None, BOUNDS[bound]), BOUNDS[bound](WANTED))


@pytest.mark.parametrize("natural", [True, False])
def test_contrast_by_hand(natural: bool) -> None:
    difference = (rows(WANTED, "infonce") - rows(UNWANTED, "infonce"))[:2]
    expected = rows(WANTED, "infonce").mean() + log_sigmoid(difference).mean()
    assert Contrast()(WANTED, hand(natural), infonce).item() == pytest.approx(expected)


def test_released_natural_critic_by_hand() -> None:
    v, u = rows(WANTED, "masked"), rows(UNWANTED, "masked")
    flipped = v[:2].sum() / 3 - 5 * abs(cosine(v[:2], u[:2]))
    stayed = v[2] / 3 - 5 * abs(1 - cosine(v[2:], u[2:]))
    found = Released(softmax_over_batch=False)(WANTED, hand(), infonce)
    assert found.item() == pytest.approx(flipped + 0.5 * stayed, rel=1e-5)


def test_released_adversarial_critic_by_hand() -> None:
    v, u = rows(WANTED, "masked"), rows(UNWANTED, "masked")
    flipped = v[:2].mean() - 5 * abs(cosine(v[:2], u[:2]))
    stayed = -0.1 * v[2] - 8 * abs(1 - cosine(v[2:], u[2:]))
    found = Released(softmax_over_batch=False)(WANTED, hand(natural=False), infonce)
    assert found.item() == pytest.approx(flipped + 0.5 * stayed, rel=1e-5)


DIFFERENCE = (rows(WANTED, "infonce") - rows(UNWANTED, "infonce"))[:2]
DV, MASKED = rows(WANTED, "dv"), rows(WANTED, "masked")


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        (
            {"per_row": True},
            DV[:2].mean() + log_sigmoid((DV - rows(UNWANTED, "dv"))[:2]).mean(),
        ),
        (
            {"per_row": True, "masked_as_zero": True},
            MASKED[:2].mean() + log_sigmoid((MASKED - rows(UNWANTED, "masked"))[:2]).mean(),
        ),
        (
            {"cosine": True},
            rows(WANTED, "infonce").mean()
            - 5 * abs(cosine(rows(WANTED, "infonce")[:2], rows(UNWANTED, "infonce")[:2])),
        ),
        (
            {"stayed": True},
            rows(WANTED, "infonce").mean()
            + log_sigmoid(DIFFERENCE).mean()
            + 0.5 * rows(WANTED, "infonce")[2],
        ),
        (
            {"per_row": True, "over_right": True},
            DV[:2].sum() / 3 + log_sigmoid((DV - rows(UNWANTED, "dv"))[:2]).mean(),
        ),
    ],
    ids=["per_row", "masked_as_zero", "cosine", "stayed", "over_right"],
)
def test_each_switch_alone_by_hand(switches: dict, expected: float) -> None:
    found = replace(OFF, **switches)(WANTED, hand(), infonce)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_a_softmax_over_the_batch_selects_other_samples() -> None:
    """Class 1 is the first sample's argmax, but the second has more of it; the batch decides."""
    logits = torch.tensor([[1.0, 2.0], [0.0, 9.0]])
    unwanted = Unwanted(UNWANTED[:2, :2], Pairs(logits, logits.flip(1), torch.tensor([1, 1]), True))
    classes, over_batch = (
        replace(OFF, per_row=True, cosine=True, softmax_over_batch=on) for on in (False, True)
    )
    v, u = rows(WANTED[:2, :2], "dv"), rows(UNWANTED[:2, :2], "dv")
    both, second = v.mean() - 5 * abs(cosine(v, u)), v[1] - 5
    assert classes(WANTED[:2, :2], unwanted, infonce).item() == pytest.approx(both, rel=1e-5)
    assert over_batch(WANTED[:2, :2], unwanted, infonce).item() == pytest.approx(second, rel=1e-5)


@given(st.integers(2, 20), st.integers(0, 2**32), st.sampled_from(sorted(BOUNDS)))
def test_released_without_its_deviations_is_contrast(n: int, seed: int, bound: str) -> None:
    wanted, unwanted = batch(n, seed, 2.0)
    found = [chosen(wanted, unwanted, BOUNDS[bound]) for chosen in (OFF, Contrast())]
    torch.testing.assert_close(*found)


@given(st.integers(2, 20), st.integers(0, 2**32), st.floats(0, 1e6))
def test_contrast_is_finite_and_never_above_log_n(n: int, seed: int, scale: float) -> None:
    wanted, unwanted = batch(n, seed, scale)
    value = Contrast()(wanted, unwanted, infonce).item()
    assert math.isfinite(value)
    assert value <= min(infonce(wanted).item(), math.log(n)) + 1e-4


@given(st.integers(2, 12), st.integers(0, 2**32))
def test_gradients_of_contrast_are_bounded(n: int, seed: int) -> None:
    """Eq. 5 itself pulls on every unwanted score for ever."""
    wanted, unwanted = batch(n, seed, 1e3)
    scores = unwanted.scores.requires_grad_()
    Contrast()(wanted.requires_grad_(), unwanted, infonce).backward()
    assert wanted.grad is not None
    assert wanted.grad.abs().sum() <= 4 + 1e-4
    assert scores.grad is not None
    assert scores.grad.abs().sum() <= 2 + 1e-4


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("right", [0, 1, 5])
def test_values_and_gradients_are_finite_whatever_is_right(name: str, right: int) -> None:
    wanted, unwanted = batch(5, 0, 1.0)
    y = torch.where(torch.arange(5) < right, unwanted.pairs.logits.argmax(1), 3)
    pairs = unwanted.pairs._replace(y=y)
    value = OBJECTIVES[name](wanted.requires_grad_(), Unwanted(unwanted.scores, pairs), infonce)
    value.backward()
    assert value.isfinite()
    assert wanted.grad is not None
    assert wanted.grad.isfinite().all()


def test_names_and_switches() -> None:
    assert objective("released:cosine=false") == Released(cosine=False)
    assert objective_label(Released(cosine=False)) == "released:cosine=false"
    assert Fit(objective="released:cosine=true").objective == "released"
    for wrong in ("eq-5", "released:cosines=true", "released:cosine=1", "mim:per_row=true"):
        with pytest.raises(InputError):
            Fit(objective=wrong)


def test_what_scores_are_called() -> None:
    quantities = {name: Fit(objective=name).quantity for name in OBJECTIVES}
    assert quantities == {"mim": "mi", "contrast": "contrast", "released": "contrast"}


@pytest.mark.parametrize("name", ["contrast", "released"])
def test_a_contrast_without_unwanted_outputs_is_refused(name: str) -> None:
    x = torch.randn(60, 2, generator=generator(0))
    fit = Fit(units=8, steps=2, batch=16, objective=name)
    with pytest.raises(InputError, match="unwanted"):
        fit_critic(vector_critic(2, 2, 8, seed=0), x, x, fit, generator(0))


@dataclass(frozen=True)
class Literal:
    """Eq. 5 as it is written, on selected pairs, by values against the batch."""

    def __call__(self, wanted, unwanted, bound):
        scores, pairs = unwanted
        chosen = selected(pairs.logits, pairs.adversarial_logits, pairs.y)
        values = [t.diagonal() - t.logsumexp(1) + math.log(len(t)) for t in (wanted, scores)]
        return (values[0] - values[1])[chosen].mean()


def last_scores(name: str, steps: int) -> tuple[float, float]:
    """Mean scores of wanted and of unwanted outputs after a fit by an objective."""
    noise = generator(0, "pairs")
    y = torch.randint(3, (400,), generator=noise)
    logits = 4.0 * one_hot(y, 3) + torch.randn(400, 3, generator=noise)
    adversarial = 4.0 * one_hot((y + 1) % 3, 3) + torch.randn(400, 3, generator=noise)
    x = one_hot(y, 3) + 0.3 * torch.randn(400, 3, generator=noise)
    critic = vector_critic(3, 3, 16, seed=0)
    fit = Fit(units=16, steps=steps, batch=64, lr=0.02, objective=name)
    fit_critic(critic, x, logits, fit, generator(0), pairs=Pairs(logits, adversarial, y, True))
    fixed = Reference.of(critic, x)
    means = [pointwise(fixed, x, z).mean().item() for z in (logits, adversarial)]
    return means[0], means[1]


def test_literal_eq_5_runs_off_where_contrast_does_not(monkeypatch) -> None:
    """On three classes, of which no output can tell more than log 3 nats."""
    monkeypatch.setitem(OBJECTIVES, "literal", Literal())
    runs = {
        (n, steps): last_scores(n, steps) for n in ("literal", "contrast") for steps in (50, 200)
    }
    assert runs["literal", 200][1] < 2 * runs["literal", 50][1] < -40
    assert runs["contrast", 200][1] > -20
    assert runs["contrast", 200][0] == pytest.approx(math.log(3), abs=0.15)
    assert all(wanted > unwanted for wanted, unwanted in runs.values())

"""Informations of finite distributions against their definitions, and Eq. 2 as an identity."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.errors import InputError
from workbench.information.discrete import (
    conditional_entropy,
    entropy,
    information,
    interaction,
    interaction_bounds,
    terms,
)

LOG2 = np.log(2)
COIN = np.array([0, 1])
PAIRS = np.array([(a, b) for a in (0, 1) for b in (0, 1)]).T


def distributions(*sizes: int) -> st.SearchStrategy[np.ndarray]:
    """Joint distributions as arrays with an axis per variable; many cells are empty."""
    weights = st.one_of(st.just(0.0), st.floats(1e-3, 1.0))
    counts = arrays(np.float64, sizes, elements=weights)
    return counts.filter(lambda a: a.sum() > 0).map(lambda a: a / a.sum())


def columns(joint: np.ndarray) -> list[np.ndarray]:
    """The rows of a joint distribution: its probabilities, and a column per variable."""
    return [joint.ravel(), *(axis.ravel() for axis in np.indices(joint.shape))]


def divergence(joint: np.ndarray) -> float:
    """I of the two axes by its definition, E log p(a,b) / p(a)p(b)."""
    product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    inside = joint > 0
    return float((joint[inside] * np.log(joint[inside] / product[inside])).sum())


def expected_divergence(joint: np.ndarray) -> float:
    """I(A;B|C) by its definition, the mean over C, the last axis, of I(A;B) given C = c."""
    slices = [joint[..., c] for c in range(joint.shape[-1])]
    return sum(s.sum() * divergence(s / s.sum()) for s in slices if s.sum() > 0)


def remaining(joint: np.ndarray) -> float:
    """H(A|B) by its definition, −E log p(a|b), for two axes."""
    given_b = joint / np.where(joint.sum(0) > 0, joint.sum(0), 1)
    inside = joint > 0
    return float(-(joint[inside] * np.log(given_b[inside])).sum())


@given(distributions(3, 2, 4, 3))
def test_each_term_is_its_definition_and_eq2_holds(joint: np.ndarray) -> None:
    """Any joint distribution of X, N, X̃, Z: here X̃ is no function, and Z not of X̃ alone."""
    found = terms(*columns(joint))
    x_n_z = joint.sum(2)
    defined = {
        "whole": divergence(joint.sum((0, 1))),
        "natural": divergence(joint.sum((1, 2))),
        "adversarial": divergence(joint.sum((0, 2))),
        "interaction": divergence(x_n_z.sum(2)) - expected_divergence(x_n_z),
        "given_parts": remaining(x_n_z.reshape(-1, 3).T),
        "given_whole": remaining(joint.sum((0, 1)).T),
    }
    for name, value in defined.items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-12), name
    right = defined["natural"] + defined["adversarial"] - defined["interaction"]
    right += defined["given_parts"] - defined["given_whole"]
    assert defined["whole"] == pytest.approx(right, abs=1e-12)
    kept = found.natural + found.adversarial
    assert found.dropped == pytest.approx(found.whole - kept, abs=1e-12)


@given(distributions(3, 3), arrays(np.float64, (5, 3), elements=st.floats(0.01, 1.0)))
def test_a_classifier_that_sees_the_sum_leaves_the_interaction_alone(joint, channel) -> None:
    """Z drawn from p(z|x̃), x̃ = x + n: H(Z|X,N) = H(Z|X̃), so Eq. 3 drops −I(X;N;Z) and no more."""
    channel = channel / channel.sum(1, keepdims=True)
    x, n, z = np.indices((3, 3, 3))
    p = joint[x, n] * channel[x + n, z]
    found = terms(*(a.ravel() for a in (p, x, n, x + n, z)))
    assert found.given_parts == pytest.approx(found.given_whole, abs=1e-12)
    assert found.dropped == pytest.approx(-found.interaction, abs=1e-12)
    i_nz_given_x = expected_divergence(p.transpose(1, 2, 0))
    assert found.whole == pytest.approx(found.natural + i_nz_given_x, abs=1e-12)


@given(
    distributions(4),
    arrays(np.int64, 4, elements=st.integers(-2, 2)),
    arrays(np.int64, 8, elements=st.integers(0, 2)),
)
def test_a_deterministic_attack_adds_nothing_to_what_x_tells(p, attack, predict) -> None:
    x = np.arange(4)
    found = terms(p, x, attack[x], x + attack[x], predict[x + attack[x] + 2])
    assert found.whole == pytest.approx(found.natural, abs=1e-12)
    assert found.interaction == pytest.approx(found.adversarial, abs=1e-12)
    assert found.dropped == pytest.approx(-found.adversarial, abs=1e-12)


def test_the_other_sign_of_interaction_is_no_identity() -> None:
    """X = N = Z a coin, X̃ = X: with +I(X;N;Z), Eq. 2 would say log 2 = 3 log 2."""
    found = terms([0.5, 0.5], COIN, COIN, COIN, COIN)
    assert found.whole == pytest.approx(LOG2)
    assert found.natural + found.adversarial + found.interaction == pytest.approx(3 * LOG2)


def test_an_output_that_sees_x_beside_the_sum_leaves_a_conditional_term() -> None:
    """Independent coins, Z = X: X̃ = 1 leaves Z open, X and N do not. Eq. 2 holds all the same."""
    x, n = PAIRS
    found = terms(np.full(4, 0.25), x, n, x + n, x)
    assert found.given_parts == pytest.approx(0)
    assert found.given_whole == pytest.approx(LOG2 / 2)
    assert found.interaction == pytest.approx(0)
    assert found.dropped == pytest.approx(-LOG2 / 2)
    assert found.whole == pytest.approx(LOG2 / 2)


def test_where_x_adv_is_no_function_of_the_parts_the_conditional_terms_may_be_positive() -> None:
    x, x_adv = PAIRS
    found = terms(np.full(4, 0.25), x, np.zeros(4), x_adv, x_adv)
    assert found.given_parts - found.given_whole == pytest.approx(LOG2)


def test_interaction_of_copies_of_xor_and_of_independent_coins() -> None:
    a, b = PAIRS
    even = np.full(4, 0.25)
    assert interaction([0.5, 0.5], COIN, COIN, COIN) == pytest.approx(LOG2)
    assert interaction(even, a, b, a ^ b) == pytest.approx(-LOG2)
    assert interaction(even, a, b, np.zeros(4)) == pytest.approx(0)


@given(distributions(3, 2, 3))
def test_interaction_is_symmetric_and_bounded(joint: np.ndarray) -> None:
    p, x, n, z = columns(joint)
    found = interaction(p, x, n, z)
    assert interaction(p, z, x, n) == pytest.approx(found, abs=1e-12)
    assert interaction(p, n, z, x) == pytest.approx(found, abs=1e-12)
    pairs = [(x, n), (n, z), (x, z)]
    assert found <= min(information(p, *pair) for pair in pairs) + 1e-12


def test_records_are_a_distribution_and_rows_add_up() -> None:
    records = pd.DataFrame({"clean": [0, 0, 1, 1], "adversarial": ["a", "a", "b", "a"]})
    p = np.full(4, 0.25)
    assert entropy(p, records["adversarial"]) == pytest.approx(2 * LOG2 - 0.75 * np.log(3))
    assert conditional_entropy(p, records["adversarial"], records["clean"]) == pytest.approx(
        LOG2 / 2
    )


@given(distributions(3, 2, 3), st.integers(0, 2))
def test_the_bounds_hold_for_any_distribution(joint: np.ndarray, merged: int) -> None:
    p, x, n, z = columns(joint)
    of_x = np.minimum(x, merged)
    low, high = interaction_bounds(p, z, of_x, n)
    assert low - 1e-12 <= interaction(p, x, n, z) <= high + 1e-12
    assert interaction_bounds(p, z, of_x)[0] <= low + 1e-12


@given(distributions(4), arrays(np.int64, (2, 4), elements=st.integers(0, 2)))
def test_where_nothing_is_drawn_z_is_a_function_of_x(p, maps) -> None:
    x, (n, z) = np.arange(4), maps
    loose, _ = interaction_bounds(p, z, x // 2, n // 2)
    low, high = interaction_bounds(p, z, z, n // 2)
    assert low == pytest.approx(information(p, n // 2, z), abs=1e-12)
    assert loose - 1e-12 <= low <= interaction(p, x, n, z) + 1e-12
    assert interaction(p, x, n, z) <= high + 1e-12


def test_the_bounds_are_reached() -> None:
    """The lower one by xor, the upper by copies: nothing better follows from such columns."""
    x, n = PAIRS
    assert interaction_bounds(np.full(4, 0.25), x ^ n, x, n)[0] == pytest.approx(-LOG2)
    assert interaction_bounds([0.5, 0.5], COIN, COIN)[1] == pytest.approx(LOG2)


@pytest.mark.parametrize("p", [[0.5, 0.6], [1.5, -0.5], [float("nan"), 1.0]])
def test_what_is_no_distribution_is_refused(p: list[float]) -> None:
    with pytest.raises(InputError, match="no distribution"):
        entropy(p, COIN)


def test_columns_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match="differ in length"):
        information([0.5, 0.5], COIN, [0, 1, 2])


@given(distributions(2, 3))
def test_zero_information_is_independence(joint: np.ndarray) -> None:
    marginal = joint.sum(1)
    assume((marginal > 0).all())
    p, x, z = columns(np.outer(marginal, joint.sum(0)))
    assert information(p, x, z) == pytest.approx(0, abs=1e-12)

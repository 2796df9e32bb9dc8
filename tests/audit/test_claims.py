"""Claims: true ones are confirmed, inflated ones contradicted, and exact tests are exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from workbench.audit.claims import Claim, claims, judge
from workbench.errors import InputError


def verdicts(right: int, n: int) -> np.ndarray:
    return np.arange(n) < right


def test_claims_are_read_in_per_cent_by_the_attacks_one_name() -> None:
    assert claims("clean=83.4, autoattack=52.0,pgd-10:steps=40=60") == [
        Claim("clean", pytest.approx(0.834)),
        Claim("autoattack", pytest.approx(0.52)),
        Claim("pgd-40", pytest.approx(0.6)),
    ]
    assert claims("") == []


@pytest.mark.parametrize(
    "text", ["clean", "clean=", "clean=101", "clean=-1", "clean=nan", "magic=5", "clean=1,clean=1"]
)
def test_a_claim_that_is_none_is_refused(text) -> None:
    with pytest.raises(InputError):
        claims(text)


@given(st.integers(0, 200), st.floats(0, 1))
def test_the_p_value_is_that_of_the_exact_interval(right, share) -> None:
    found = judge(Claim("clean", share), verdicts(right, 200))
    interval = binomtest(right, 200).proportion_ci(0.95, "exact")
    assert found.measured.low == pytest.approx(interval.low)
    assert found.measured.high == pytest.approx(interval.high)
    if abs(found.p - 0.05) > 1e-6:
        assert (found.p < 0.05) == (found.verdict == "contradicted")


def test_a_true_claim_is_confirmed_and_an_inflated_one_contradicted() -> None:
    right = verdicts(760, 1000)
    assert judge(Claim("clean", 0.76), right).verdict == "confirmed"
    inflated = judge(Claim("clean", 0.81), right)
    assert inflated.verdict == "contradicted"
    assert "[73." in inflated.said
    assert "less than claimed" in inflated.said


def test_a_weaker_attack_contradicts_what_is_too_high_and_confirms_nothing() -> None:
    right = verdicts(760, 1000)
    for share, verdict in ((0.60, "contradicted"), (0.76, "confirmed"), (0.85, "contradicted")):
        assert judge(Claim("autoattack", share), right).verdict == verdict
    for share, verdict in ((0.60, "undecided"), (0.76, "undecided"), (0.85, "contradicted")):
        found = judge(Claim("autoattack", share), right, "it was weak")
        assert found.verdict == verdict
        assert ("it was weak" in found.said) == (verdict == "undecided")

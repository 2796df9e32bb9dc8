"""Statistics against tables, formulas and resampling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from workbench.statistics import clopper_pearson, cohens_d, mcnemar, paired_auroc, sign_share

values = st.lists(st.integers(-5, 5).map(float), min_size=4, max_size=40)


@given(st.integers(1, 300), st.data())
def test_clopper_pearson_is_scipys_exact_interval(trials, data) -> None:
    successes = data.draw(st.integers(0, trials))
    estimate = clopper_pearson(successes, trials)
    interval = stats.binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert estimate.value == successes / trials
    assert (estimate.low, estimate.high) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_clopper_pearson_of_a_textbook() -> None:
    estimate = clopper_pearson(81, 263)  # Agresti & Coull's kind of example, by R's binom.test
    assert (estimate.low, estimate.high) == pytest.approx((0.2527, 0.3676), abs=2e-4)


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(successes, trials) -> None:
    with pytest.raises(ValueError, match="trials"):
        clopper_pearson(successes, trials)


def test_mcnemar_is_the_binomial_on_the_differences() -> None:
    first = np.array([True] * 10 + [False] * 2 + [True] * 50)
    second = np.array([False] * 10 + [True] * 2 + [True] * 50)
    assert mcnemar(first, second) == pytest.approx(stats.binomtest(10, 12).pvalue)
    assert mcnemar(first, second) == pytest.approx(2 * (1 + 12 + 66) / 2**12)
    assert mcnemar(first, first) == 1


@given(values, st.data())
def test_auroc_is_sklearns(higher, data) -> None:
    n = len(higher)
    lower = data.draw(st.lists(st.integers(-5, 5).map(float), min_size=n, max_size=n))
    expected = roc_auc_score([1] * n + [0] * n, higher + lower)
    estimate = paired_auroc(np.array(higher), np.array(lower))
    assert estimate.value == pytest.approx(expected)
    assert 0 <= estimate.low <= estimate.value + 1e-12
    assert estimate.value - 1e-12 <= estimate.high <= 1


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_the_auroc_interval_covers_the_truth_of_paired_samples(correlation) -> None:
    rng = np.random.default_rng(0)
    truth = stats.norm.cdf(1 / np.sqrt(2))
    covered = []
    for _ in range(600):
        shared, own = rng.normal(size=(2, 100, 2))
        pair = np.sqrt(correlation) * shared[:, :1] + np.sqrt(1 - correlation) * own
        estimate = paired_auroc(pair[:, 0] + 1, pair[:, 1])
        covered.append(estimate.low <= truth <= estimate.high)
    assert 0.92 < np.mean(covered) < 0.98


def test_the_auroc_interval_is_the_bootstraps() -> None:
    rng = np.random.default_rng(1)
    shared = rng.normal(size=400)
    higher, lower = shared + rng.normal(size=400) + 0.5, shared + rng.normal(size=400)
    estimate = paired_auroc(higher, lower)
    draws = []
    for _ in range(1000):
        rows = rng.integers(0, 400, 400)
        draws.append(paired_auroc(higher[rows], lower[rows]).value)
    assert (estimate.low, estimate.high) == pytest.approx(
        np.quantile(draws, [0.025, 0.975]), abs=0.01
    )


def test_cohens_d_by_hand() -> None:
    assert cohens_d(np.array([2.0, 4.0]), np.array([1.0, 3.0])) == pytest.approx(1 / np.sqrt(2))


def test_ties_do_not_count_as_in_order() -> None:
    assert sign_share(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 4.0])).value == 1 / 3

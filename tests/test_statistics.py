"""Statistics against tables, formulas and resampling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from workbench.statistics import (
    auroc,
    clopper_pearson,
    cohens_d,
    holm,
    mcnemar,
    mean_difference,
    paired_auroc,
    shared_share,
    sign_flip,
    sign_share,
    student,
)

verdicts = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)
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


def correlated(rng, shape, share, correlation) -> np.ndarray:
    """Verdicts of several models on the same samples, each right with the same probability."""
    common, own = rng.normal(size=(shape[0], 1)), rng.normal(size=shape)
    strength = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    return strength < stats.norm.ppf(share)


@given(verdicts)
def test_the_share_of_one_model_has_the_exact_interval(pairs) -> None:
    one = np.array(pairs)[:, :1]
    exact = clopper_pearson(int(one.sum()), len(one))
    for found in (shared_share(one), shared_share(np.repeat(one, 3, axis=1))):
        assert (found.value, found.low, found.high) == pytest.approx(
            (exact.value, exact.low, exact.high), abs=1e-9
        )


def test_verdicts_that_cancel_are_at_most_as_many_as_they_are() -> None:
    opposed = np.array([[True, False], [False, True]] * 20)
    exact = clopper_pearson(40, 80)
    found = shared_share(opposed)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-9)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("share", [0.05, 0.8])
def test_the_interval_over_samples_covers_the_truth_whatever_models_share(
    share, correlation
) -> None:
    rng = np.random.default_rng(0)
    drawn = [shared_share(correlated(rng, (150, 3), share, correlation)) for _ in range(600)]
    assert 0.93 < np.mean([e.low <= share <= e.high for e in drawn]) < 0.995


def test_counting_the_verdicts_of_all_models_as_independent_would_not_cover() -> None:
    rng = np.random.default_rng(0)
    drawn = [correlated(rng, (150, 3), 0.8, 0.9) for _ in range(600)]
    pooled = [clopper_pearson(int(v.sum()), v.size) for v in drawn]
    assert np.mean([e.low <= 0.8 <= e.high for e in pooled]) < 0.88


def paired(both: int, only_first: int, only_second: int, neither: int) -> tuple[np.ndarray, ...]:
    """Two models' verdicts from a table of four counts: (n, 1), (n, 1)."""
    counts = (both, only_first, only_second, neither)
    return (
        np.repeat([True, True, False, False], counts)[:, None],
        np.repeat([True, False, True, False], counts)[:, None],
    )


def test_the_difference_of_one_model_is_bonett_and_prices() -> None:
    # airway hyper-responsiveness before and after transplantation (Bentur et al. 2009)
    first, second = paired(1, 1, 7, 12)
    found = mean_difference(first, second)
    middle, width = -6 / 23, 1.959964 * np.sqrt((10 / 23 - (6 / 23) ** 2) / 23)
    assert found.value == pytest.approx(-6 / 21)
    assert (found.low, found.high) == pytest.approx((middle - width, middle + width))
    assert (found.low, found.high) == pytest.approx((-0.508, -0.013), abs=5e-4)


def test_where_no_sample_differs_the_interval_is_no_point() -> None:
    same = np.ones((100, 3), dtype=bool)
    found = mean_difference(same, same)
    assert found.value == 0
    assert found.low == pytest.approx(-found.high)
    assert 0.01 < found.high < 0.05


@pytest.mark.parametrize("shares", [(0.8, 0.8), (0.8, 0.72), (0.03, 0.01)])
def test_the_interval_of_the_difference_covers_the_truth(shares) -> None:
    rng, covered = np.random.default_rng(0), []
    for _ in range(600):
        common = rng.normal(size=(200, 1))
        first, second = (
            np.sqrt(0.8) * common + np.sqrt(0.2) * rng.normal(size=(200, 3)) < stats.norm.ppf(share)
            for share in shares
        )
        found = mean_difference(first, second)
        covered.append(found.low <= shares[0] - shares[1] <= found.high)
    assert np.mean(covered) > 0.93


def test_the_interval_of_many_models_is_hardly_wider_than_without_bonett_and_price() -> None:
    rng, covered, ratios = np.random.default_rng(0), [], []
    for _ in range(600):
        apart = rng.random((1000, 8)) < np.where(rng.random(1000) < 0.2, 0.11, 0)[:, None]
        up = rng.random((1000, 8)) < 0.5  # of those that differ, half to either side
        first, second = apart & up, apart & ~up
        found = mean_difference(first, second)
        means = first.mean(axis=1) - second.mean(axis=1)
        covered.append(found.low <= 0 <= found.high)
        ratios.append((found.high - found.low) / (2 * 1.959964 * means.std() / np.sqrt(1000)))
    assert 0.93 < np.mean(covered) < 0.97
    assert np.mean(ratios) < 1.1


def test_students_interval_is_scipys() -> None:
    values = np.random.default_rng(0).normal(size=7)
    found = student(values)
    expected = stats.t.interval(0.95, 6, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)
    alone = student(values[:1])
    assert alone.value == values[0]
    assert np.isnan([alone.low, alone.high]).all()


@given(verdicts)
def test_the_sign_flip_test_of_one_model_is_mcnemars(pairs) -> None:
    first, second = np.array(pairs).T
    expected = mcnemar(first, second)
    assert sign_flip(first[:, None], second[:, None]) == pytest.approx(expected)
    assert sign_flip(second[:, None], first[:, None]) == pytest.approx(expected)


@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=2, max_size=9))
def test_the_sign_flip_test_is_scipys_exact_permutation_test(samples) -> None:
    first, second = np.split(np.array(samples), 2, axis=1)
    expected = stats.permutation_test(
        (first.sum(axis=1), second.sum(axis=1)),
        lambda a, b, axis: (a - b).sum(axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert sign_flip(first, second) == pytest.approx(expected.pvalue)


def test_the_sign_flip_test_by_hand() -> None:
    # differences 2, 1, 1: of the 8 sums ±2±1±1 two are as large as 4
    first = np.array([[1, 1], [1, 0], [0, 1]], dtype=bool)
    assert sign_flip(first, np.zeros_like(first)) == pytest.approx(2 / 8)


def test_the_sign_flip_test_stays_exact_on_ten_thousand_samples() -> None:
    first, second = paired(5000, 2500, 2400, 100)
    assert sign_flip(first, second) == pytest.approx(stats.binomtest(2400, 4900).pvalue)


def test_holm_by_hand() -> None:
    corrected = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.7, 0.6])).tolist() == [1, 1]
    assert holm(np.array([0.2])).tolist() == [0.2]


def test_of_many_equal_defenses_one_in_twenty_families_is_wrong() -> None:
    rng, wrong = np.random.default_rng(0), []
    for _ in range(400):
        base, *others = (correlated(rng, (100, 3), 0.7, 0.0) for _ in range(5))
        p_values = np.array([sign_flip(other, base) for other in others])
        wrong.append((p_values.min() < 0.05, holm(p_values).min() < 0.05))
    uncorrected, corrected = np.mean(wrong, axis=0)
    assert uncorrected > 0.1
    assert corrected < 0.07


@given(values, st.data())
def test_auroc_is_sklearns(higher, data) -> None:
    n = len(higher)
    lower = data.draw(st.lists(st.integers(-5, 5).map(float), min_size=n, max_size=n))
    expected = roc_auc_score([1] * n + [0] * n, higher + lower)
    estimate = paired_auroc(np.array(higher), np.array(lower))
    assert estimate.value == pytest.approx(expected)
    assert 0 <= estimate.low <= estimate.value + 1e-12
    assert estimate.value - 1e-12 <= estimate.high <= 1


@given(values, values)
def test_auroc_of_different_samples_is_sklearns(higher, lower) -> None:
    expected = roc_auc_score([1] * len(higher) + [0] * len(lower), higher + lower)
    estimate = auroc(np.array(higher), np.array(lower))
    assert estimate.value == pytest.approx(expected)
    assert 0 <= estimate.low <= estimate.value + 1e-12
    assert estimate.value - 1e-12 <= estimate.high <= 1


def test_the_auroc_interval_covers_the_truth_of_different_samples() -> None:
    rng = np.random.default_rng(0)
    truth = stats.norm.cdf(1 / np.sqrt(2))
    covered = []
    for _ in range(600):
        estimate = auroc(rng.normal(size=60) + 1, rng.normal(size=150))
        covered.append(estimate.low <= truth <= estimate.high)
    assert 0.92 < np.mean(covered) < 0.98


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

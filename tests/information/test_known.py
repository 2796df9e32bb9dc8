"""Known distributions against scipy's densities and their own samples."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from workbench.errors import InputError
from workbench.information import CorrelatedGaussians


@given(st.integers(1, 4), st.floats(0.0, 3.0))
def test_pointwise_is_the_log_ratio_of_the_densities(d: int, nats: float) -> None:
    known = CorrelatedGaussians(d, nats)
    x, z = known.sample(5, torch.Generator().manual_seed(0))
    one = np.eye(d)
    joint = np.block([[one, known.correlation * one], [known.correlation * one, one]])
    both = multivariate_normal(np.zeros(2 * d), joint).logpdf(np.hstack([x, z]))
    alone = multivariate_normal(np.zeros(d), one)
    expected = both - alone.logpdf(x) - alone.logpdf(z)
    np.testing.assert_allclose(known.pointwise(x, z), expected, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("d", [1, 5])
@pytest.mark.parametrize("nats", [0.0, 0.5, 2.0])
def test_samples_have_the_correlation_and_the_information(d: int, nats: float) -> None:
    known = CorrelatedGaussians(d, nats)
    x, z = known.sample(100_000, torch.Generator().manual_seed(1))
    assert x.shape == z.shape == (100_000, d)
    between = np.corrcoef(x.T, z.T)[:d, d:]
    np.testing.assert_allclose(between, known.correlation * np.eye(d), atol=0.02)
    assert known.pointwise(x, z).mean().item() == pytest.approx(nats, abs=0.02)


def test_the_generator_decides_the_samples() -> None:
    known = CorrelatedGaussians(2, 1.0)
    first, again, other = (known.sample(9, torch.Generator().manual_seed(s))[0] for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("d", "nats"), [(0, 1.0), (2, -0.1), (2, float("inf"))])
def test_what_does_not_exist_is_refused(d: int, nats: float) -> None:
    with pytest.raises(InputError, match="does not exist"):
        CorrelatedGaussians(d, nats)

"""What the tests of analyses share."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def figures_closed() -> Iterator[None]:
    """A figure that a test drew stays open in pyplot's memory until it is closed."""
    yield
    plt.close("all")

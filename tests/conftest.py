"""Where the shared folder is, beside the checkout, and what several folders of tests use."""

import os
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

SHARED = Path(__file__).resolve().parents[1].parent / "shared"

# several test processes share the machine: threads that wait for each other's cores are slow,
# and no example has a time that it must keep
os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def figures_closed() -> Iterator[None]:
    """A figure that a test drew stays open in pyplot's memory until it is closed."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture
def shallow(monkeypatch) -> None:
    """Audits by attacks of few steps and queries: enough for what tests plant."""
    from workbench.audit.request import DEPTHS, Depth

    targeted, black_box = "apgd-t:targets=1,steps=5", ("random-noise", "square:queries=200")
    depth = Depth("apgd-ce:steps=20", targeted, black_box, False, 300, (0,))
    monkeypatch.setitem(DEPTHS, "fast", depth)


@pytest.fixture
def short_fits(monkeypatch) -> None:
    """Critics fitted in few steps, where no test looks at what they say."""
    from workbench.information import Fit

    for module in ("workbench.analysis", "workbench.cli.mi", "workbench.explore.views"):
        monkeypatch.setattr(import_module(module), "Fit", partial(Fit, steps=20))


@pytest.fixture(scope="session")
def asked(tmp_path_factory) -> dict[str, Any]:
    """What the explorer is asked for; all processes of a run of tests share what it computed."""
    from explored import arguments

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return arguments(tmp_path_factory.mktemp("explore"), shared / "explored")

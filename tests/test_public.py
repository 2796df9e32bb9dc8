"""The public names: each is there, and reading results does not load torch."""

import subprocess
import sys

import pytest

import workbench as wb


@pytest.mark.parametrize("name", wb.__all__)
def test_every_public_name_is_there(name) -> None:
    assert getattr(wb, name).__doc__


def test_the_table_of_homes_is_complete() -> None:
    assert {*wb._HOMES, *wb._VERBS} == set(wb.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = wb.nothing


def test_results_are_read_without_torch() -> None:
    code = (
        "import sys, workbench.tables, workbench.figures, workbench.statistics, workbench.specs, "
        "workbench.evaluation.store; print('torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"

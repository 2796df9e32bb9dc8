"""One source of versions: pyproject, constraints, environment and Makefile agree."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINNED = {
    canonicalize_name(line.split("==")[0]): line.split("==")[1]
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
}
EXTRAS = PROJECT["optional-dependencies"]
REQUIRED = [Requirement(r) for r in [*PROJECT["dependencies"], *chain(*EXTRAS.values())]]


@pytest.mark.parametrize("requirement", REQUIRED, ids=str)
def test_every_requirement_is_pinned_within_its_range(requirement) -> None:
    assert Version(PINNED[canonicalize_name(requirement.name)]) in requirement.specifier


def test_the_environment_installs_from_them() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python = next(d for d in environment if isinstance(d, str) and d.startswith("python="))
    assert (
        Version(python.removeprefix("python="))
        in Requirement("python" + PROJECT["requires-python"]).specifier
    )
    pip = next(d["pip"] for d in environment if isinstance(d, dict))
    extras = ",".join(EXTRAS)
    assert pip == ["-c constraints.txt", f"torch=={PINNED['torch']}", f"-e .[{extras}]"]


def test_the_makefile_installs_from_them() -> None:
    text = (ROOT / "Makefile").read_text()
    assert re.findall(r"torch==(\S+)", text) == [PINNED["torch"]]
    assert text.count("pip install") == text.count("-c constraints.txt") == 1
    assert text.count("$(PIP) ") == 2
    assert f".[{','.join(EXTRAS)}]" in text


def test_the_packages_that_were_asked_for_are_there() -> None:
    names = {requirement.name for requirement in REQUIRED}
    wanted = "torch foolbox pyautoattack pandas matplotlib seaborn jupyterlab pytest"
    assert set(wanted.split()) <= names

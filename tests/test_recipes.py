"""Every recipe runs as it stands."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.attacks import ATTACKS
from workbench.data import load_data
from workbench.defenses import DEFENSES
from workbench.errors import InputError
from workbench.information.bounds import BOUNDS

TEXT = (Path(__file__).resolve().parents[1] / "notebooks" / "RECIPES.md").read_text()
SECTIONS = {part.partition("\n")[0]: part for part in TEXT.split("\n## ")[1:]}
RECIPES = {
    title: "".join(re.findall(r"```python\n(.*?)```", part, re.S))
    for title, part in SECTIONS.items()
    if "```python" in part
}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a recipe adds to a table is gone after it."""
    tables = [(table, set(table)) for table in (ATTACKS, DEFENSES, BOUNDS)]
    yield
    for table, names in tables:
        for name in set(table) - names:
            del table[name]


def test_there_are_recipes() -> None:
    assert len(RECIPES) == 6


@pytest.mark.parametrize("title", RECIPES)
@pytest.mark.usefixtures("shallow")
def test_a_recipe_runs(title, tmp_path, monkeypatch, capsys) -> None:
    if "fashion-mnist" in RECIPES[title]:
        try:
            load_data("fashion-mnist", "test")
        except InputError as error:
            pytest.skip(f"no Fashion-MNIST: {error}")
    monkeypatch.chdir(tmp_path)
    exec(compile(RECIPES[title], title, "exec"), {"__name__": "recipe"})
    assert capsys.readouterr().out

"""Imports point one way: a module imports only what stands above it in this list."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ORDER = [
    "verbs",
    "errors",
    "files",
    "progress",
    "provenance",
    "specs",
    "named",
    "seeds",
    "threat",
    "devices",
    "data",
    "models",
    "certificates",
    "attacks",
    "information",
    "defenses",
    "evaluation",
    "statistics",
    "published",
    "tables",
    "figures",
    "profiles",
    "screen",
    "options",
    "catalogue",
    "trainings",
    "analysis",
    "planning",
    "audit",
    "inputs",
    "explore",
    "api",
    "cli",
    "__main__",
]
WITHOUT_TORCH = [
    "catalogue.py",
    "specs.py",
    "statistics.py",
    "published/*.py",
    "tables/*.py",
    "figures/*.py",
    "evaluation/store.py",
    "evaluation/records.py",
]
FILES = sorted((ROOT / "workbench").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part(path: Path) -> str:
    """The layer of a file: the first name below workbench/."""
    return path.relative_to(ROOT / "workbench").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    layer = part(path)
    if layer == "__init__":
        return
    for name in imported(path):
        if not name.startswith("workbench."):
            continue
        target = name.split(".")[1]
        assert target in ORDER, f"{path} imports {name}, which is in no layer"
        assert ORDER.index(target) <= ORDER.index(layer), f"{path} imports {name} from below"


def test_every_layer_exists() -> None:
    assert {part(path) for path in FILES} - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_package_does_not_import_analyses(path: Path) -> None:
    assert not any(name.split(".")[0] == "analyses" for name in imported(path))


@pytest.mark.parametrize("files", WITHOUT_TORCH)
def test_results_are_read_without_torch(files: str) -> None:
    paths = [*(ROOT / "workbench").glob(files)]
    assert paths
    for path in paths:
        assert not any(name.split(".")[0] == "torch" for name in imported(path)), path


def test_analyses_do_not_import_each_other() -> None:
    for path in (ROOT / "analyses").glob("*.py"):
        assert not any(name.split(".")[0] == "analyses" for name in imported(path))

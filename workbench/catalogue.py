"""What figures and tables there are, and which lie on the disk.

Analyses are not imported for it, which takes seconds: their files say it. The first line of an
analysis says what it shows, and in parentheses what that is in the paper; the first paragraph of
its `runs` says what of a profile it needs.
"""

import ast
import json
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

KINDS = ("png", "pdf", "csv", "md", "tex", "json")  # of files that an analysis writes
TITLE = re.compile(r"(?P<shows>.*?)(?: \((?P<paper>[^()]*)\))?\.?")
DAMAGED, MISSING, HERE = "damaged", "no", "yes"


@dataclass(frozen=True)
class Entry:
    """An analysis: its name, what it shows, what that is in the paper, what it needs."""

    name: str
    shows: str
    paper: str
    needs: str


def package() -> ModuleType:
    """The package of analyses, to which those of the folder `analyses` here belong, too."""
    found = import_module("analyses")
    own = Path.cwd() / "analyses"
    if own.is_dir() and str(own) not in found.__path__:
        found.__path__.append(str(own))
    return found


def entries() -> list[Entry]:
    """Every analysis there is, by name: of the package, and of the current folder."""
    folders = map(Path, reversed(package().__path__))
    files = {path.stem: path for folder in folders for path in folder.glob("*.py")}
    return [_entry(files[name]) for name in sorted(files) if name != "__init__"]


def _entry(path: Path) -> Entry:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    runs = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "runs"]
    needs = ast.get_docstring(runs[0]) if runs else None
    title = TITLE.fullmatch((ast.get_docstring(tree) or "").partition("\n")[0])
    shows, paper = title.groups(default="") if title else ("", "")
    paragraph = " ".join((needs or "").partition("\n\n")[0].split())
    return Entry(path.stem, shows, paper.removesuffix(" of the paper"), paragraph.rstrip("."))


def on_disk(name: str, profile: str, folder: Path) -> str:
    """Whether the files of an analysis are in a folder: "yes", "no", "of PROFILE" or "damaged".

    profile: the one that they must be made of, as it was named when they were made.
    """
    facts = folder / f"{name}.json"
    if not all((folder / f"{name}.{kind}").is_file() for kind in KINDS):
        return MISSING
    try:
        found = json.loads(facts.read_text(encoding="utf-8"))["profile"]
    except (ValueError, KeyError, TypeError):
        return DAMAGED
    return HERE if found == profile else f"of {found}"

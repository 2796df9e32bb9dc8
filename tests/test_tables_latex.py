"""Tables in LaTeX compile: those of analyses, and every special character."""

import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import drawable
import pandas as pd
import pytest

from workbench import tables

ENGINES = ("pdflatex", "lualatex", "xelatex")
DOCUMENT = r"\documentclass{article}\usepackage{booktabs}\begin{document}%s\end{document}"
SPECIAL = "± λ ε α % _ ∞ ₂ & # $ { } ~ ^ \\ < > | − – … × → ≤ ≥ ‖ ρ Î(x̃; h(x̂)) é ż"


def tex(name: str) -> str:
    """The tables of an analysis, as it writes them."""
    module = import_module(f"analyses.{name}")
    parts = module.layout(module.table(drawable.FRAMES[name]()))
    title = module.__doc__.splitlines()[0]
    return "\n".join(tables.latex(part, f"{title}, {head}") for head, part in parts.items())


def compiled(content: str, folder: Path) -> str:
    """What an engine says of a document with these tables, or a skip where none is here."""
    engine = next(filter(shutil.which, ENGINES), None)
    if engine is None:
        pytest.skip(f"none of {', '.join(ENGINES)} is installed")
    if not subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True).stdout:
        pytest.skip("the LaTeX package booktabs is not installed")
    (folder / "tables.tex").write_text(DOCUMENT % content, encoding="utf-8")
    done = subprocess.run(
        [engine, "-interaction=nonstopmode", "-halt-on-error", "tables.tex"],
        cwd=folder,
        capture_output=True,
    )
    said = done.stdout.decode(errors="replace")
    assert done.returncode == 0, said[-2000:]
    return said


def test_tables_of_analyses_compile(tmp_path) -> None:
    names = ("assumption", "calibration", "evasion", "standard_mi")
    said = compiled("\n".join(map(tex, names)), tmp_path)
    assert "Missing character" not in said


def test_every_special_character_compiles_in_cells_heads_and_captions(tmp_path) -> None:
    nothing = tables.latex(pd.DataFrame(), "an empty table, 5 %")
    table = pd.DataFrame({f"head {SPECIAL}": [f"first {SPECIAL}", "[-1.0, 2.0]"], "n": [1, 2]})
    said = compiled(nothing + tables.latex(table, f"caption {SPECIAL}"), tmp_path)
    assert "Missing character" not in said


def test_a_minus_is_one_and_a_hyphen_stays() -> None:
    text = tables.latex(pd.DataFrame({"pgd-40": ["-0.5 [-1.0, 2.0]"]}), "5 % of x̃")
    assert "pgd-40" in text
    assert "$-$0.5 [$-$1.0, 2.0]" in text
    assert r"\caption{5 \% of $\tilde{x}$}" in text

"""A table in LaTeX, for any engine: signs that a font of text may lack become mathematics."""

import re
from typing import Any

import pandas as pd

LETTERS = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "λ": "lambda"}
LETTERS |= {"μ": "mu", "ν": "nu", "ρ": "rho", "σ": "sigma", "ψ": "psi", "Γ": "Gamma", "Δ": "Delta"}
LETTERS |= {"±": "pm", "×": "times", "·": "cdot", "→": "to", "∞": "infty", "≤": "leq", "≥": "geq"}
LETTERS |= {"≈": "approx", "∈": "in", "‖": "|", "∑": "sum"}
SIGNS = {sign: f"$\\{name}$" for sign, name in LETTERS.items()}
SIGNS |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
SIGNS |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SIGNS |= {"−": "$-$", "<": "$<$", ">": "$>$", "|": "$|$", "²": "$^2$", "³": "$^3$"}
SIGNS |= {"–": "--", "…": r"\ldots{}", "Î": r"$\hat{I}$", "\N{NO-BREAK SPACE}": "~"}
SIGNS |= {sign: f"$_{digit}$" for digit, sign in enumerate("₀₁₂₃₄₅₆₇₈₉")}
ACCENTED = {"\N{COMBINING TILDE}": "tilde", "\N{COMBINING CIRCUMFLEX ACCENT}": "hat"}
TOKEN = re.compile(r"(?P<letter>\w)(?P<accent>[\u0302\u0303])|(?<!\w)(?P<minus>-)(?=\d)|.", re.S)


def latex(table: pd.DataFrame, caption: str) -> str:
    """A floating table with rules of the package booktabs, for any LaTeX.

    Special characters are escaped, and a minus sign before a number is one. A table without columns
    is a remark, since LaTeX has none.
    """
    if table.columns.empty:
        return f"% nothing for: {caption}\n"
    text = (
        table.style.hide(axis="index")
        .format(_cell)
        .format_index(_cell, axis="columns")
        .to_latex(hrules=True, caption=escaped(caption), position="t", position_float="centering")
    )
    return str(text)


def escaped(text: str) -> str:
    r"""Text as LaTeX prints it.

    >>> escaped("5 % of x̃, ε = -1")
    '5 \\% of $\\tilde{x}$, $\\varepsilon$ = $-$1'
    """
    return TOKEN.sub(_sign, text)


def _sign(found: re.Match[str]) -> str:
    if found["accent"]:
        return f"$\\{ACCENTED[found['accent']]}{{{found['letter']}}}$"
    return "$-$" if found["minus"] else SIGNS.get(found[0], found[0])


def _cell(value: Any) -> str:
    """A cell; braces around a first bracket, which would be an argument of the line before it."""
    text = escaped(str(value))
    return f"{{[}}{text[1:]}" if text.startswith("[") else text

"""Natural and adversarial MI over ε (beyond the paper).

The profile's attack at parts and multiples of its ε, with critics fitted anew to samples of each.
AUROC of telling adversarial from natural outputs by natural MI, Î_N(x; h(x)) against Î_N(x; h(x̃)),
and by adversarial MI, Î_A(n; h(x̃)) against Î_A(n; h(x)): 0.5 is none, above it lies the paper's
observation. Beside it, the share of adversarial samples that are misclassified. One model of each
defense, the first critic seed; 95 % intervals over samples.
"""

import sys
from fractions import Fraction

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import InformationRun
from workbench.tables.fits import one_of_each

PARTS = (Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2))  # of the profile's ε


def runs(profile: Profile) -> list[InformationRun]:
    """One model of each defense under the attack of information, with each ε."""
    wanted = profile.information
    levels = [wanted.eps if part == 1 else str(part * Fraction(wanted.eps)) for part in PARTS]
    return [
        profile.estimation(model, wanted.critic_seeds[0], eps=eps)
        for model in one_of_each(wanted.norm, profile.models)
        for eps in levels
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per model, quantity and ε: epsilon, and the columns of tables.observation."""
    return tables.course(frame.assign(model=frame["name"]), "epsilon")


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A line per defense and ε for each quantity."""
    return tables.course_texts(table, "epsilon", "ε")


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A panel per quantity with a line per defense, and one of misclassified samples."""
    del frame
    return figures.course_panels(table, "epsilon", "ε")


def finding(table: pd.DataFrame) -> str:
    """How AUROC of both quantities goes from the smallest to the largest ε."""
    return tables.course_sentence(table, "epsilon", "ε")


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

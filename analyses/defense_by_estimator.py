"""NAMID with critics by MIM against NAMID with critics by contrast (Figure 7 of the paper).

"namid" is trained with critics that maximise MI (Eq. 4), "namid-contrast" with critics of this
project's bounded form of the paper's own objective (Eq. 5 and 6); standard AT tells what either
adds. Attacks are those of the figure. Accuracies are per cent: mean ± standard deviation over seeds
of training, with the 95 % interval over samples; differences from "namid" are of the same seeds on
the same samples. Threat models for which a profile has no such models are left out. None of the
figure's numbers is published.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, published, tables
from workbench.errors import InputError
from workbench.profiles import Battery, Profile
from workbench.specs import EvaluationRun

MIM = "namid"
DEFENSES = (MIM, "namid-contrast", "standard-at")
ATTACKS = ("PGD-40", "AA", "TI-DIM")  # the paper's names


def runs(profile: Profile) -> list[EvaluationRun]:
    """Models and variants namid, namid-contrast and standard-at, under those of the threats that
    have PGD-40, AutoAttack or TI-DIM.

    Raises InputError where there is none.
    """
    threats = [battery for battery in profile.threats if _drawn(battery)]
    if not threats:
        raise InputError(
            f"the profile has none of the attacks {', '.join(ATTACKS)}; name one among its threats,"
            " or take the analysis defense_by_estimator off it"
        )
    models = (*profile.models, *profile.variants)
    return [
        profile.evaluation(model, battery, _drawn(battery))
        for battery in tables.threats_with(DEFENSES, threats, models)
        for model in tables.of_defenses(DEFENSES, battery.norm, models)
    ]


def _drawn(battery: Battery) -> tuple[str, ...]:
    """The attacks of a battery that the figure has."""
    names = published.counterparts(battery.attacks)
    return tuple(ours for ours, theirs in names.items() if theirs in ATTACKS)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per threat model, model and attack, with norm and eps.

    Columns as in tables.accuracies, tables.by_defense and tables.differences from "namid".
    """
    named = frame.assign(model=frame["name"])
    return tables.by_threat(named, lambda rows: tables.compared(rows, MIM))


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Per threat model: accuracies, gains over standard AT, and differences from "namid"."""
    texts = tables.accuracy_texts(table) | tables.gain_texts(table)
    return texts | tables.difference_texts(table, MIM)


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Per threat model: accuracy under each attack, and the difference from "namid"."""
    del frame
    return figures.difference_panels(table, MIM)


def finding(table: pd.DataFrame) -> str:
    """Which estimator's critics make NAMID more robust in the worst case."""
    return tables.difference_sentence(table, MIM)


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

"""What each part of NAMID adds: accuracy without it (Figure 5 of the paper).

NAMID as it is, without what adversarial MI adds to its loss, without what natural MI adds, with
λ = 0, and standard AT, which is NAMID without all of it (where a net has batch norm, NAMID's sees
natural samples in training, too). Accuracies are per cent: mean ± standard deviation over seeds of
training, with the 95 % interval over samples. Differences from NAMID are of the same seeds on the
same samples: above 0, the part does harm. Threat models for which a profile has no such models are
left out. None of the figure's numbers is published.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import EvaluationRun

NAMID = "namid"
DEFENSES = (NAMID, "namid-no-adversarial", "namid-no-natural", "namid-lambda-0", "standard-at")


def runs(profile: Profile) -> list[EvaluationRun]:
    """Models and variants namid, namid-no-adversarial, namid-no-natural, namid-lambda-0 and
    standard-at, under each of the threats for which there are all.

    Raises InputError where there is none.
    """
    models = (*profile.models, *profile.variants)
    return [
        profile.evaluation(model, battery, battery.attacks)
        for battery in tables.threats_with(DEFENSES, profile.threats, models)
        for model in tables.of_defenses(DEFENSES, battery.norm, models)
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per threat model, model and attack, with norm and eps.

    Columns as in tables.accuracies, tables.by_defense and tables.differences from NAMID.
    """
    named = frame.assign(model=frame["name"])
    return tables.by_threat(named, lambda rows: tables.compared(rows, NAMID))


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Per threat model: accuracies, gains over standard AT, and differences from NAMID."""
    texts = tables.accuracy_texts(table) | tables.gain_texts(table)
    return texts | tables.difference_texts(table, NAMID)


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Per threat model: accuracy under each attack, and the difference from NAMID."""
    del frame
    return figures.difference_panels(table, NAMID)


def finding(table: pd.DataFrame) -> str:
    """What leaving out each part changes in the worst case."""
    return tables.difference_sentence(table, NAMID)


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

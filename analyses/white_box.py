"""White-box accuracy under each attack (Tables 1, 3 and 4 of the paper).

Accuracies are per cent: mean ± standard deviation over seeds of training, with the 95 % interval
over samples, which is exact where there is one seed. "none" is the clean accuracy; "worst case"
counts a sample as robust when it withstands every attack of its threat model. "proved" is the share
of samples that a sound bound certifies, so that proved ≤ true robust accuracy ≤ worst case. Gains
over standard AT are of the same seeds on the same samples: their intervals and p-values hold for
these models on further samples, and ± tells what training anew may change. The published numbers
are of larger nets on other data; what may carry over is the gain. Our FWA-40, CW and DDN are cut to
the ball; the paper's are not.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, published, tables
from workbench.profiles import Profile
from workbench.specs import EvaluationRun


def runs(profile: Profile) -> list[EvaluationRun]:
    """Every model under the attacks of those threats that it was trained for."""
    return [
        profile.evaluation(model, battery, battery.attacks)
        for battery in profile.threats
        for model in tables.trained_under(battery.norm, profile.models)
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per threat model, model and attack, with norm and eps.

    Columns as in tables.bracketed (of the model), tables.by_defense and tables.beside.
    """
    found = tables.by_threat(frame.assign(model=frame["name"]), _count)
    return tables.beside(found, published.WHITE_BOX)


def _count(rows: pd.DataFrame) -> pd.DataFrame:
    """The numbers of one threat model."""
    return tables.bracketed(rows).merge(tables.by_defense(rows), on=["model", "attack"])


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Per threat model: accuracies, gains over standard AT, and the published numbers beside."""
    gains, pairs = tables.gain_texts(table), tables.pair_texts(tables.pairs(table))
    return tables.accuracy_texts(table) | gains | pairs


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A panel per threat model: accuracy with its interval under each attack, and the gains."""
    del frame
    return figures.accuracy_panels(table)


def finding(table: pd.DataFrame) -> str:
    """The headline: worst-case accuracy of each defense under each threat model."""
    worst = table[table["attack"] == tables.WORST_CASE]
    proved = worst.groupby(["norm", "eps", "defense"])["certified"].mean()
    parts = []
    for row in worst.drop_duplicates(["norm", "eps", "defense"]).itertuples():
        share = proved[(row.norm, row.eps, row.defense)]
        text = tables.percent(row.mean, row.mean_low, row.mean_high, row.std)
        more = f", {100 * share:.1f} % proved" if share else ""
        parts.append(f"{row.defense} {text} % ({row.norm} {row.eps}{more})")
    robust = "Robust accuracy, worst case over attacks: " + "; ".join(parts) + "."
    return " ".join(filter(None, [robust, tables.standing(table)]))


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

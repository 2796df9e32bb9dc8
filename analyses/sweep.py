"""NAMID over α, λ and other settings, against standard AT (beyond the paper).

Does NAMID make a net more robust than adversarial training, and at what α? Every NAMID is compared
with two standard ATs of the same seeds on the same samples: one of as many epochs (gains), and one
that trains as long as NAMID takes, which has more of them (differences). Accuracies are per cent:
mean ± standard deviation over seeds of training, with the 95 % interval over samples; p-values are
corrected for the number of models. "As long" counts steps of training: a NAMID also needs the AT
whose outputs its critics are fitted to, and those fits. The best is picked by the accuracy that is
told of it, so its gain and interval flatter it. A model of the grid is named namid-aALPHA-lLAMBDA;
other names that begin with namid are other settings.
"""

import re
import sys
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench import analysis, figures, published, tables
from workbench.errors import InputError
from workbench.profiles import Profile
from workbench.specs import EvaluationRun

LONGER = "standard-at-longer"
NAMID = "namid"
LINES = {published.BASELINE: "-", LONGER: "--"}
LABEL = "gain over standard AT,\nworst case (points)"
SHOWN = {"mean": "mean_gain", "std": "std_gain", "low": "gain_low", "high": "gain_high"}
FAR = 10  # points below standard AT: told in words, so that the scale shows what is near it
FOOT = 0.12  # of the scale, for those words
GAIN = ("mean_gain", "std_gain", "gain_low", "gain_high", "holm_p")
DIFFERENCE = (
    *("difference", "difference_std", "difference_low", "difference_high"),
    "difference_holm",
)
GRID = re.compile(r"namid-a([\d.]+)-l([\d.]+)")


def runs(profile: Profile) -> list[EvaluationRun]:
    """Models and variants standard-at, standard-at-longer, namid-aALPHA-lLAMBDA and other NAMIDs,
    under each of the threats.

    Raises InputError where one of the ATs or every NAMID is missing.
    """
    models = (*profile.models, *profile.variants)
    names = dict.fromkeys(tables.named(model.title)[0] for model in models)
    grid = sorted(filter(_place, names), key=_place)
    others = [name for name in names if name.startswith(NAMID) and name not in grid]
    if not (grid or others):
        raise InputError(
            "the profile has no model named namid-aALPHA-lLAMBDA, such as namid-a0.2-l0.1@0, or "
            "namid-SETTING; name some among its trainings, or take the analysis sweep off it"
        )
    wanted = (*LINES, *grid, *others)
    return [
        profile.evaluation(model, battery, battery.attacks)
        for battery in profile.threats
        for model in tables.of_defenses(wanted, battery.norm, models)
    ]


def _place(defense: str) -> tuple[float, ...]:
    """λ and α of a model of the grid; nothing for others."""
    found = GRID.fullmatch(defense)
    return tuple(map(float, found.groups()[::-1])) if found else ()


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per threat model, model and attack, with norm and eps, and alpha and lam.

    Columns as in tables.accuracies, tables.by_defense and tables.differences from the longer AT.
    """
    named = frame.assign(model=frame["name"])
    found = tables.by_threat(named, lambda rows: tables.compared(rows, LONGER))
    places = found["defense"].map(lambda name: _place(name) or (float("nan"),) * 2)
    return found.assign(alpha=places.str[1], lam=places.str[0])


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Per threat model: accuracies, gains over standard AT, differences from the longer one."""
    texts = tables.accuracy_texts(table) | tables.gain_texts(table)
    return texts | tables.difference_texts(table, LONGER)


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Per threat model: worst-case gain over standard AT over α, a mark per λ, and of the other
    settings; a line for each standard AT.

    Models that are FAR below standard AT are told by each seed's accuracy at the foot.
    """
    del frame
    worst = _with_each_seed(table[table["attack"] == tables.WORST_CASE])
    threats = list(worst.groupby(["norm", "eps"], sort=False))
    parts = {_grid: worst["alpha"].notna(), _other_settings: _others(worst)}
    drawers = [drawer for drawer, lines in parts.items() if lines.any()]
    drawn, axes = figures.panels(len(threats), len(drawers), each=2.4, more=0.2, sharey="row")
    for row, ((norm, eps), part) in zip(axes, threats, strict=True):
        for axis, drawer in zip(row, drawers, strict=True):
            _baselines(axis, part)
            drawer(axis, part)
        row[0].set_title(f"{norm}, ε = {eps}, {part['samples'].iloc[0]} samples")
        row[0].set_ylabel(LABEL)
        if any(axis.texts for axis in row):
            low, high = row[0].get_ylim()
            row[0].set_ylim(low - FOOT * (high - low), high)
    title = f"{figures.BARS} seeds"
    figures.legend(drawn, *axes.flat[0].get_legend_handles_labels(), most=3, title=title)
    return drawn


def _with_each_seed(worst: pd.DataFrame) -> pd.DataFrame:
    """A line per defense, with its gain in points as mean, std, low and high, and with each: the
    accuracies of its models as text."""
    of = ["norm", "eps", "defense"]
    each = worst.groupby(of)["accuracy"].agg(_as_text)
    once = worst.drop_duplicates(of).drop(columns=["mean", "std", "low", "high"])
    columns = {name: 100 * once[gain] for name, gain in SHOWN.items()}
    return once.assign(**columns).merge(each.rename("each"), on=of)


def _as_text(accuracies: pd.Series) -> str:
    return ", ".join(f"{100 * accuracy:.0f}" for accuracy in accuracies)


def _others(worst: pd.DataFrame) -> pd.Series:
    """Which lines are NAMIDs outside the grid."""
    return worst["alpha"].isna() & ~worst["defense"].isin(LINES)


def _grid(axes: Axes, worst: pd.DataFrame) -> None:
    """One threat model over α and λ."""
    grid = worst.dropna(subset="alpha").sort_values(["lam", "alpha"])
    alphas, lams = grid["alpha"].map("{:g}".format), grid["lam"].map("λ = {:g}".format)
    _dots(axes, grid.assign(place=alphas, series=lams))
    axes.set_xlabel("α")


def _other_settings(axes: Axes, worst: pd.DataFrame) -> None:
    """One threat model's NAMIDs outside the grid."""
    others = worst[_others(worst)]
    names = others["defense"].str.removeprefix("namid-")
    _dots(axes, others.assign(place=names, series=""))
    figures.tilt(axes)
    axes.set_title("other settings")


def _dots(axes: Axes, models: pd.DataFrame) -> None:
    """A mark per model: columns place and series say where; the fallen in words."""
    fallen = models["mean"] < -FAR
    shown = models.assign(mean=models["mean"].mask(fallen))
    figures.level_dots(axes, shown, "place", "series")
    where: dict[str, Any] = {
        "transform": axes.get_xaxis_transform(),
        "ha": "center",
        "va": "bottom",
    }
    places = list(models["place"].unique())
    for place, rows in models[fallen].groupby("place"):
        told = [f"{name} ↓ {each} %".strip() for name, each in rows[["series", "each"]].values]
        axes.text(places.index(place), 0.02, "\n".join(told), **where)


def _baselines(axes: Axes, worst: pd.DataFrame) -> None:
    """A line for each standard AT, which a NAMID is to be above of."""
    gains = worst.set_index("defense")["mean"]
    for name, line in LINES.items():
        gain = 0 if name == published.BASELINE else gains[name]
        axes.axhline(gain, color=figures.grey(0.4), linestyle=line, label=name, zorder=0)


def finding(table: pd.DataFrame) -> str:
    """The best NAMID beside both standard ATs, per threat model."""
    worst = table[(table["attack"] == tables.WORST_CASE) & table["defense"].str.startswith(NAMID)]
    best = worst.sort_values("mean").drop_duplicates(["norm", "eps"], keep="last")
    return " ".join(
        f"Under {row.norm} {row.eps}, worst case, the best NAMID of "
        f"{worst['defense'].nunique()} settings is {row.defense}: "
        f"{_text(row, *GAIN)} over {published.BASELINE}, {_text(row, *DIFFERENCE)} over {LONGER}; "
        "picked by this accuracy, for which the interval is not corrected."
        for row in best.itertuples()
    )


def _text(row: Any, mean: str, std: str, low: str, high: str, p: str) -> str:
    interval = tables.ends(getattr(row, low), getattr(row, high))
    points = tables.points(getattr(row, mean), getattr(row, std))
    return f"{points} points {interval} (p {tables.p_text(getattr(row, p))})"


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

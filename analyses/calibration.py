"""Estimated against known mutual information, per distribution and bound (beyond the paper).

Critics are fitted to pairs whose MI is known exactly, after the tasks of the "Beyond Normal"
benchmark (Czyż et al., NeurIPS 2023), with every bound, anew for each critic seed; the estimate is
the mean pointwise MI of fresh pairs. smile trains jensen-shannon's critic, so both estimates are
one, and only the bounds themselves differ. The null is the score of shuffled pairs: it must lie
below 0. What diverged has no number. Mean ± standard deviation over seeds, nats.
"""

import sys
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.information import (
    BOUNDS,
    AdditiveUniform,
    Calibration,
    CorrelatedGaussians,
    Fit,
    Known,
    Padded,
    Spiral,
    Student,
    UniformMargins,
    balls,
    cross,
    inliers,
)
from workbench.information.calibration import DIVERGED
from workbench.profiles import Profile
from workbench.specs import ExperimentRun

DISTRIBUTIONS: tuple[Known, ...] = (
    CorrelatedGaussians(5, 2.0),
    CorrelatedGaussians(20, 5.0),
    Padded(CorrelatedGaussians(2, 1.0), 3),
    Student(CorrelatedGaussians(2, 1.0), 3),
    UniformMargins(CorrelatedGaussians(2, 1.0)),
    Spiral(CorrelatedGaussians(3, 1.0), 1 / 3),
    AdditiveUniform(0.1),
    cross(),
    inliers(CorrelatedGaussians(3, 1.5)),
    Spiral(balls(), 0.5),
)
UNITS, STEPS, BATCH, LR = 64, 250, 256, 1e-2  # of each fit: about a second


def runs(profile: Profile) -> list[ExperimentRun]:
    """Every distribution with every bound and critic seed of information; no model, no data."""
    calibrations = [
        Calibration(known, Fit(bound=bound, units=UNITS, steps=STEPS, batch=BATCH, lr=LR))
        for known in DISTRIBUTIONS
        for bound in BOUNDS
    ]
    return [
        ExperimentRun(one, f"{one.known.name}, {one.fit.bound}", one.scored, seed)
        for one in calibrations
        for seed in profile.information.critic_seeds
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per distribution and bound: means and standard deviations over seeds.

    Columns: distribution, bound, seeds; diverged and doubtful, numbers of seeds; true_mi; and of
    the seeds that did not diverge (NaN where all did): estimate, estimate_std, difference,
    distance (mean of each seed's own), correlation, correlation_std, rmse, null, null_std,
    held_out, held_out_std.
    """
    groups = frame.assign(
        diverged=frame["status"] == DIVERGED,
        doubtful=frame["doubt"] != "",
        difference=frame["estimate"] - frame["true_mi"],
        distance=(frame["estimate"] - frame["true_mi"]).abs(),
    ).groupby(["distribution", "bound"], sort=False)
    return groups.agg(
        seeds=("seed", "size"),
        diverged=("diverged", "sum"),
        doubtful=("doubtful", "sum"),
        true_mi=("true_mi", "first"),
        estimate=("estimate", "mean"),
        estimate_std=("estimate", "std"),
        difference=("difference", "mean"),
        distance=("distance", "mean"),
        correlation=("correlation", "mean"),
        correlation_std=("correlation", "std"),
        rmse=("rmse", "mean"),
        null=("null", "mean"),
        null_std=("null", "std"),
        held_out=("held_out", "mean"),
        held_out_std=("held_out", "std"),
    ).reset_index()


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A table per quantity: a line per distribution, a column per bound."""
    texts: dict[str, Callable[[Any], str]] = {
        "mean pointwise MI (difference from known MI)": lambda row: (
            f"{tables.spread(row.estimate, row.estimate_std, 2)} ({row.difference:+.2f})"
        ),
        "correlation with exact pointwise MI (RMSE)": lambda row: (
            f"{tables.spread(row.correlation, row.correlation_std, 3)} ({row.rmse:.2f})"
        ),
        "null: scores of shuffled pairs": lambda row: tables.spread(row.null, row.null_std, 2),
        "the bound itself on held-out pairs (jensen-shannon: a divergence, no MI)": lambda row: (
            tables.spread(row.held_out, row.held_out_std, 2)
        ),
    }
    return {heading: _by_bound(table, text) for heading, text in texts.items()}


def _by_bound(table: pd.DataFrame, text: Callable[[Any], str]) -> pd.DataFrame:
    lines: dict[str, dict[str, str]] = {}
    for row in table.itertuples():
        line = {"distribution": row.distribution, "known MI": f"{row.true_mi:.2f}"}
        lines.setdefault(row.distribution, line)[row.bound] = _marked(row, text)
    return pd.DataFrame(lines.values())


def _marked(row: Any, text: Callable[[Any], str]) -> str:
    """A cell that says how many of its seeds diverged or are not believable."""
    if row.diverged == row.seeds:
        return "diverged"
    counts = {"diverged": row.diverged, "doubtful": row.doubtful}
    marks = [f"{count} of {row.seeds} {what}" for what, count in counts.items() if count]
    return ", ".join([text(row), *marks])


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A row per distribution, a marker per bound: estimates with known MI, and correlations."""
    del frame
    names = list(table["distribution"].unique())
    drawn, axes = figures.panels(1, 2, each=0.42 * len(names), more=0.5, least=2.5, sharey=True)
    left, right = axes[0]
    _dots(left, table, "estimate")
    true = table.drop_duplicates("distribution")["true_mi"]
    left.errorbar(
        true,
        range(len(names)),
        0.42,
        fmt="none",
        capsize=0,
        ecolor=mpl.rcParams["text.color"],
        label="known MI",
    )
    _dots(right, table, "correlation")
    lowest = (table["estimate"] - table["estimate_std"].fillna(0)).min()
    left.set(xlabel=_fitted("mean pointwise MI (nats)"), xlim=(min(0, lowest), None))
    right.set(xlabel=_fitted("correlation with exact pointwise MI"), xlim=(None, 1.02))
    left.set_yticks(range(len(names)), list(map(_fitted, names)))
    left.set_ylim(len(names) - 0.5, -0.5)
    handles, labels = left.get_legend_handles_labels()
    title = "bar: ± standard deviation over seeds"
    figures.legend(drawn, handles, labels, most=len(labels), title=title)
    return drawn


def _fitted(label: str) -> str:
    """A label in lines as long as a third of the figure; no equation is parted."""
    return figures.wrapped(
        label.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"), 0.37 * figures.width()
    )


def _dots(axes: Axes, table: pd.DataFrame, column: str) -> None:
    """Means with standard deviations over seeds; what diverged in every seed is named so."""
    bounds = list(table["bound"].unique())
    offsets = np.linspace(-0.3, 0.3, len(bounds)) if len(bounds) > 1 else np.zeros(1)
    names = list(table["distribution"].unique())
    for i, (bound, offset) in enumerate(zip(bounds, offsets, strict=True)):
        marker, colour = figures.look(i)
        part = table[table["bound"] == bound]
        heights = [names.index(name) + offset for name in part["distribution"]]
        look: dict[str, Any] = {"fmt": marker, "color": colour, "elinewidth": 0.8 * figures.scale()}
        look |= {"markersize": 3 * figures.scale()}
        spread = part[f"{column}_std"].fillna(0)
        axes.errorbar(part[column], heights, xerr=spread, label=bound, **look)
    lost = table[table["diverged"] == table["seeds"]].groupby("distribution")["bound"]
    for name, gone in lost:
        axes.annotate(
            f"{', '.join(gone)} diverged",
            (0.01, names.index(name) + 0.47),
            xycoords=axes.get_yaxis_transform(),
            size=mpl.rcParams["xtick.labelsize"],
            va="bottom",
        )
    for height in range(1, len(names)):
        figures.guide(axes, y=height - 0.5, light=0.85)


def finding(table: pd.DataFrame) -> str:
    """Which bound is closest to known MI on average, and what diverged or is doubtful.

    A bound without an estimate for some distribution has no average, so it is not ranked.
    """
    wide = table.pivot(index="distribution", columns="bound", values="distance")
    distances = wide.mean(skipna=False).dropna().sort_values()
    ranked = ", ".join(f"{bound} {value:.3f}" for bound, value in distances.items())
    closest = distances.index[0] if ranked else "none"
    fits, diverged, doubtful = table[["seeds", "diverged", "doubtful"]].sum()
    return (
        f"Closest to known MI is {closest}: the mean distance over {len(wide)} distributions is, "
        f"in nats, {ranked or 'unknown'}; of {fits} fits {diverged} diverged and {doubtful} are "
        "doubtful."
    )


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

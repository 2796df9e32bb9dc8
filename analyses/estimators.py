"""MIM against contrast: four scores per sample by either estimator (Figure 4 of the paper).

MIM maximises MI (Eq. 4), and its scores of the pairs that it was fitted to, (x, h(x)) and (n,
h(x̃)), are MI in nats; those of (x, h(x̃)) and (n, h(x)) are the same critics' log density ratios,
and no MI. "Contrast" is this project's bounded form of the paper's own estimators (Eq. 5 and 6);
its scores are no MI and have no unit, so that only AUROC, Cohen's d and the order of each sample's
two values compare the two. Contrast is trained on the very difference that is drawn: MIM alone is
independent evidence. Mean ± standard deviation over models and critics trained anew; intervals are
over samples.
"""

import sys
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import InformationRun

DEFENSES = ("natural", "standard-at")
OBJECTIVES = ("mim", "contrast")
OUTPUTS = ("natural output", "adversarial output")


def runs(profile: Profile) -> list[InformationRun]:
    """Models natural and standard-at under the attack of information, with every critic seed.

    Raises InputError where the profile lacks such models.
    """
    wanted = profile.information
    return [
        profile.estimation(model, critic_seed, objective=objective)
        for model in tables.of_defenses(DEFENSES, wanted.norm, profile.models)
        for objective in OBJECTIVES
        for critic_seed in wanted.critic_seeds
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per defense, quantity and output.

    Columns: defense, objective, quantity ("natural MI", "natural contrast score", …), output;
    those of tables.levels; above_least, the mean minus the least of the same defense and objective;
    and of tables.separation, the same for both outputs.
    """
    frame = frame.assign(defense=[tables.named(name)[0] for name in frame["name"]])
    parts = [
        tables.levels(part, ["defense", "objective"], _scores(str(objective)))
        for (_, objective), part in frame.groupby(["defense", "objective"], sort=False)
    ]
    found = pd.concat(parts, ignore_index=True)
    least = found.groupby(["defense", "objective"])["mean"].transform("min")
    found = found.assign(above_least=found["mean"] - least)
    return found.merge(tables.separation(frame), "left", on=["defense", "quantity"])


def _scores(objective: str) -> dict[str, dict[str, str]]:
    """The quantity and the output of each column that critics of an objective fill."""
    return {
        column: {"quantity": quantity, "output": output}
        for quantity, columns in tables.QUANTITIES.items()
        if quantity.endswith("MI") == (objective == "mim")
        for column, output in zip(columns[:2], OUTPUTS, strict=True)
    }


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A line per defense and quantity: levels, and how far they part the outputs."""
    lines = []
    for (defense, quantity), part in table.groupby(["defense", "quantity"], sort=False):
        natural, adversarial = (row for _, row in part.iterrows())
        lines.append(
            {
                "model": defense,
                "quantity": quantity,
                "natural outputs": tables.level_text(natural),
                "adversarial outputs": tables.level_text(adversarial),
                "nulls": f"{natural['null']:.2f}, {adversarial['null']:.2f}",
                "AUROC": _separated(natural),
                "Cohen's d": tables.spread(natural["cohens_d"], natural["cohens_d_std"], 2),
                "in order %": tables.spread(
                    100 * natural["in_order"], 100 * natural["in_order_std"], 1
                ),
                "AUROC, flipped": tables.spread(
                    natural["flipped_auroc"], natural["flipped_auroc_std"], 3
                ),
            }
        )
    first = table.iloc[0]
    return {
        f"{first['samples']} samples, MI in nats, contrast scores without unit": pd.DataFrame(lines)
    }


def _separated(line: pd.Series) -> str:
    """AUROC over the fits, with its interval."""
    interval = f" [{line['auroc_low']:.3f}, {line['auroc_high']:.3f}]"
    return _auroc(line) + ("" if np.isnan(line["auroc"]) else interval)


def _auroc(line: pd.Series) -> str:
    """AUROC over the fits."""
    text = tables.spread(line["auroc"], line["auroc_std"], 3)
    return tables.DIVERGED if np.isnan(line["auroc"]) else text


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A row per model and estimator: the four levels, and the full distributions of one fit.

    The levels are drawn above the least of the four, as the paper offsets its values so that the
    worst case is 0. The distributions are those of the first model and critic seed.
    """
    rows = list(table.groupby(["defense", "objective"], sort=False))
    drawn, axes = figures.panels(len(rows), 3, each=1.5, more=0.2)
    for (left, *right), ((defense, objective), part) in zip(axes, rows, strict=True):
        _levels(left, part)
        left.set_title(f"{defense}, {objective}")
        own = frame["name"].map(lambda name: tables.named(name)[0]) == defense
        scored = frame[own & (frame["objective"] == objective)]
        for ax, quantity in zip(right, part["quantity"].unique(), strict=True):
            _distributions(ax, scored, part[part["quantity"] == quantity])
    bars = f"{figures.BARS} models and critics"
    figures.legend(drawn, _handles(axes), OUTPUTS, most=2, title=bars)
    return drawn


def _handles(axes: np.ndarray) -> Any:
    """The outputs' marks over their lines, which only panels with values have."""
    marks = axes[0, 0].get_legend_handles_labels()[0]
    drawn = (ax.get_legend_handles_labels()[0] for ax in axes[:, 1:].flat)
    return list(zip(marks, next(filter(None, drawn), marks), strict=True))


def _levels(ax: Axes, part: pd.DataFrame) -> None:
    """The four levels of one model and estimator, above the least."""
    least = part["mean"] - part["above_least"]
    above = part.assign(**{name: part[name] - least for name in ("mean", "low", "high")})
    critics = part["quantity"].str.split().str[0] + "\ncritic"
    figures.level_dots(ax, above.assign(critic=critics), "critic", "output")
    mi = part["quantity"].iloc[0].endswith("MI")
    ax.set_ylabel(f"{'score (nats)' if mi else 'contrast'}, least at 0")


def _distributions(ax: Axes, scored: pd.DataFrame, lines: pd.DataFrame) -> None:
    """The per-sample scores of the first fit that has values."""
    quantity, line = lines["quantity"].iloc[0], lines.iloc[0]
    columns = list(tables.QUANTITIES[quantity][:2])
    there = scored.dropna(subset=columns)
    if there.empty:
        ax.set_title(f"{quantity}: {tables.DIVERGED}")
        return
    first = there[(there[tables.PAIR] == there[tables.PAIR].iloc[0]).all(axis=1)]
    unit = " (nats)" if quantity.endswith("MI") else ""
    label = figures.wrapped(quantity + unit, figures.room(ax))
    figures.distributions(ax, first[columns[0]], first[columns[1]], label)
    ax.set_title(f"AUROC {_auroc(line)}")


def finding(table: pd.DataFrame) -> str:
    """How far each estimator's scores part natural and adversarial outputs."""
    once = table.drop_duplicates(["defense", "quantity"])
    parts = [
        f"{defense}: " + ", ".join(f"{row['quantity']} {_auroc(row)}" for _, row in part.iterrows())
        for defense, part in once.groupby("defense", sort=False)
    ]
    return "AUROC, natural against adversarial outputs: " + "; ".join(parts) + "."


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

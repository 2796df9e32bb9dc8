"""Per-sample values and their means: distributions, dots, and their course."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.figures.panels import legend, panels, width
from workbench.figures.style import CYCLE, INTERVAL, bars, guide, look, scale
from workbench.tables import DIVERGED, QUANTITIES, named

LINES = ("-", "--", "-.", ":")


def distributions(axes: Axes, natural: pd.Series, adversarial: pd.Series, label: str) -> Axes:
    """Two densities over one axis: MI of natural outputs (solid) and adversarial ones (dashed).

    natural, adversarial: values in nats. label: of the horizontal axis.
    """
    low, high = np.quantile(np.concatenate([natural, adversarial]), [0.001, 0.999])
    clip = (low - 0.1 * (high - low), high + 0.1 * (high - low))
    for values, name, colour, line in (
        (natural, "natural output", CYCLE[0], "-"),
        (adversarial, "adversarial output", CYCLE[1], "--"),
    ):
        common = {"x": values, "ax": axes, "color": colour, "clip": clip, "warn_singular": False}
        sns.kdeplot(**common, fill=True, alpha=0.18, linewidth=0)
        sns.kdeplot(**common, linestyle=line, label=name)
    axes.set(xlabel=label, ylabel="density")
    return axes


def observation_panels(rows: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Densities of natural and adversarial outputs' values over samples, first critic seed.

    A row per model, a column per quantity, with its AUROC. rows: of records.INFORMATION_COLUMNS.
    table: tables.observation of them.
    """
    seed = table["critic_seed"].iloc[0]
    models = list(table["model"].unique())
    found = table[table["critic_seed"] == seed].set_index(["model", "quantity"])
    told = set(table["quantity"])
    quantities = [item for item in QUANTITIES.items() if item[0] in told]
    drawn, axes = panels(len(models), len(quantities), each=1.55, more=0.2)
    for row, model in zip(axes, models, strict=True):
        part = rows[(rows["model"] == model) & (rows["critic_seed"] == seed)]
        for ax, (quantity, (natural, adversarial, _)) in zip(row, quantities, strict=True):
            line = found.loc[(model, quantity)]
            if np.isnan(line.auroc):
                ax.set_title(f"{quantity}: {DIVERGED}")
                continue
            label = f"{quantity} (nats)" if quantity.endswith("MI") else quantity
            distributions(ax, part[natural], part[adversarial], label)
            ax.set_title(f"AUROC {line.auroc:.2f} [{line.auroc_low:.2f}, {line.auroc_high:.2f}]")
        row[0].set_ylabel(f"{model}\n({100 * line.misclassified:.0f} % misclassified)\ndensity")
    legend(drawn, *axes[0][0].get_legend_handles_labels(), most=2)
    return drawn


def epsilon_curve(table: pd.DataFrame, epsilon: float, chance: float) -> Figure:
    """Robust accuracy over ε with its 95 % interval.

    table: columns epsilon, accuracy, low, high (shares). epsilon: of the threat model, which is
    marked. chance: the share that guessing gets right.
    """
    drawn, ax = plt.subplots(figsize=(scale() * min(3.375, width()), scale() * 2.3))
    value, low, high = (100 * table[name] for name in ("accuracy", "low", "high"))
    ends = [value - low, high - value]
    ax.errorbar(table["epsilon"], value, ends, marker="o", color=CYCLE[0])
    guide(ax, x=epsilon, line="--")
    guide(ax, y=100 * chance)
    ax.text(0.02, 100 * chance + 2, "chance", transform=ax.get_yaxis_transform())
    ax.locator_params(axis="x", nbins=5)
    ax.set(xlabel="ε", ylabel="accuracy (%)", ylim=(-3, 103), xlim=(0, None))
    return drawn


def level_dots(axes: Axes, table: pd.DataFrame, across: str, series: str) -> Axes:
    """Means with their thick ± std and thin interval: a place per value of one column, a mark per
    value of another.

    table: columns mean, std, low, high in one unit; across, series: names of those two columns.
    """
    places, names = (list(table[column].unique()) for column in (across, series))
    beside = min(0.18, 0.8 / len(names)) * (np.arange(len(names)) - (len(names) - 1) / 2)
    for i, (name, offset) in enumerate(zip(names, beside, strict=True)):
        part = table[table[series] == name].set_index(across).reindex(places)
        numbers = (part[column] for column in ("mean", "std", "low", "high"))
        bars(axes, np.arange(len(places)) + offset, numbers, *look(i), name)
    axes.set_xticks(range(len(places)), places)
    axes.set_xlim(-0.5, len(places) - 0.5)
    return axes


def course_panels(table: pd.DataFrame, by: str, label: str) -> Figure:
    """Over ε or epochs, with a line per defense: AUROC of each quantity, and misclassified samples.

    table: of tables.course. by: the column of the horizontal axis, and its label.
    """
    quantities = list(table["quantity"].unique())
    drawn, axes = panels(1, len(quantities) + 1, each=1.9, more=0.2, sharex=True)
    (*parted, last) = axes[0]
    for i, (model, own) in enumerate(table.groupby("model", sort=False)):
        marker, color = look(i)
        line = {"marker": marker, "color": color, "linestyle": LINES[i % len(LINES)]}
        line["label"] = named(str(model))[0]
        for ax, quantity in zip(parted, quantities, strict=True):
            part = own[own["quantity"] == quantity]
            ends = [part["auroc"] - part["auroc_low"], part["auroc_high"] - part["auroc"]]
            ax.errorbar(part[by], part["auroc"], ends, elinewidth=0.8 * scale(), **line)
            ax.set_ylabel(f"AUROC of {quantity}")
        once = own.drop_duplicates(by)
        last.plot(once[by], once["misclassified"], **line)
    for ax in (*parted, last):
        ax.set_xlabel(label)
    for ax in parted:
        guide(ax, y=0.5)
    last.set_ylabel("share misclassified")
    legend(drawn, *last.get_legend_handles_labels(), most=4, title=INTERVAL)
    return drawn

"""When Eq. 3 holds: the three terms that it drops from Eq. 2 (beyond the paper).

I(X̃;Z) = I(X;Z) + I(N;Z) − I(X;N;Z) + H(Z|X,N) − H(Z|X̃), nats, mean over seeds. Exact on a small
model: an image has three pixels of nine levels, all enumerated; the robust model is adversarially
trained at ε 1/8. Attacks: random noise, PGD from random starts, PGD from the image, and the worst
image of the ball. "dropped" is the sum of the three terms: below 0, Eq. 3 counts something twice.

On real models, under PGD without random numbers, which takes x and its label, and where the label
follows from x, I(X̃;Z) = I(X;Z) = H(Z) for the predicted class Z, and dropped is −I(N;Z). I(N;Z) is
at least what the length of the noise, in four groups, tells of Z in the samples at hand; "chance"
is what it would seem to tell in so many if it told nothing.
"""

import sys
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench import analysis, figures
from workbench.information.assumption import EnumeratedTerms
from workbench.information.discrete import Terms, interaction_bounds
from workbench.profiles import Profile
from workbench.specs import EvaluationRun, ExperimentRun
from workbench.tables.fits import one_of_each

EXPERIMENT = EnumeratedTerms()
SMALL, PREDICTED, SAMPLED = "three pixels", "predicted class", "sampled class"
ATTACK = "pgd-40:random_start=false,stop_at_success=false"
GROUPS = 4
TERMS = [field.name for field in fields(Terms)]
BARS = (  # column, its sign in Eq. 2, label, how far from ink to paper its grey lies, hatch
    ("interaction", -1, "−I(X;N;Z)", 0.45, ""),
    ("given_parts", 1, "H(Z|X,N)", 0.9, "///"),
    ("given_whole", -1, "−H(Z|X̃)", 0.97, "..."),
)


def runs(profile: Profile) -> list[EvaluationRun | ExperimentRun]:
    """The small model with each critic seed; one model of each defense under the threat of
    information.
    """
    information = profile.information
    small = [ExperimentRun(EXPERIMENT, SMALL, 0, seed) for seed in information.critic_seeds]
    real = [
        profile.evaluation(model, information, (ATTACK,))
        for model in one_of_each(information.norm, profile.models)
    ]
    return [*small, *real]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per model, output, ε and attack: the terms of Eq. 2 in nats, NaN where unknown.

    seeds or samples: how many. dropped, with its standard deviation over seeds, lies within
    dropped_low..dropped_high, which predictions and lengths tell; share: dropped / I(X̃;Z).
    chance: see above, by Miller's formula (1955).
    """
    small = frame["output"].notna()
    bounded = [_bounded(part) for _, part in frame[~small].groupby("name", sort=False)]
    return pd.concat([_enumerated(frame[small]), pd.DataFrame(bounded)], ignore_index=True)


def _enumerated(frame: pd.DataFrame) -> pd.DataFrame:
    """The lines of the small model; rounded to 1e-12, as far as the sums are exact."""
    dropped = -frame["interaction"] + frame["given_parts"] - frame["given_whole"]
    eps = frame["radius"].astype(int).astype(str) + f"/{EXPERIMENT.levels - 1}"
    frame = frame.assign(dropped=dropped, eps=eps, data=frame["name"])
    groups = frame.groupby(["data", "model", "output", "eps", "attack"], sort=False)
    lines = (
        groups[["accuracy", *TERMS, "dropped"]]
        .mean()
        .assign(
            seeds=groups.size(),
            dropped_std=groups["dropped"].std(),
            dropped_low=-groups["interaction_high"].mean(),
            dropped_high=-groups["interaction_low"].mean(),
        )
    )
    lines["share"] = lines["dropped"] / lines["whole"]
    return (lines.round(12) + 0.0).reset_index()


def _bounded(part: pd.DataFrame) -> dict[str, Any]:
    """The line of a real model: attack and network draw nothing, so Z is a function of X."""
    p, z = np.full(len(part), 1 / len(part)), part["adversarial_prediction"]
    lengths = pd.qcut(part["l2"], GROUPS, labels=False, duplicates="drop").fillna(0)
    low, high = interaction_bounds(p, z, of_x=z, of_n=lengths)
    first = part.iloc[0]
    return {
        "data": "real",
        "model": first["name"],
        "output": PREDICTED,
        "eps": f"{first['norm']} {first['eps']}",
        "attack": ATTACK.split(":")[0],
        "samples": len(part),
        "accuracy": float((z == part["label"]).mean()),
        "whole": high,
        "natural": high,
        "given_parts": 0.0,
        "given_whole": 0.0,
        "dropped_low": -high,
        "dropped_high": -low,
        "chance": (lengths.nunique() - 1) * (z.nunique() - 1) / (2 * len(part)),
    }


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What Eq. 3 drops on the small model, a column per attack; the bounds on real models."""
    return {
        "dropped in nats (share of I(X̃;Z)), three pixels": _dropped_texts(_attacked(table)),
        "bounds on real models, nats": _bound_texts(table[table["data"] != SMALL]),
    }


def _attacked(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of the small model with noise."""
    return table[(table["data"] == SMALL) & ~table["eps"].str.startswith("0/")]


def _dropped_texts(lines: pd.DataFrame) -> pd.DataFrame:
    texts = [f"{row.dropped:+.3f} ({100 * row.share:+.0f} %)" for row in lines.itertuples()]
    index = ["model", "output", "eps"]
    wide = lines.assign(text=texts).pivot(index=index, columns="attack", values="text")
    wide = wide[list(lines["attack"].unique())].reset_index()
    return wide.rename(columns={"eps": "ε"}).rename_axis(columns=None)


def _bound_texts(lines: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": row.model,
            "ε": row.eps,
            "attack": row.attack,
            "samples": str(int(row.samples)),
            "accuracy %": f"{100 * row.accuracy:.1f}",
            "I(X̃;Z)": f"{row.whole:.3f}",
            "dropped": f"{row.dropped_low:+.3f} to {row.dropped_high:+.3f}",
            "chance": f"{row.chance:.3f}",
        }
        for row in lines.itertuples()
    )


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A row per small model, a column per attack: both sides of Eq. 3, and the dropped terms."""
    del frame
    shown = table[(table["data"] == SMALL) & (table["output"] == SAMPLED)]
    models, attacks = (list(shown[column].unique()) for column in ("model", "attack"))
    drawn, axes = figures.panels(
        len(models), len(attacks), each=1.6, more=0.3, least=0, sharex=True, sharey=True
    )
    for model, row in zip(models, axes, strict=True):
        for attack, ax in zip(attacks, row, strict=True):
            _panel(ax, shown[(shown["model"] == model) & (shown["attack"] == attack)])
        row[0].set_ylabel(f"{model} model\nnats")
    for attack, above, below in zip(attacks, axes[0], axes[-1], strict=True):
        above.set_title(figures.wrapped(attack, figures.room(above)))
        below.set_xlabel("ε")
        figures.tilt(below)
    handles, labels = axes[0][0].get_legend_handles_labels()
    title = "images of three pixels, Z drawn from the softmax of the logits"
    figures.legend(drawn, handles, labels, most=len(labels), title=title)
    return drawn


def _panel(ax: Axes, part: pd.DataFrame) -> None:
    """Over ε: both sides of Eq. 3 as lines, and the dropped terms as bars that start at zero."""
    at = np.arange(len(part))
    thin = figures.scale() * 0.4
    look: dict[str, Any] = {"width": 0.62, "edgecolor": figures.grey(0.6), "lw": thin}
    above, below = np.zeros(len(part)), np.zeros(len(part))
    for column, sign, label, light, hatch in BARS:
        heights = sign * part[column].to_numpy()
        bottoms = np.where(heights > 0, above, below)
        ax.bar(
            at, heights, bottom=bottoms, color=figures.grey(light), hatch=hatch, label=label, **look
        )
        above, below = above + heights.clip(min=0), below + heights.clip(max=0)
    kept = part["natural"] + part["adversarial"]
    ax.plot(at, part["whole"], "o-", color=figures.CYCLE[0], label="I(X̃;Z)")
    ax.plot(at, kept, "s--", color=figures.CYCLE[1], label="I(X;Z) + I(N;Z)")
    ax.axhline(0, color=figures.grey(0.0), lw=1.5 * thin)
    ax.set_xticks(at, part["eps"])


def finding(table: pd.DataFrame) -> str:
    """What Eq. 3 rests on, and how wrong it is for the predicted class."""
    lines = _attacked(table)
    lines = lines[(lines["output"] == PREDICTED) & lines["attack"].isin(["random", "worst"])]
    shares = [
        f"{model} model, {attack} {100 * share.min():+.0f} to {100 * share.max():+.0f} %"
        for (model, attack), share in lines.groupby(["model", "attack"], sort=False)["share"]
    ]
    bounds = [
        f"{row.model} {row.dropped_low:+.2f} to {row.dropped_high:+.2f}"
        for row in table[table["data"] != SMALL].itertuples()
    ]
    return (
        "For any classifier that sees x̃ alone, H(Z|X,N) = H(Z|X̃), so Eq. 3 drops −I(X;N;Z) only: "
        "0 without noise, but all of −I(N;Z), which Eq. 3 counts twice, under an attack without "
        f"random numbers. Dropped on the small model, of I(X̃;Z): {'; '.join(shares)}. "
        f"On real models, nats: {'; '.join(bounds)}."
    )


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

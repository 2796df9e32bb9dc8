"""Black-box accuracy: attacks made on one model, shown to another (Tables 2, 5 and 6 of the paper).

Accuracies are per cent, mean ± standard deviation over seeds of the target's training, with the
95 % interval over samples; a line per source and target. Sources are the surrogates of the profile,
or, where it has none, all other models. What runs every step on the source goes far beyond its
boundary. What stops at a first success or looks for the smallest perturbation (AutoAttack, CW, DDN)
ends just across it, and leaves samples that the source withstands as they are: "moved" is the share
that an attack changed at all. So AutoAttack's first attack, APGD on the cross-entropy, stands for
it, running every step. Published numbers stand beside a surrogate alone; the paper's is an
adversarially trained VGG-19, and its FWA-40, CW and DDN are not cut to the ball, as ours are.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, published, tables
from workbench.profiles import Profile
from workbench.specs import TransferRun

PAIR = "source → target"


def runs(profile: Profile) -> list[TransferRun]:
    """The attacks of transfers, made on the surrogates, or on every other model where there are
    none, and shown to every model.
    """
    return [
        profile.transfer(source, target, battery, battery.attacks)
        for battery in profile.transfers
        for source in tables.trained_under(battery.norm, profile.surrogates or profile.models)
        for target in tables.trained_under(battery.norm, profile.models)
        if source.reference != target.reference
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per threat model, source, target and attack.

    Columns: norm, eps, source, and as in tables.accuracies (model is the target),
    tables.by_defense and tables.beside; moved, the share of samples that the attack changed.
    """
    frame = frame.assign(
        model=frame["name"],
        source=frame["source_name"],
        attack=frame["attack"].map(tables.plain_attack),
    )
    found = tables.by_threat(frame, _count, ("norm", "eps", "source"))
    surrogate = ~found["source"].isin(found["model"])
    beside = tables.beside(found[surrogate], published.BLACK_BOX)
    return pd.concat([beside, found[~surrogate]], ignore_index=True)


def _count(rows: pd.DataFrame) -> pd.DataFrame:
    """The numbers of one source under one threat model."""
    found = tables.accuracies(rows).merge(tables.by_defense(rows), on=["model", "attack"])
    moved = (rows["linf"] > 0).groupby(rows["attack"]).mean()
    return found.assign(moved=found["attack"].map(moved))


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Per threat model: a line per pair, its gains over standard AT, the published numbers, and
    the share of samples that each attack moved."""
    pairs = _named_by_pair(table)
    texts = tables.accuracy_texts(pairs) | tables.gain_texts(pairs)
    texts |= tables.pair_texts(tables.pairs(pairs))
    texts = {name: part.rename(columns={"defense": PAIR}) for name, part in texts.items()}
    return texts | _moved_texts(table.dropna(subset="moved"))


def _moved_texts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What each attack moved: a line per source."""
    return {
        f"{norm} {eps}, moved by the attack on the source, %": part.drop_duplicates(
            ["source", "attack"]
        )
        .assign(moved=(100 * part["moved"]).map("{:.1f}".format))
        .pivot(index="source", columns="attack", values="moved")
        .reindex(columns=list(part["attack"].unique()))
        .rename_axis(columns=None)
        .reset_index()
        for (norm, eps), part in table.groupby(["norm", "eps"], sort=False)
    }


def _named_by_pair(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the defense named by source and target."""
    return table.assign(defense=table["source"] + " → " + table["defense"])


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A panel per threat model and source: targets' accuracy under each attack, and the gains."""
    del frame
    return figures.accuracy_panels(table)


def finding(table: pd.DataFrame) -> str:
    """The headline: what each pair leaves of the target's clean accuracy."""
    pairs = _named_by_pair(table)
    once = pairs.drop_duplicates(["norm", "eps", "defense", "attack"])
    means = once.set_index(["norm", "eps", "defense", "attack"])["mean"]
    wide = means.unstack("attack", sort=False)
    shares = 100 * wide[[tables.CLEAN, tables.WORST_CASE]]
    parts = [
        f"{pair} {clean:.1f} to {worst:.1f} % ({norm} {eps})"
        for (norm, eps, pair), (clean, worst) in zip(shares.index, shares.values, strict=True)
    ]
    left = "Accuracy under transferred attacks, clean to worst case: " + "; ".join(parts) + "."
    return " ".join(filter(None, [left, tables.standing(pairs)]))


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

"""Reported against measured, for every defense and attack published (Tables 3 to 6 of the paper).

Reported are ResNet-18 on CIFAR-10 and Tiny-ImageNet (Linf 8/255, L2 0.5), measured are the models
and threat models of this profile, so accuracies need not agree. What may carry over is the gain
over standard AT: its sign, and its order among defenses and attacks (Spearman's correlation), of
which FWA-40, CW and DDN are left out: the paper's leave far less than AutoAttack or PGD-40, so
their budgets are not the balls that ours are cut to. A gain is beyond chance, of samples and for
these trainings, where its p-value, corrected by Holm for the number of published defenses, is below
0.05.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, published, tables
from workbench.errors import InputError
from workbench.profiles import Battery, Profile
from workbench.specs import EvaluationRun, TransferRun


def runs(profile: Profile) -> list[EvaluationRun | TransferRun]:
    """Models of published defenses under the published attacks of threats, and of transfers from
    surrogates.

    Raises InputError where the profile has none.
    """
    found: list[EvaluationRun | TransferRun] = [*_white_box(profile), *_black_box(profile)]
    if not found:
        known = ", ".join(published.DEFENSES.values())
        raise InputError(
            "analysis published: the profile attacks no published defense with a published attack; "
            f"name a model one of {known}, or take the analysis off the profile"
        )
    return found


def _white_box(profile: Profile) -> list[EvaluationRun]:
    return [
        profile.evaluation(model, battery, attacks)
        for battery in profile.threats
        if (attacks := _published(battery, published.WHITE_BOX))
        for model in tables.trained_under(battery.norm, profile.models)
        if tables.named(model.title)[0] in published.DEFENSES.values()
    ]


def _black_box(profile: Profile) -> list[TransferRun]:
    return [
        profile.transfer(source, target, battery, attacks)
        for battery in profile.transfers
        if (attacks := _published(battery, published.BLACK_BOX))
        for source in tables.trained_under(battery.norm, profile.surrogates)
        for target in tables.trained_under(battery.norm, profile.models)
        if tables.named(target.title)[0] in published.DEFENSES.values()
    ]


def _published(battery: Battery, setting: str) -> tuple[str, ...]:
    """The attacks of a battery that the paper has too."""
    plain = {tables.plain_attack(name): name for name in battery.attacks}
    return tuple(plain[name] for name in published.counterparts(plain, setting))


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per published number and ours (see tables.pairs), with setting and source."""
    attacks = frame["attack"].map(tables.plain_attack)
    frame = frame.assign(
        model=frame["name"], attack=attacks, setting=published.WHITE_BOX, source=""
    )
    if "source_name" in frame:
        frame["source"] = frame["source_name"].fillna("")
        frame["setting"] = frame["setting"].mask(frame["source"] != "", published.BLACK_BOX)
    keys = ("norm", "eps", "source")
    parts = [
        tables.pairs(
            tables.beside(tables.by_threat(part, tables.by_defense, keys), str(setting)).assign(
                setting=setting
            )
        )
        for setting, part in frame.groupby("setting", sort=False)
    ]
    return pd.concat(parts, ignore_index=True)


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A table per setting and threat model: ours beside theirs, accuracy and gain."""
    return tables.pair_texts(table)


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Reported against measured: accuracies, and those gains over standard AT that are counted."""
    del frame
    gains = table["reported_gain"].where(_counted(table))
    return figures.pair_panels(table.assign(reported_gain=gains))


def _counted(table: pd.DataFrame) -> pd.Series:
    """Which pairs are of an attack whose budget is the same in the paper and here: bool."""
    return ~table["reported_attack"].isin([tables.CLEAN, *published.OTHER_BUDGET])


def finding(table: pd.DataFrame) -> str:
    """How many published gains over standard AT are found here, and whether their order agrees."""
    robust = table[_counted(table)]
    parts = [
        _agreement(str(dataset), part.dropna(subset=["reported_gain", "measured_gain"]))
        for dataset, part in robust.groupby("dataset", sort=False)
    ]
    left_out = ", ".join(published.OTHER_BUDGET)
    return (
        f"Published gains over standard AT under attack, without {left_out}, which have other "
        "budgets there: " + "; ".join(parts) + "."
    )


def _agreement(dataset: str, part: pd.DataFrame) -> str:
    """Of the published gains on one data set, those that have the same sign here."""
    if part.empty:
        return f"{dataset}: none measured"
    same = part["reported_gain"] * part["measured_gain"] > 0
    sure = part["holm_p"] < tables.SURE
    norms = [f"{of.sum()} of {len(of)} under {norm}" for norm, of in same.groupby(part["norm"])]
    text = (
        f"{dataset}: {same.sum()} of {len(part)} have the same sign here ({', '.join(norms)};"
        f" {(same & sure).sum()} beyond chance, and {(~same & sure).sum()} of the other sign)"
    )
    order = part["reported_gain"].corr(part["measured_gain"], method="spearman")
    return text if pd.isna(order) else f"{text}, Spearman's correlation {order:.2f}"


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

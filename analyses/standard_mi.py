"""Standard MI of natural and adversarial samples under each attack (Figure 2 of the paper).

For naturally trained models, per attack: Î(x; h(x)), standard MI of the natural sample; Î(x̃; h(x̃)),
standard MI of the adversarial sample; and Î(x; h(x̃)), what the natural sample scores with the
adversarial output under the critic of Î(x; h(x)), which is that critic's log density ratio and no
MI. Critics are fitted anew to samples of each attack, except that of Î(x; h(x)), whose pairs no
attack changes: its values are the same beside each. Values are nats: mean ± standard deviation
over models and critics trained anew, with the 95 % interval over samples. The null pairs a sample
with the output of another. Every attack runs every step: one that leaves a sample at its first
success, as AutoAttack does, gives some samples no n. AutoAttack's first attack, APGD on the
cross-entropy, stands for it.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import NATURAL, STANDARD, InformationRun

DEFENSES, CRITICS = ("natural",), (NATURAL, STANDARD)
OF_NATURAL, OF_ADVERSARIAL, MIXED = "Î(x; h(x))", "Î(x̃; h(x̃))", "Î(x; h(x̃))"
QUANTITIES = {
    "natural_mi_natural": OF_NATURAL,
    "standard_mi_adversarial": OF_ADVERSARIAL,
    "natural_mi_adversarial": MIXED,
}


def runs(profile: Profile) -> list[InformationRun]:
    """Models natural under every attack that information compares, with every critic seed.

    Raises InputError where the profile has no such model.
    """
    wanted = profile.information
    return [
        profile.estimation(model, critic_seed, attack=attack, critics=CRITICS)
        for model in tables.of_defenses(DEFENSES, wanted.norm, profile.models)
        for attack in wanted.compared
        for critic_seed in wanted.critic_seeds
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per attack and quantity (see tables.levels)."""
    named = frame.assign(attack=frame["attack"].map(tables.plain_attack))
    names = {column: {"quantity": name} for column, name in QUANTITIES.items()}
    return tables.levels(named, ["attack"], names)


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The means, a line per attack and a column per quantity, and their nulls."""
    first = table.iloc[0]
    wide = {name: part.set_index("attack") for name, part in table.groupby("quantity", sort=False)}
    wrong = (100 * wide[OF_NATURAL]["misclassified"]).map("{:.1f}".format)
    means = {name: part.apply(tables.level_text, axis=1) for name, part in wide.items()}
    nulls = {name: part["null"].map("{:.2f}".format) for name, part in wide.items()}
    heading = f"{first['samples']} samples, {first['fits'] + first['diverged']} fits, nats"
    return {
        heading: pd.DataFrame({"misclassified %": wrong, **means}).reset_index(),
        "null, nats": pd.DataFrame(nulls).reset_index(),
    }


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A place per attack, a mark per quantity; what is no MI has a panel of its own.

    The paper draws a radar. Its area depends on the order of the attacks, and its rays have no room
    for intervals; marks over one axis can be read off and compared.
    """
    del frame
    drawn, ((above,), (below,)) = figures.panels(2, 1, each=1.6, more=0.1, sharex=True)
    mi = table["quantity"] != MIXED
    for ax, drawn_here, label in ((above, mi, "standard MI (nats)"), (below, ~mi, "score (nats)")):
        part = table.assign(mean=table["mean"].where(drawn_here))  # one look in both panels
        figures.level_dots(ax, part, "attack", "quantity")
        ax.set_ylabel(label)
    bars = f"{figures.BARS} models and critics"
    figures.legend(drawn, *above.get_legend_handles_labels(), most=3, title=bars)
    return drawn


def finding(table: pd.DataFrame) -> str:
    """Standard MI of natural samples, and that of adversarial samples of each attack."""
    texts = [tables.spread(row.mean, row.std, 2) for row in table.itertuples()]
    wide = table.assign(text=texts).pivot(index="attack", columns="quantity", values="text")
    wide = wide.loc[list(table["attack"].unique())]
    parts = [
        f"{row[OF_NATURAL]} and {row[OF_ADVERSARIAL]} ({attack})" for attack, row in wide.iterrows()
    ]
    return f"Standard MI of natural and of adversarial samples, nats: {', '.join(parts)}."


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

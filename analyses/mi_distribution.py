"""Natural and adversarial MI of natural and adversarial outputs, per sample (the observation).

The paper observes that adversarial samples have larger adversarial MI and smaller natural MI than
natural samples. Each line says how far that holds for one model: AUROC (0.5 is none, 1 is wholly
parted) with its 95 % interval, Cohen's d, and the share of samples whose own two values are in
the order of the observation. "flipped" are the samples that the attack turns from right to wrong,
the ones that Eq. 6 selects. The logit gap, of the largest logit to the second, is no MI: it is
what a reader can have without a critic, and as MI it knows no label. Critics are fitted anew for
each critic seed. One model of each defense.
"""

import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import InformationRun
from workbench.tables.fits import one_of_each


def runs(profile: Profile) -> list[InformationRun]:
    """One model of each defense under the attack of information, with every critic seed."""
    wanted = profile.information
    return [
        profile.estimation(model, critic_seed, objective=wanted.objective)
        for model in one_of_each(wanted.norm, profile.models)
        for critic_seed in wanted.critic_seeds
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per model, critic seed and quantity (see tables.observation)."""
    return tables.observation(frame.assign(model=frame["name"]))


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The lines as they are printed, with mean ± std over the critic seeds."""
    return {"": tables.observation_texts(table)}


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A row per model, a column per quantity: densities over samples, of the first critic seed."""
    return figures.observation_panels(frame.assign(model=frame["name"]), table)


def finding(table: pd.DataFrame) -> str:
    """How far the observation holds for each model: AUROC, mean ± std over the critic seeds."""
    parts = []
    for model, part in table.groupby("model", sort=False):
        found = part[part["quantity"].isin(tables.QUANTITIES)].groupby("quantity", sort=False)
        means = [f"{name} {_mean(values)}" for name, values in found["auroc"]]
        parts.append(f"{model}: " + ", ".join(means))
    return "AUROC, natural against adversarial outputs: " + "; ".join(parts) + "."


def _mean(aurocs: pd.Series) -> str:
    """Mean ± std over the critic seeds whose fits did not diverge."""
    there = aurocs.dropna()
    return tables.mean_std(there, 2) if len(there) else tables.DIVERGED


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

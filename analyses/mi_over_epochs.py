"""Natural and adversarial MI over the epochs of a training (beyond the paper).

The profile's attack on a net as it was after some of its epochs, with critics fitted anew to
samples of each. AUROC of telling adversarial from natural outputs by natural MI, Î_N(x; h(x))
against Î_N(x; h(x̃)), and by adversarial MI, Î_A(n; h(x̃)) against Î_A(n; h(x)): 0.5 is none, above
it lies the paper's observation. Beside it, the share of adversarial samples that are misclassified.
Every training of the profile that keeps epochs, its first seed, and the first critic seed; 95 %
intervals over samples.
"""

import re
import sys

import pandas as pd
from matplotlib.figure import Figure

from workbench import analysis, figures, tables
from workbench.errors import InputError
from workbench.profiles import Profile
from workbench.specs import InformationRun

EPOCH = re.compile(r" after (\d+)$")


def runs(profile: Profile) -> list[InformationRun]:
    """Models and variants of trainings that keep epochs, under the attack of information.

    Raises InputError where the profile keeps none.
    """
    wanted = profile.information
    models = {model.title: model for model in (*profile.models, *profile.variants)}
    kept = {
        stage: f"{tables.named(title)[0]} after {epoch}"
        for training in profile.trainings
        for title, recipe in training.recipes(profile.data).items()
        if training.norm == wanted.norm and recipe.keep and recipe.seed == training.seeds[0]
        for stage, epoch in recipe.stages(title).items()
        if stage in models
    }
    if not kept:
        raise InputError(
            "no training of the profile keeps epochs; give one recipe = {keep = [1, 2, 4]}, or "
            "take the analysis mi_over_epochs off it"
        )
    return [
        profile.estimation(models[stage], wanted.critic_seeds[0], name=name)
        for stage, name in kept.items()
    ]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per training, quantity and epoch: model, epoch, and those of tables.observation."""
    epochs = frame["name"].str.extract(EPOCH, expand=False).astype(int)
    models = frame["name"].str.replace(EPOCH, "", regex=True)
    return tables.course(frame.assign(model=models, epoch=epochs), "epoch")


def layout(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A line per training and epoch for each quantity."""
    return tables.course_texts(table, "epoch", "epoch")


def figure(frame: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """A panel per quantity with a line per training, and one of misclassified samples."""
    del frame
    return figures.course_panels(table, "epoch", "epoch")


def finding(table: pd.DataFrame) -> str:
    """How AUROC of both quantities goes from the first to the last epoch."""
    return tables.course_sentence(table, "epoch", "epoch")


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

"""Natural and adversarial MI of natural and adversarial outputs, per sample (the observation).

The paper observes that adversarial samples have larger adversarial MI and smaller natural MI than
natural samples. Each line says how far that holds for one model: AUROC (0.5 is none, 1 is wholly
parted) with its 95 % interval, Cohen's d, and the share of samples whose own two values are in
the order of the observation. Critics are fitted anew for each critic seed.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.pyplot import subplots

from workbench import analysis, figures, tables
from workbench.profiles import Profile
from workbench.specs import InformationRun
from workbench.statistics import cohens_d, paired_auroc, sign_share

# quantity: the records of natural and of adversarial outputs, and the sign of the observation
QUANTITIES = {
    "natural MI": ("natural_mi_natural", "natural_mi_adversarial", -1),
    "adversarial MI": ("adversarial_mi_natural", "adversarial_mi_adversarial", 1),
}


def runs(profile: Profile) -> list[InformationRun]:
    """Every model with every critic seed of the profile."""
    wanted = profile.information
    return [
        InformationRun(
            model,
            profile.data,
            wanted.norm,
            wanted.eps,
            wanted.attack,
            wanted.samples,
            wanted.fit_samples,
            profile.seed,
            critic_seed,
            profile.unit_size,
        )
        for model in profile.models
        for critic_seed in wanted.critic_seeds
    ]


def effects(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per model, quantity and critic seed: the effect sizes as numbers."""
    records = []
    for (model, seed), part in frame.groupby(["name", "critic_seed"], sort=False):
        for quantity, (natural, adversarial, sign) in QUANTITIES.items():
            high, low = sign * part[adversarial].to_numpy(), sign * part[natural].to_numpy()
            auroc, share = paired_auroc(high, low), sign_share(high, low)
            records.append(
                {
                    "model": model,
                    "quantity": quantity,
                    "critic seed": seed,
                    "samples": len(part),
                    "natural": (part[natural].mean(), part[natural].std()),
                    "adversarial": (part[adversarial].mean(), part[adversarial].std()),
                    "auroc": auroc,
                    "d": cohens_d(high, low),
                    "share": share,
                }
            )
    return pd.DataFrame(records)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per model, quantity and critic seed, and one for mean ± std over the seeds."""
    lines = []
    for (model, quantity), part in effects(frame).groupby(["model", "quantity"], sort=False):
        for row in part.itertuples(index=False):
            lines.append(_line(row))
        aurocs, ds = [e.value for e in part["auroc"]], part["d"]
        seeds = {"critic seed": "all", "samples": part["samples"].iloc[0]}
        spread = {"AUROC [95 % CI]": _spread(aurocs, 3), "Cohen's d": _spread(ds, 2)}
        lines.append({"model": model, "quantity": quantity, **seeds, **spread})
    return pd.DataFrame(lines).fillna("")


def _line(row: Any) -> dict[str, Any]:
    """The text of one line of effects."""
    model, quantity, seed, samples, natural, adversarial, auroc, d, share = row
    return {
        "model": model,
        "quantity": quantity,
        "critic seed": str(seed),
        "samples": samples,
        "natural outputs (nats)": f"{natural[0]:.2f} ± {natural[1]:.2f}",
        "adversarial outputs (nats)": f"{adversarial[0]:.2f} ± {adversarial[1]:.2f}",
        "AUROC [95 % CI]": f"{auroc.value:.3f} [{auroc.low:.3f}, {auroc.high:.3f}]",
        "Cohen's d": f"{d:.2f}",
        "in order % [95 % CI]": tables.percent(share.value, share.low, share.high),
    }


def _spread(values: Sequence[float], digits: int) -> str:
    """Mean ± standard deviation over seeds; the mean alone for one seed."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def figure(frame: pd.DataFrame) -> Figure:
    """A row per model, a column per quantity: densities over samples, of the first critic seed."""
    seed = frame["critic_seed"].iloc[0]
    first = frame[frame["critic_seed"] == seed]
    measured = effects(first).set_index(["model", "quantity"])
    models = list(dict.fromkeys(first["name"]))
    size = (figures.PAGE, 0.3 + 1.6 * len(models))
    drawn, axes = subplots(len(models), len(QUANTITIES), figsize=size, squeeze=False)
    for row, model in zip(axes, models, strict=True):
        part = first[first["name"] == model]
        fallen = 100 * (part["adversarial_prediction"] != part["label"]).mean()
        for ax, (quantity, (natural, adversarial, _)) in zip(row, QUANTITIES.items(), strict=True):
            figures.distributions(ax, part[natural], part[adversarial], f"{quantity} (nats)")
            auroc = measured.loc[(model, quantity), "auroc"]
            interval = f"AUROC {auroc.value:.2f} [{auroc.low:.2f}, {auroc.high:.2f}]"
            ax.set_title(f"{model} ({fallen:.0f} % misclassified): {interval}")
    axes[0][0].legend(loc="upper left")
    return drawn


def finding(frame: pd.DataFrame) -> str:
    """How far the observation holds for each model: AUROC, mean over the critic seeds."""
    parts = []
    for model, part in effects(frame).groupby("model", sort=False):
        means = part.groupby("quantity", sort=False)["auroc"].agg(
            lambda estimates: _spread([estimate.value for estimate in estimates], 2)
        )
        parts.append(f"{model}: " + ", ".join(f"{name} {mean}" for name, mean in means.items()))
    return "AUROC of MI, natural against adversarial outputs: " + "; ".join(parts) + "."


if __name__ == "__main__":
    analysis.main(sys.modules[__name__])

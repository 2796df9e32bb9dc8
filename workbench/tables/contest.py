"""What an attack breaks that another leaves, on the same samples: frame -> frame."""

import pandas as pd

from workbench.statistics import proportion
from workbench.tables.fits import with_ends


def contest(rows: pd.DataFrame, base: str) -> pd.DataFrame:
    """Each attack beside a base attack: a line per model, critic seed and attack.

    rows: columns model, critic_seed, attack, index, robust. Columns: samples; robust, the accuracy
    under the attack; both, under whichever of the two breaks a sample; gained, the share that the
    attack breaks and the base leaves; missed, the share of which the reverse holds. All have _low
    and _high, 95 % intervals over samples.
    """
    records = []
    for (model, seed), part in rows.groupby(["model", "critic_seed"], sort=False):
        wide = part.pivot(index="index", columns="attack", values="robust")
        for attack in part["attack"].unique():
            ours, theirs = wide[attack].to_numpy(bool), wide[base].to_numpy(bool)
            shares = {
                "robust": ours,
                "both": ours & theirs,
                "gained": theirs & ~ours,
                "missed": ours & ~theirs,
            }
            line = {"model": model, "critic_seed": seed, "attack": attack, "samples": len(wide)}
            for name, verdicts in shares.items():
                line |= with_ends(name, proportion(verdicts))
            records.append(line)
    return pd.DataFrame(records)

"""Two models on the same samples, attack by attack: frame -> frame."""

import pandas as pd

from workbench.statistics import mcnemar, mean_difference
from workbench.tables.accuracy import by_model, verdicts


def duel(rows: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """How much more accurate one model is than another, with McNemar's test.

    rows: of records.ATTACK_COLUMNS, both models' on the same samples and attacks; first, second:
    values of the column model. A line per attack, "none" and "worst case" included: attack,
    first, second (accuracies), only_first, only_second (samples that one alone withstands),
    difference, low, high (first minus second, 95 % interval over samples), p (exact). Shares in
    [0, 1].
    """
    lines = []
    for attack, column in verdicts(rows).items():
        wide = by_model(column)
        one, other = wide[first].to_numpy(), wide[second].to_numpy()
        found = mean_difference(one[:, None], other[:, None])
        counts = {"only_first": int((one & ~other).sum()), "only_second": int((~one & other).sum())}
        shares = {"first": float(one.mean()), "second": float(other.mean())}
        numbers = {"difference": found.value, "low": found.low, "high": found.high}
        lines.append({"attack": attack, **shares, **counts, **numbers, "p": mcnemar(one, other)})
    return pd.DataFrame(lines)

"""Numbers as text, and the forms in which a table is written."""

from typing import Any

import numpy as np
import pandas as pd


def interval(value: float, low: float, high: float) -> str:
    """A value with its interval as text.

    >>> interval(0.5, 0.25, 0.75)
    '0.500 [0.250, 0.750]'
    """
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def mean_std(values: pd.Series, digits: int) -> str:
    """Mean ± standard deviation as text; the value alone where there is one.

    >>> mean_std(pd.Series([1.0, 3.0]), 1)
    '2.0 ± 1.4'
    """
    return spread(values.mean(), values.std(), digits)


def spread(mean: float, std: float, digits: int) -> str:
    """Mean ± standard deviation as text; the mean alone where there is one value.

    >>> nan = float("nan")
    >>> spread(1.26, 0.1, 1), spread(0.5, nan, 2), spread(nan, nan, 1)
    ('1.3 ± 0.1', '0.50', 'none')
    """
    if np.isnan(mean):
        return "none"
    text = f"{mean:.{digits}f}"
    return text if np.isnan(std) else f"{text} ± {std:.{digits}f}"


def ends(low: float, high: float) -> str:
    """An interval of shares, or of their differences, as text, in per cent or points.

    >>> ends(-0.004, 0.61)
    '[-0.4, 61.0]'
    """
    return f"[{100 * low:.1f}, {100 * high:.1f}]"


def estimate(mean: float, std: float, low: float, high: float, digits: int) -> str:
    """A value, ± its standard deviation where it has one, and its interval as text.

    >>> estimate(4.01, 0.1, 3.946, 4.08, 2)
    '4.01 ± 0.10 [3.95, 4.08]'
    """
    return f"{spread(mean, std, digits)} [{low:.{digits}f}, {high:.{digits}f}]"


def percent(accuracy: float, low: float, high: float, std: float = float("nan")) -> str:
    """An accuracy with its interval as text, in percent, ± its standard deviation where given.

    >>> percent(0.5, 0.4, 0.6), percent(0.5, 0.4, 0.6, 0.011)
    ('50.0 [40.0, 60.0]', '50.0 ± 1.1 [40.0, 60.0]')
    """
    return estimate(100 * accuracy, 100 * std, 100 * low, 100 * high, 1)


def points(gain: float, std: float) -> str:
    """A difference of accuracies in percentage points, ± its standard deviation where it has one.

    >>> points(0.012, 0.008), points(-0.5, float("nan"))
    ('+1.2 ± 0.8', '-50.0')
    """
    text = f"{100 * gain:+.1f}"
    return text if pd.isna(std) else f"{text} ± {100 * std:.1f}"


def p_text(p: float) -> str:
    """A p-value as text, three digits.

    >>> p_text(0.0312), p_text(1e-9)
    ('0.031', '<0.001')
    """
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def json_lines(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table as JSON takes them: NaN is null."""
    known = table.astype(object)
    return known.where(known.notna(), None).to_dict("records")


def markdown(table: pd.DataFrame) -> str:
    """A table of texts and numbers in Markdown; numbers are aligned right."""
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]
    rule = ["---:" if right else "---" for right in numeric]
    lines = [
        list(table.columns),
        rule,
        *([str(v) for v in row] for row in table.itertuples(index=False)),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"

"""What the path of an attack's loss says, in four numbers per sample."""

import numpy as np

LATE = 10  # looks at the end of a path that should gain nothing more (AUDIT I4)


def summary(losses: np.ndarray) -> dict[str, np.ndarray]:
    """Start, best and end of each path, and how unfinished it is: (n, looks) -> (n,) each.

    losses: of each look, higher is worse for the model; NaN from where a sample had left.
    loss_unfinished: the share of the path's whole rise that its last ten looks gained (Pintor et
    al., NeurIPS 2022); near 0 where an attack had converged. All NaN where there is no path.

    >>> summary(np.array([[1.0, 3.0, 2.0, np.nan]]))["loss_end"]
    array([2.])
    """
    filled = np.where(np.isnan(losses), -np.inf, losses)
    looks = (~np.isnan(losses)).sum(1)
    rows = np.arange(len(losses))
    end = losses[rows, np.maximum(looks - 1, 0)]
    best = np.maximum.accumulate(filled, axis=1)
    last = best[rows, np.maximum(looks - 1, 0)]
    earlier = best[rows, np.maximum(looks - 1 - LATE, 0)]
    rise = last - losses[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        unfinished = np.where(rise > 0, (last - earlier) / rise, 0.0)
    values = {
        "loss_start": losses[:, 0],
        "loss_best": last,
        "loss_end": end,
        "loss_unfinished": unfinished,
    }
    return {name: np.where(looks > 0, value, np.nan) for name, value in values.items()}

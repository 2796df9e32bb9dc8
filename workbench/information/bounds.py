"""Lower bounds that a critic maximises, from the scores of one batch of pairs.

Every bound takes scores (n, n), n > 1: row i holds T(x_j, z_i) of output i against all patterns
j, so the true pairs are the diagonal and the negatives of an output are the other patterns.
"""

import math
from collections.abc import Callable

import torch
from torch.nn.functional import softplus


def donsker_varadhan(scores: torch.Tensor) -> torch.Tensor:
    """MI in nats, scalar: E_joint[T] − log E_product[exp T] (Donsker & Varadhan 1983).

    It has no ceiling, and its variance grows exponentially with the MI.
    """
    n = len(scores)
    log_mean = _negatives(scores).flatten().logsumexp(0) - math.log(n * (n - 1))
    return scores.diagonal().mean() - log_mean


def jensen_shannon(scores: torch.Tensor) -> torch.Tensor:
    """Jensen-Shannon divergence of joint and product in nats, scalar, at most log 2: not MI.

    At its maximum T is the log density ratio, so pointwise scores of that critic are MI all the
    same (Nowozin et al. 2016; Hjelm et al. 2018).
    """
    n = len(scores)
    positive = softplus(-scores.diagonal()).mean()
    negative = softplus(_negatives(scores)).sum() / (n * (n - 1))
    return math.log(2) - (positive + negative) / 2


def infonce(scores: torch.Tensor) -> torch.Tensor:
    """MI in nats, scalar, at most log n (van den Oord et al. 2018; Poole et al. 2019).

    The true pair belongs to the denominator. At the maximum T is the log density ratio up to a
    constant per output, which a reference set removes (see pointwise).
    """
    return (scores.diagonal() - scores.logsumexp(1)).mean() + math.log(len(scores))


def _negatives(scores: torch.Tensor) -> torch.Tensor:
    """Scores without the true pairs: exp and softplus of the diagonal are 0."""
    true = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    return scores.masked_fill(true, -math.inf)


BOUNDS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "donsker-varadhan": donsker_varadhan,
    "jensen-shannon": jensen_shannon,
    "infonce": infonce,
}

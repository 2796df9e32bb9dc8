"""Bounds that a critic maximises, from the scores of one batch of pairs.

Every bound takes scores (n, n), n > 1: row i holds T(x_j, z_i) of output i against all patterns
j, so the true pairs are the diagonal and the negatives of an output are the other patterns.

At the maximum T is the log density ratio log p(x, z) / (p(x) p(z)) up to what a bound does not
see: one constant for donsker-varadhan, one per output for infonce, the number 1 for nwj, nothing
for jensen-shannon and smile. Scoring against a reference set (see pointwise) removes any constant
per output, so all five critics give MI of single pairs in nats.
"""

import math
from collections.abc import Callable

import torch
from torch.nn.functional import softplus


def donsker_varadhan(scores: torch.Tensor) -> torch.Tensor:
    """MI in nats, scalar: E_joint[T] − log E_product[exp T] (Donsker & Varadhan 1983).

    It has no ceiling, and its variance grows exponentially with the MI. At the maximum T is the
    log density ratio up to one constant.
    """
    return scores.diagonal().mean() - _log_mean_exp(_negatives(scores))


def nwj(scores: torch.Tensor) -> torch.Tensor:
    """MI in nats, scalar: E_joint[T] − E_product[exp(T − 1)] (Nguyen, Wainwright & Jordan 2010).

    Also known as f-GAN-KL (Nowozin et al. 2016). Never above donsker-varadhan, equal to it where
    E_product[exp T] = e, so at the maximum T is 1 + the log density ratio. It has no ceiling, and
    in float32 a negative's score near 90 makes it −infinite.
    """
    n = len(scores)
    return scores.diagonal().mean() - _negatives(scores - 1).exp().sum() / (n * (n - 1))


def jensen_shannon(scores: torch.Tensor) -> torch.Tensor:
    """Jensen-Shannon divergence of joint and product in nats, scalar, at most log 2: not MI.

    At its maximum T is the log density ratio, so pointwise scores of that critic are MI all the
    same (Nowozin et al. 2016; Hjelm et al. 2018).
    """
    n = len(scores)
    positive = softplus(-scores.diagonal()).mean()
    negative = softplus(_negatives(scores)).sum() / (n * (n - 1))
    return math.log(2) - (positive + negative) / 2


def smile(scores: torch.Tensor, τ: float = 5.0) -> torch.Tensor:
    """MI in nats, scalar: E_joint[T] − log E_product[clip(exp T, e^−τ, e^τ)] (Song & Ermon 2020).

    Its gradient is that of jensen_shannon, as its authors train: the clipped value itself has no
    maximum, since T raised everywhere above τ raises it further. So the critic, and with it every
    pointwise score, is jensen_shannon's; only the value is its own. It varies less than
    donsker_varadhan, equals it where no negative is beyond ±τ, and is no lower bound elsewhere.
    τ: larger than 0.
    """
    clipped = _negatives(scores.clamp(-τ, τ))
    value = scores.diagonal().mean() - _log_mean_exp(clipped)
    trained = jensen_shannon(scores)
    return trained + (value - trained).detach()


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


def _log_mean_exp(negatives: torch.Tensor) -> torch.Tensor:
    """log of the mean of exp over all negatives, scalar."""
    n = len(negatives)
    return negatives.flatten().logsumexp(0) - math.log(n * (n - 1))


BOUNDS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "donsker-varadhan": donsker_varadhan,
    "nwj": nwj,
    "jensen-shannon": jensen_shannon,
    "smile": smile,
    "infonce": infonce,
}

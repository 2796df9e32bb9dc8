"""Exact informations of finite joint distributions, and the terms of Eq. 2.

A joint distribution is a column of probabilities p (m,) beside a column of values (m,) for each
variable; rows that agree in all values add up. So a table of m records is one too, with p = 1/m:
its empirical distribution. Values may be numbers or texts. All results in nats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import entr

from workbench.errors import InputError

Column: TypeAlias = Sequence[Any] | np.ndarray | pd.Series


@dataclass(frozen=True)
class Terms:
    """The six terms of Eq. 2, nats.

    I(X̃;Z) = I(X;Z) + I(N;Z) − I(X;N;Z) + H(Z|X,N) − H(Z|X̃)

    holds for every joint distribution of four variables: X̃ need be no function of X and N, and
    Z need not be computed from X̃. For I(X;Z) + I(N;Z) − I(X;N;Z) = I(X,N;Z) by the chain rule,
    I(X,N;Z) + H(Z|X,N) = H(Z), and H(Z) − H(Z|X̃) = I(X̃;Z). All that it needs is the sign
    I(X;N;Z) = I(X;N) − I(X;N|Z) (Yeung, IEEE Trans. Inf. Theory 1991), positive for what X and N
    say twice; with McGill's opposite sign (Psychometrika 1954) it is false.

    What it takes for the terms to be small is another matter:

    - where X̃ is a function of (X,N), H(Z|X,N) − H(Z|X̃) = −I(X,N;Z|X̃) ≤ 0;
    - where Z besides depends on (X,N) through X̃ alone, as the output of any classifier does that
      sees x̃ only, its random numbers included, that difference is 0, and Eq. 3 is wrong by
      I(X;N;Z) = I(N;Z) − I(N;Z|X) exactly;
    - where N besides is a function of X, as under an attack without random numbers, I(N;Z|X) = 0:
      then I(X̃;Z) = I(X;Z), and Eq. 3 is wrong by all of I(N;Z).

    So Eq. 3 becomes exact for every classifier when I(N;Z) is replaced by I(N;Z|X).
    """

    whole: float  # I(X̃;Z)
    natural: float  # I(X;Z)
    adversarial: float  # I(N;Z)
    interaction: float  # I(X;N;Z)
    given_parts: float  # H(Z|X,N)
    given_whole: float  # H(Z|X̃)

    @property
    def dropped(self) -> float:
        """What Eq. 3 drops: −I(X;N;Z) + H(Z|X,N) − H(Z|X̃)."""
        return -self.interaction + self.given_parts - self.given_whole


def terms(p: Column, x: Column, n: Column, x_adv: Column, z: Column) -> Terms:
    """The terms of Eq. 2 for a joint distribution of X, N, X̃ and Z. Raises as `entropy` does."""
    return Terms(
        whole=information(p, x_adv, z),
        natural=information(p, x, z),
        adversarial=information(p, n, z),
        interaction=interaction(p, x, n, z),
        given_parts=conditional_entropy(p, z, x, n),
        given_whole=conditional_entropy(p, z, x_adv),
    )


def entropy(p: Column, *columns: Column) -> float:
    """H of all columns jointly, nats.

    Raises InputError where p is no distribution, or a column has another length.

    >>> round(entropy([0.5, 0.25, 0.25], ["a", "b", "b"]), 4)
    0.6931
    """
    weights = np.asarray(p, dtype=np.float64)
    if not (np.all(weights >= 0) and abs(weights.sum() - 1) < 1e-9):
        raise InputError("p is no distribution; probabilities must be at least 0 and sum to 1")
    if any(len(column) != len(weights) for column in columns):
        raise InputError("p and the columns differ in length; give one probability per row")
    cells = np.zeros(len(weights), dtype=np.int64)
    for column in columns:
        codes, values = pd.factorize(np.asarray(column), use_na_sentinel=False)
        cells, _ = pd.factorize(cells * len(values) + codes)
    return float(entr(np.bincount(cells, weights)).sum())


def conditional_entropy(p: Column, z: Column, *given: Column) -> float:
    """H(Z | given columns), nats: at least 0, up to rounding."""
    return entropy(p, z, *given) - entropy(p, *given)


def information(p: Column, x: Column, z: Column) -> float:
    """I(X;Z), nats: at least 0, up to rounding."""
    return entropy(p, x) + entropy(p, z) - entropy(p, x, z)


def interaction(p: Column, x: Column, n: Column, z: Column) -> float:
    """I(X;N;Z) = I(N;Z) − I(N;Z|X), nats, symmetric in its variables.

    Positive where X and N tell of Z twice (log 2 for three copies of a coin), negative where only
    both together tell (−log 2 for Z = X xor N).
    """
    given_x = conditional_entropy(p, z, x) - conditional_entropy(p, z, x, n)
    return information(p, n, z) - given_x


def interaction_bounds(
    p: Column, z: Column, of_x: Column, of_n: Column | None = None
) -> tuple[float, float]:
    """A lower and an upper bound on I(X;N;Z) where only records are at hand, nats.

    z: output for the adversarial sample. of_x: any function of the natural sample, such as the
    class predicted for it; z itself where neither attack nor network draws random numbers.
    of_n: any function of the noise, such as its length; None where none is known.

    I(X;N;Z) = I(X;Z) + I(N;Z) − I(X,N;Z), where I(X,N;Z) ≤ H(Z), and functions of X and of N tell
    no more than X and N do: it is at least I(of_x;Z) + I(of_n;Z) − H(Z). And it is at most
    I(N;Z) ≤ H(Z). Both hold for any Z, and are reached. They are bounds for the distribution given:
    in m records, the information between a and b values that are independent comes out too high by
    about (a − 1)(b − 1) / 2m (Miller 1955).
    """
    most = entropy(p, z)
    from_n = 0.0 if of_n is None else information(p, of_n, z)
    return information(p, of_x, z) + from_n - most, most

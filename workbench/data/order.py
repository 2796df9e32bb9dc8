"""The order of samples that come sorted by class: evaluations take the first n of a data set."""

import numpy as np

SEED = 0  # another one is another order: change ``Known.copies`` and all recorded results with it


def mixed(n: int) -> np.ndarray:
    """One fixed pseudo-random permutation of 0..n-1: (n,) int64.

    Why: whatever is computed on the first samples alone would see the first classes alone, were
    the samples left in the order of their folders. The order depends on n and nothing else, so it
    is the same in every call and on every machine (a test pins it), if names are sorted before.
    """
    return np.random.Generator(np.random.PCG64(SEED)).permutation(n)

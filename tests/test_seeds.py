"""Randomness: a row depends on (seed, purpose, sample index) and on nothing else."""

import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.seeds import Noise, derive, forked

indices = st.lists(st.integers(0, 10_000), min_size=1, max_size=8, unique=True)


@given(st.integers(0, 2**31), indices)
def test_a_row_does_not_depend_on_its_batch(seed, rows) -> None:
    together = Noise(seed, tuple(rows)).uniform(torch.empty(len(rows), 2, 3), "start")
    for i, row in enumerate(rows):
        alone = Noise(seed, (row,)).uniform(torch.empty(1, 2, 3), "start")
        assert torch.equal(together[i], alone[0])


@given(st.integers(0, 2**31), indices, st.data())
def test_taking_rows_is_drawing_them(seed, rows, data) -> None:
    mask = torch.tensor(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    x = torch.empty(len(rows), 4)
    drawn = Noise(seed, tuple(rows)).normal(x, "a", 1)
    assert torch.equal(Noise(seed, tuple(rows)).take(mask).normal(x[mask], "a", 1), drawn[mask])


@given(st.integers(0, 2**31), st.integers(0, 2**31), st.text(), st.text())
def test_seeds_and_purposes_are_told_apart(seed, other, purpose, second) -> None:
    same = (seed, purpose) == (other, second)
    assert (derive(seed, purpose) == derive(other, second)) == same
    assert 0 <= derive(seed, purpose) < 2**63


def test_forked_is_seeded_inside_and_leaves_no_trace() -> None:
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    draws = []
    for _ in range(2):
        with forked(7):
            draws.append((torch.rand(1).item(), np.random.rand(), random.random()))
    assert draws[0] == draws[1]
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]

"""Square searches as its authors' code does, query by query."""

import pytest
import torch
from pyautoattack.square import SquareAttack
from test_apgd import net

from workbench.attacks import NEVER, square
from workbench.seeds import Noise, forked
from workbench.threat import ThreatModel


def theirs(model, x, y, eps: float, queries: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries (n,) and best points of the authors' code."""
    attack = SquareAttack(
        model, norm="Linf", eps=eps, n_queries=queries, seed=5, resc_schedule=False, device="cpu"
    )
    with forked(5):
        attack.init_hyperparam(x)
        return attack.attack_single_run(x, y)


def ours(model, x, y, eps: float, queries: int):
    stream = torch.Generator().manual_seed(5)
    n, c, _, w = x.shape
    stripes = torch.rand(n, c, 1, w, generator=stream)
    draws = torch.rand(queries, 2 + c, generator=stream)
    return square.search(model, x, y, ThreatModel("Linf", repr(eps)), stripes, draws)


@pytest.mark.parametrize("samples", [1, 5, 24])
@pytest.mark.parametrize("eps", [0.01, 0.05, 0.1])
def test_points_and_queries_are_the_authors(samples, eps) -> None:
    model, x, y = net()
    x, y = x[:samples], y[:samples]
    queries, expected = theirs(model, x, y, eps, 600)
    found = ours(model, x, y, eps, 600)
    assert torch.allclose(found.x_adv, expected, atol=1e-6)
    fell = model(expected).argmax(1) != y
    assert torch.equal(found.first_success != NEVER, fell)
    assert torch.equal(found.first_success[fell], queries.long()[fell] - 1)


def test_one_at_a_time_is_the_same_as_several_ahead(monkeypatch) -> None:
    model, x, y = net()
    ahead = ours(model, x, y, 0.03, 400)
    monkeypatch.setattr(square, "TOGETHER", 1)
    single = ours(model, x, y, 0.03, 400)
    assert torch.equal(ahead.first_success, single.first_success)
    assert torch.allclose(ahead.x_adv, single.x_adv, atol=1e-6)
    assert (single.forwards <= ahead.forwards).all()
    assert (single.forwards <= 401).all()


def test_a_row_does_not_depend_on_its_batch() -> None:
    model, x, y = net()
    attack, threat = square.Square(queries=200), ThreatModel("Linf", "0.04")
    whole = attack(model, x, y, threat, Noise(1, tuple(range(24))))
    part = attack(model, x[5:9], y[5:9], threat, Noise(1, (5, 6, 7, 8)))
    assert torch.equal(whole.first_success[5:9], part.first_success)
    assert torch.allclose(whole.x_adv[5:9], part.x_adv, atol=1e-6)


def test_sides_shrink_as_in_the_paper() -> None:
    sides = [square.side(query, 28, 28) for query in (0, 11, 51, 201, 501, 1001, 2001, 4001)]
    assert sides == [25, 18, 13, 9, 6, 4, 3, 2]  # round(28·sqrt(0.8 / 2^k))


def test_l2_stays_inside_and_counts_its_queries() -> None:
    model, x, y = net()
    threat = ThreatModel("L2", "0.6")
    found = square.Square(queries=100)(model, x, y, threat, Noise(1, tuple(range(24))))
    assert threat.contains(found.x_adv, x).all()
    fell = found.first_success != NEVER
    assert torch.equal(model(found.x_adv).argmax(1) != y, fell)
    assert (found.forwards[~fell] >= 100).all()


def test_narrowing_gives_up_what_lost_too_little_and_nothing_else() -> None:
    model, x, y = net()
    threat, drawn = ThreatModel("Linf", "0.03"), square.random(x, Noise(1, tuple(range(24))), 400)
    whole = square.search(model, x, y, threat, *drawn)
    nobody = square.search(model, x, y, threat, *drawn, {50: 1e9})
    assert torch.equal(nobody.first_success, whole.first_success)
    everybody = square.search(model, x, y, threat, *drawn, {50: -1.0})
    early = (whole.first_success != NEVER) & (whole.first_success <= 50)
    assert torch.equal(everybody.first_success != NEVER, early)
    assert 0 < early.sum() < 24
    assert (everybody.forwards[~early] < whole.forwards[~early]).all()


def test_a_row_does_not_depend_on_its_batch_where_it_is_narrowed() -> None:
    model, x, y = net()
    threat, narrowing = ThreatModel("Linf", "0.03"), {40: 0.9, 90: 0.5}
    whole = square.random(x, Noise(1, tuple(range(24))), 200)
    found = square.search(model, x, y, threat, *whole, narrowing)
    for row in range(24):
        own = square.random(x[row : row + 1], Noise(1, (row,)), 200)
        alone = square.search(model, x[row : row + 1], y[row : row + 1], threat, *own, narrowing)
        assert torch.equal(alone.first_success, found.first_success[row : row + 1])

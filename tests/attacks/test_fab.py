"""FAB: the projection against its conditions of optimality, the attack against its authors'."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyautoattack.fab_projections import projection_l2, projection_linf
from pyautoattack.fab_pt import FABAttack_PT
from test_apgd import CASES, net

from workbench.attacks import NEVER, fab
from workbench.attacks.losses import targets
from workbench.seeds import forked
from workbench.threat import ThreatModel

NORMS = {"Linf": projection_linf, "L2": projection_l2}


def onto(x: torch.Tensor, normal: torch.Tensor, offset: torch.Tensor, norm: str) -> torch.Tensor:
    """The shortest way from x to the plane ⟨normal, ·⟩ = offset, inside the box."""
    value = (normal * x).flatten(1).sum(1) - offset
    return fab.Plane(normal, ThreatModel(norm, "0.1")).shortest_way(x, value)


@pytest.mark.parametrize("norm", NORMS)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([0.01, 0.3, 2.0, 30.0]))
@example(seed=22, scale=30.0)
@settings(max_examples=40, deadline=None)
def test_projection_is_the_authors(norm, seed, scale) -> None:
    g = torch.Generator().manual_seed(seed)
    x, w = torch.rand(6, 1, 5, 4, generator=g), torch.randn(6, 1, 5, 4, generator=g)
    x[:, :, 0] = 0
    offset = (w * x).flatten(1).sum(1) + scale * torch.randn(6, generator=g)
    found = onto(x, w, offset, norm).flatten(1)
    expected = NORMS[norm](x.flatten(1), w.flatten(1).clone(), offset.clone())
    apart = (found - expected).abs().amax(1)
    # where few pixels are left to move, theirs may stop short of the plane by a rounding error
    ours, theirs = (gap_to_plane(x, way, w, offset) for way in (found, expected))
    assert ((apart < 2e-5) | ((ours < theirs) & (apart < 1e-3))).all()


def gap_to_plane(
    x: torch.Tensor, way: torch.Tensor, normal: torch.Tensor, offset: torch.Tensor
) -> torch.Tensor:
    """|⟨normal, x + way⟩ − offset| in float64: (n,)."""
    reached = x.flatten(1).double() + way.double()
    return ((normal.flatten(1).double() * reached).sum(1) - offset.double()).abs()


@pytest.mark.parametrize("norm", NORMS)
def test_projection_reaches_the_plane_where_the_box_allows_it(norm) -> None:
    g = torch.Generator().manual_seed(1)
    x, w = torch.rand(50, 3, 4, 4, generator=g), torch.randn(50, 3, 4, 4, generator=g)
    goal = torch.rand(50, 3, 4, 4, generator=g)  # a point of the box: the plane through it meets it
    offset = (w * goal).flatten(1).sum(1)
    d = onto(x, w, offset, norm)
    assert ((x + d) >= -1e-6).all()
    assert ((x + d) <= 1 + 1e-6).all()
    assert torch.allclose((w * (x + d)).flatten(1).sum(1), offset, atol=1e-4)
    length = ThreatModel(norm, "0.1").length
    assert (length(d) <= length(goal - x) + 1e-5).all()


@pytest.mark.parametrize("norm", NORMS)
def test_a_zero_gradient_moves_nothing(norm) -> None:
    x = torch.full((2, 1, 3, 3), 0.5)
    d = onto(x, torch.zeros_like(x), torch.ones(2), norm)
    assert torch.equal(d, torch.zeros_like(x))


@pytest.mark.parametrize(("norm", "eps"), CASES)
def test_verdicts_are_the_authors(norm, eps) -> None:
    model, x, y = net()
    theirs = FABAttack_PT(
        model, norm=norm, eps=eps, n_iter=100, seed=0, targeted=True, n_target_classes=1,
        device="cpu",
    )  # fmt: skip
    with forked(0):
        expected = model(theirs.perturb(x.clone(), y.clone())).argmax(1) != y
    threat = ThreatModel(norm, repr(eps))
    found = fab.approach(model, x, y, targets(model(x), y, 1)[:, 0], threat, 100)
    assert torch.equal(found.first_success != NEVER, expected)
    assert expected.sum() > 0
    assert threat.contains(found.x_adv, x).all()
    assert torch.equal(model(found.x_adv).argmax(1) != y, expected)

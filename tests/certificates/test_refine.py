"""Bounds inside the net: through windows and through whole images they are the same."""

import pytest
import torch
from toys import NETS, images, toy

from workbench.certificates import certified_margins
from workbench.certificates.ball import Ball
from workbench.certificates.interval import interval_bounds
from workbench.certificates.refine import cost, refined
from workbench.certificates.tracing import trace
from workbench.certificates.windows import windows
from workbench.threat import ThreatModel


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_windows_give_what_whole_images_give(name, norm, monkeypatch):
    monkeypatch.setattr("workbench.certificates.windows.SMALL", 100)
    net, ball = trace(toy(name), images(5)), Ball(images(5), ThreatModel(norm, "0.05"))
    assert any(windows(net, target) for target in range(3, len(net.shapes)))
    boxes = interval_bounds(net, ball)
    found = refined(net, boxes, ball)
    monkeypatch.setattr("workbench.certificates.refine.windows", lambda *_: None)
    whole = refined(net, boxes, ball)
    for part, expected, before in zip(found, whole, boxes, strict=True):
        torch.testing.assert_close(part.low, expected.low, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(part.high, expected.high, atol=1e-3, rtol=1e-3)
        assert (part.low >= before.low).all()
        assert (part.high <= before.high).all()


def test_the_cost_counts_every_open_element_and_none_in_a_tiny_ball():
    net, x = trace(toy("plain"), images(5)), images(5)
    boxes = interval_bounds(net, Ball(x, ThreatModel("Linf", "0.05")))
    second, third = (((b.low < 0) & (b.high > 0)).flatten(1).sum(1) for b in (boxes[3], boxes[6]))
    small = 6 + 4 * 4 * 4 * 2 + 2 * 6 * 6  # a neuron, both values of its window, and its pixels
    images_ = 2 * 144 + 2 * 4 * 144 + 3 * 216 + 12
    assert cost(net, boxes).tolist() == (second * small + third * images_).tolist()
    assert second.min() > 0
    tiny = interval_bounds(net, Ball(x, ThreatModel("Linf", "1e-9")))
    assert cost(net, tiny).sum() < cost(net, boxes).min()


def test_beyond_the_budget_the_cheap_bound_remains_or_none():
    net, x = toy("plain"), images(5)
    y, threat = net(x).argmax(1), ThreatModel("Linf", "0.03")
    full = certified_margins(net, x, y, threat)
    cheap = certified_margins(net, x, y, threat, budget=20_000)
    assert (cheap <= full).all()
    assert (cheap < full).any()
    assert certified_margins(net, x, y, threat, budget=1000) is None

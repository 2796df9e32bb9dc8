"""Which samples are proved robust."""

import math

import torch
from torch import Tensor, nn

from workbench.certificates.ball import Ball
from workbench.certificates.crown import lower_bounds
from workbench.certificates.interval import Box, interval_bounds
from workbench.certificates.network import Network
from workbench.certificates.refine import cost, refined
from workbench.certificates.tracing import trace
from workbench.devices import full_precision
from workbench.threat import ThreatModel

HELD = 1 << 24  # numbers in the boxes of the samples that are bounded at a time


@torch.no_grad()
@full_precision()
def certified_margins(
    model: nn.Module, x: Tensor, y: Tensor, threat: ThreatModel, budget: int = 1 << 26
) -> Tensor | None:
    """Lower bounds, over the threat model's images around x, of logit y less logit t.

    x (n, c, h, w) float32 in [0, 1], y (n,) -> (n, classes), with +inf where t is y and −inf where
    there is no bound. They hold for the logits as float32 arithmetic gives them.

    CROWN first takes the boxes inside the net from interval bounds (about 2 ms an image on small
    nets). Samples that are classified right and stay open then get those boxes from CROWN too,
    where that takes no more than ``budget`` coefficients: about 10 ms of one core for each million.

    None where the model has an operation that the bounds do not know, and where the cheap bound
    alone is beyond the budget.
    """
    network = trace(model, x)
    if network is None or network.shapes[-1][0] * _numbers(network) > budget:
        return None
    many = max(1, HELD // (network.shapes[-1][0] * _numbers(network)))
    parts = zip(x.split(many), y.split(many), strict=True)
    margins = [_margins(network, Ball(part, threat), labels, budget) for part, labels in parts]
    return torch.cat(margins).nan_to_num(-torch.inf, torch.inf, -torch.inf)


def certified(margins: Tensor, y: Tensor) -> Tensor:
    """Samples whose every other class stays below y: (n, classes), (n,) -> (n,) bool.

    No safety margin is needed: the bounds already give away all that float32 can lose, and more.
    """
    return (margins.scatter(1, y.unsqueeze(1), torch.inf) > 0).all(1)


def _numbers(network: Network) -> int:
    return sum(math.prod(shape) for shape in network.shapes)


def _margins(network: Network, ball: Ball, y: Tensor, budget: int) -> Tensor:
    boxes = interval_bounds(network, ball)
    margins = _at_the_output(network, boxes, ball, y)
    worth = (network(ball.x).argmax(1) == y) & (cost(network, boxes) <= budget)
    open_ = (worth & ~certified(margins, y)).nonzero().squeeze(1)
    if len(open_):
        near = ball.rows(open_)
        tight = refined(network, [box.rows(open_) for box in boxes], near)
        better = _at_the_output(network, tight, near, y[open_])
        margins[open_] = torch.maximum(margins[open_], better)
    return margins


def _at_the_output(network: Network, boxes: list[Box], ball: Ball, y: Tensor) -> Tensor:
    identity = torch.eye(network.shapes[-1][0], device=y.device)
    rows = identity[y].unsqueeze(1) - identity
    bounds = lower_bounds(network, boxes, ball, len(network.operations), rows)
    return bounds.scatter(1, y.unsqueeze(1), torch.inf)

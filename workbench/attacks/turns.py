"""Attacks that take turns on the samples that are still open."""

from collections.abc import Iterator

import torch
from torch import nn

from workbench import certificates
from workbench.attacks.attempt import NEVER, Attempt
from workbench.attacks.losses import targets
from workbench.threat import ThreatModel

TOGETHER = 128  # images that a pass should have: few open samples meet several targets at once


class Turns:
    """What has become of each sample of a batch; the attacks' methods add to it.

    model, x (n, c, h, w), y (n,), threat: what is attacked.
    first: forward passes that a sample had had when it fell, NEVER while it stands: (n,).
    goals: the most likely other classes, best first: (n, most). unreachable: those of them that a
    bound proves no image of the threat model to reach: (n, most) bool. proved: samples of which
    that holds for every class: (n,) bool.
    """

    def __init__(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, threat: ThreatModel, most: int
    ) -> None:
        self.model, self.x, self.y, self.threat = model, x, y, threat
        with torch.no_grad():
            self.goals = targets(model(x), y, most)
        self.unreachable = torch.zeros_like(self.goals, dtype=torch.bool)
        self.proved = torch.zeros_like(y, dtype=torch.bool)
        self.x_adv = x.clone()
        self.first = torch.full_like(y, NEVER)
        self.forwards, self.backwards = torch.ones_like(y), torch.zeros_like(y)

    def standing(self) -> torch.Tensor:
        """The samples that no attack has broken, proved robust or not: row numbers (m,)."""
        return (self.first == NEVER).nonzero()[:, 0]

    def open(self) -> torch.Tensor:
        """The samples that an attack may still break: row numbers (m,)."""
        return ((self.first == NEVER) & ~self.proved).nonzero()[:, 0]

    def attempt(self) -> Attempt:
        """The proposal for all samples."""
        return Attempt(self.x_adv, self.first, self.forwards, self.backwards, certified=self.proved)

    def certify(self, rows: torch.Tensor, budget: int) -> None:
        """Find what a sound bound proves of some samples; nothing where it knows no bound.

        budget: of each sample, see certificates.certified_margins.
        """
        if len(rows) == 0:
            return
        x, y = self.x[rows], self.y[rows]
        margins = certificates.certified_margins(self.model, x, y, self.threat, budget)
        if margins is not None:
            self.proved[rows] = certificates.certified(margins, self.y[rows])
            self.unreachable[rows] = margins.gather(1, self.goals[rows]) > 0

    def record(self, rows: torch.Tensor, found: Attempt) -> None:
        """Add what an attack cost and found on some samples: (m,), where a sample may recur.

        Of several successes on a sample the first one counts.
        """
        assert found.first_success is not None
        assert found.forwards is not None
        assert found.backwards is not None
        self.forwards.index_add_(0, rows, found.forwards)
        self.backwards.index_add_(0, rows, found.backwards)
        hits = (found.first_success != NEVER).nonzero()[:, 0]
        nobody = torch.full_like(self.y, len(rows))
        which = nobody.scatter_reduce(0, rows[hits], hits, "amin")
        fallen = (which < len(rows)).nonzero()[:, 0]
        self.x_adv[fallen] = found.x_adv[which[fallen]]
        self.first[fallen] = self.forwards[fallen]

    def rounds(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Every open sample with each class that it may reach: row numbers and ranks (m,), (m,).

        Likely classes come first; where few samples are open, several ranks come at once.
        """
        begin, most = 0, self.goals.shape[1]
        while begin < most and len(rows := self.open()):
            stop = min(begin + together(len(rows)), most)
            rank, place = (~self.unreachable[rows, begin:stop]).t().nonzero(as_tuple=True)
            if len(rank):
                yield rows[place], rank + begin
            begin = stop


def together(samples: int) -> int:
    """How many targets so many samples should meet in one pass."""
    return max(1, TOGETHER // samples)

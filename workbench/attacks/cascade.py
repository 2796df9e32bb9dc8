"""AutoAttack's verdict for less: passes are spent only where they can change the answer.

Samples leave at their first success, inside an attack and between attacks, and where a sound
bound proves that no attack can succeed. Three verdicts, named for what they promise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import nn

from workbench.attacks import apgd, fab, square
from workbench.attacks.attempt import NEVER, Attempt
from workbench.attacks.losses import cross_entropy, targeted_dlr
from workbench.attacks.turns import Turns, together
from workbench.errors import InputError
from workbench.seeds import Noise
from workbench.threat import NORMS, ThreatModel

STEPS, TARGETS, QUERIES = 100, 9, 5000  # of AutoAttack's `standard` version
PROBE = 10  # steps of a first look, which most samples that fall do not survive
NARROWING = {200: 0.4, 600: 0.1}  # measured: samples that Square breaks are below these shares
BUDGET = 1 << 25  # of a sample's certificate: up to 300 ms, where such nets' attacks take 800


@dataclass(frozen=True)
class CascadeExact:
    """AutoAttack `standard` with its own random stream, and only the waste removed.

    The verdict of AutoAttack on the same batch, for every sample: the same attacks in the same
    order from the same random numbers. What a bound proves robust is not attacked, which changes
    no verdict. Sums are rounded in another order, so equality is measured, not proved. Below 4
    classes, where AutoAttack has no standard version, it takes the losses that exist there.
    """

    version: ClassVar[int] = 2
    as_given: ClassVar[bool] = False
    stop_at_success: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = True

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        turns = Turns(model, x, y, threat, TARGETS)
        _certify_what_withstands_a_probe(turns)
        rows = turns.open()
        _climb(turns, rows, _like(x, threat, _stream(noise))[rows], STEPS)
        _targets_in_order(turns, _stream(noise))
        turns.unreachable[:] = False  # AutoAttack's FAB goes there too, and may meet a third class
        _approach(turns)
        _search_in_order(turns, noise)
        return turns.attempt()


@dataclass(frozen=True)
class Cascade:
    """The complete verdict: AutoAttack's four attacks with their full budgets, or a proof.

    Every sample that stands was proved robust, or withstood APGD on the cross-entropy, targeted
    APGD and FAB towards each of the nine likeliest classes that no bound proves unreachable, and
    Square. Its random numbers belong to each sample, so a verdict does not depend on the batch;
    in L2 Square is the authors' own, whose numbers belong to the batch.
    """

    version: ClassVar[int] = 2
    as_given: ClassVar[bool] = False
    stop_at_success: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = True

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        turns = Turns(model, x, y, threat, TARGETS)
        _climb_from_noise(turns, noise, PROBE)
        turns.certify(turns.open(), BUDGET)
        _climb_from_noise(turns, noise, STEPS)
        _targets(turns, noise, STEPS)
        _approach(turns)
        _search(turns, noise, {})
        return turns.attempt()


@dataclass(frozen=True)
class CascadeFast:
    """A quick upper bound: few steps of APGD, and under Linf Square where it makes headway.

    APGD on the cross-entropy, then towards the likeliest classes, then, under Linf, Square, which
    gives a sample up whose margin is still above 40 % after 200 queries or 10 % after 600. It
    leaves out FAB, the other classes, most of the steps, and the dearer bounds: what it calls
    robust may fall to `cascade`. Of the zoo's standard-at, which is trained under Linf, it leaves
    48 % of 60 samples under L2 1.5, and `cascade` 13 %, mostly by Square, which needs
    thousands of queries there.
    steps: of APGD on the cross-entropy. targets, target_steps: classes, and steps towards each.
    budget: of bounds, see certificates.certified_margins.
    """

    steps: int = 20
    targets: int = 2
    target_steps: int = 40
    budget: int = 1 << 17
    version: ClassVar[int] = 3
    as_given: ClassVar[bool] = False
    stop_at_success: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if min(self.steps, self.targets, self.target_steps, self.budget) < 1:
            raise InputError("cascade-fast needs every setting ≥ 1")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        turns = Turns(model, x, y, threat, self.targets)
        _climb_from_noise(turns, noise, self.steps)
        turns.certify(turns.open(), self.budget)
        _targets(turns, noise, self.target_steps)
        if threat.norm == "Linf":
            _search(turns, noise, NARROWING)
        return turns.attempt()


@dataclass(frozen=True)
class TargetedAPGD:
    """AutoAttack's targeted APGD: towards each of the likeliest other classes, best first.

    targets: how many classes. steps: towards each.
    """

    targets: int = TARGETS
    steps: int = STEPS
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = False
    stop_at_success: ClassVar[bool] = True
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if min(self.targets, self.steps) < 1:
            raise InputError("apgd-t needs targets and steps ≥ 1")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        turns = Turns(model, x, y, threat, self.targets)
        _targets(turns, noise, self.steps)
        return turns.attempt()


def _climb(turns: Turns, rows: torch.Tensor, random: torch.Tensor, steps: int) -> None:
    """APGD on the cross-entropy from random numbers like x[rows]."""
    if len(rows) == 0:
        return
    x, y = turns.x[rows], turns.y[rows]
    begin = apgd.start(x, turns.threat, random)
    turns.record(rows, apgd.climb(turns.model, x, y, y, turns.threat, begin, cross_entropy, steps))


def _climb_targeted(
    turns: Turns, rows: torch.Tensor, ranks: torch.Tensor, random: torch.Tensor, steps: int
) -> Attempt:
    """Targeted APGD on (sample, rank of the target) pairs from random numbers like x[rows]."""
    x, y, goals = turns.x[rows], turns.y[rows], turns.goals[rows, ranks]
    begin = apgd.start(x, turns.threat, random)
    return apgd.climb(turns.model, x, y, goals, turns.threat, begin, targeted_dlr, steps)


def _approach(turns: Turns) -> None:
    """Targeted FAB, which draws no random numbers."""
    for rows, ranks in turns.rounds():
        x, y, goals = turns.x[rows], turns.y[rows], turns.goals[rows, ranks]
        turns.record(rows, fab.approach(turns.model, x, y, goals, turns.threat, STEPS))


# Random numbers that belong to each sample


def _climb_from_noise(turns: Turns, noise: Noise, steps: int) -> None:
    rows = turns.open()
    random = apgd.drawn(turns.x[rows], turns.threat, noise.take(rows), "apgd", steps)
    _climb(turns, rows, random, steps)


def _targets(turns: Turns, noise: Noise, steps: int) -> None:
    for rows, ranks in turns.rounds():
        parts = []
        for rank in ranks.unique().tolist():  # pairs come rank by rank
            own = rows[ranks == rank]
            x, sample_noise = turns.x[own], noise.take(own)
            parts.append(apgd.drawn(x, turns.threat, sample_noise, "apgd-t", rank))
        turns.record(rows, _climb_targeted(turns, rows, ranks, torch.cat(parts), steps))


def _search(turns: Turns, noise: Noise, narrowing: Mapping[int, float]) -> None:
    rows = turns.open()
    if len(rows) == 0:
        return
    x, y, own, threat = turns.x[rows], turns.y[rows], noise.take(rows), turns.threat
    if threat.norm == "L2":
        found = square.authors_l2(turns.model, x, y, threat, noise.seed, QUERIES)
    else:
        drawn = square.random(x, own, QUERIES)
        found = square.search(turns.model, x, y, threat, *drawn, narrowing)
    turns.record(rows, found)


# AutoAttack's own stream: each attack starts its generator anew, and draws for all samples that
# stand, proved robust or not


def _stream(noise: Noise) -> torch.Generator:
    return torch.Generator().manual_seed(noise.seed)


def _like(x: torch.Tensor, threat: ThreatModel, stream: torch.Generator) -> torch.Tensor:
    """The next numbers for random starts, as x."""
    draw = torch.rand if threat.norm == "Linf" else torch.randn
    return draw(x.shape, generator=stream).to(x.device)


def _certify_what_withstands_a_probe(turns: Turns) -> None:
    """Bounds for samples that ten steps do not break; the steps count as cost, not as an attack."""
    x, y, threat = turns.x, turns.y, turns.threat
    probe = apgd.climb(turns.model, x, y, y, threat, x, cross_entropy, PROBE)
    assert probe.first_success is not None
    assert probe.forwards is not None
    assert probe.backwards is not None
    turns.forwards += probe.forwards
    turns.backwards += probe.backwards
    turns.certify((probe.first_success == NEVER).nonzero()[:, 0], BUDGET)


def _targets_in_order(turns: Turns, stream: torch.Generator) -> None:
    """Targeted APGD, one rank after the other, as each draws for the samples then standing.

    Where few samples are open, several ranks are tried at once on the assumption that none of
    them succeeds; what comes after the first success is dropped and done again.
    """
    rank = 0
    while rank < turns.goals.shape[1] and len(rows := turns.open()):
        standing = turns.standing()
        place = torch.searchsorted(standing, rows)
        states, starts = [], []
        for _ in range(min(together(len(rows)), turns.goals.shape[1] - rank)):
            starts.append(_like(turns.x[standing], turns.threat, stream)[place])
            states.append(stream.get_state())
        ranks = torch.arange(rank, rank + len(starts), device=rows.device)
        ranks = ranks.repeat_interleave(len(rows))
        found = _climb_targeted(turns, rows.repeat(len(starts)), ranks, torch.cat(starts), STEPS)
        assert found.first_success is not None
        fell = (found.first_success != NEVER).view(len(starts), -1).any(1)
        last = int(fell.long().argmax()) if fell.any() else len(starts) - 1
        valid = ranks <= rank + last
        found = replace(found, first_success=torch.where(valid, found.first_success, NEVER))
        turns.record(rows.repeat(len(starts)), found)
        stream.set_state(states[last])
        rank += last + 1


def _search_in_order(turns: Turns, noise: Noise) -> None:
    """Square with the squares and stripes that AutoAttack draws."""
    standing, rows = turns.standing(), turns.open()
    if len(rows) == 0:
        return
    model, threat = turns.model, turns.threat
    if threat.norm == "L2":
        x, y = turns.x[standing], turns.y[standing]
        turns.record(standing, square.authors_l2(model, x, y, threat, noise.seed, QUERIES))
        return
    x, y, stream = turns.x[rows], turns.y[rows], _stream(noise)
    channels, _, width = x.shape[1:]
    stripes = torch.rand(len(standing), channels, 1, width, generator=stream)
    draws = torch.rand(QUERIES, 2 + channels, generator=stream).to(x.device)
    mine = stripes.to(x.device)[torch.searchsorted(standing, rows)]
    turns.record(rows, square.search(model, x, y, threat, mine, draws))

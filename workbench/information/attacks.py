"""Attacks that know the critics: to evade a detector by MI, or with MI as their objective."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn

from workbench import named
from workbench.attacks import Attempt
from workbench.attacks.losses import cross_entropy, margins
from workbench.errors import InputError
from workbench.information.pointwise import SIGNS, Reference
from workbench.seeds import Noise
from workbench.specs import ADVERSARIAL, NATURAL
from workbench.threat import NORMS, ThreatModel

GOALS: dict[str, tuple[str, ...]] = {  # of an ascent, with the critics that it takes
    "natural": (NATURAL,),
    "adversarial": (ADVERSARIAL,),
    "difference": (NATURAL, ADVERSARIAL),
    "cross-entropy": (),
}
Values = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class Evasion:
    """Adversarial samples whose natural MI, as a defender has it, gives nothing away.

    The detector scores a received image x̃ with its own output: Î_N(x̃; h(x̃)), low for adversarial
    samples. A round ascends c · aim − max(margin, 0), the aim alone where x̃ is misclassified. c is
    found per sample: after a round that met a misclassified point it is multiplied, after another
    divided, by a factor of which each round takes the square root. Of all points the misclassified
    one that serves the aim best is kept: no threshold need be known. (Carlini & Wagner, AISec
    2017, search c; Bryniarski et al., ICLR 2022, take each step for one of the two.)

    aim: "own" is −|Î_N(x̃; h(x̃)) − Î_N(x; h(x))|, the score of the natural sample itself, so that
    scores are spread as natural ones are; "highest" is Î_N(x̃; h(x̃)), which may end above them all.
    steps: of each round; they become shorter evenly, from `step` (in ε). rounds: the first starts
    at random in the ball, the others at the best point so far. weight: the first c. factor: its
    first change. references: critics by name; no setting: the key of their unit stands for them.
    Raises InputError for other values.
    """

    aim: str = "own"
    steps: int = 40
    step: float = 0.25
    rounds: int = 3
    weight: float = 1.0
    factor: float = 10.0
    references: Mapping[str, Reference] = field(default_factory=dict, compare=False, repr=False)
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = False
    stop_at_success: ClassVar[bool] = False
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = (NATURAL,)

    def __post_init__(self) -> None:
        _check(self.steps, self.step)
        if self.rounds < 1 or not 0 < self.weight < float("inf") or self.factor < 1:
            raise InputError("evasion needs rounds ≥ 1, a finite weight > 0 and factor ≥ 1")
        if self.aim not in ("own", "highest"):
            raise InputError(f"evasion aims at own or highest, not at {self.aim!r}")

    def __call__(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, threat: ThreatModel, noise: Noise
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        search, weight = _Search(model, x, y, threat), x.new_full((len(x),), self.weight)
        with torch.no_grad():
            own = self.references[NATURAL].scores(x, model(x))

        def values(at: torch.Tensor, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            mi = self.references[NATURAL].scores(at, logits)
            served = mi if self.aim == "highest" else -(mi - own).abs()
            return weight * served - margins(logits, y).clamp_min(0), served

        lengths = [self.step * (1 - i / self.steps) for i in range(self.steps)]
        start, factor = threat.random_start(x, noise, "evasion"), self.factor
        for _ in range(self.rounds):
            met = search.ascend(start, values, lengths)
            weight = torch.where(met, weight * factor, weight / factor)
            start, factor = search.best.clone(), factor**0.5
        return Attempt(search.best)


@dataclass(frozen=True)
class InformationAscent:
    """Projected gradient ascent with MI as its objective, without a label.

    objective: "natural" lowers Î_N(x; h(x̃)), "adversarial" raises Î_A(n; h(x̃)), "difference" raises
    the second minus the first, as the λ term of Eq. 8 has it; "cross-entropy" is the control, the
    same ascent of what PGD ascends. The gradient flows through the output; the pattern n is read
    anew at each step. Labels only choose what is kept: of the misclassified points, or of all
    where there is none, the one with the highest objective.
    steps, step: gradient steps and their length in units of ε. references: see Evasion.
    Raises InputError for other values.
    """

    objective: str = "difference"
    steps: int = 40
    step: float = 0.25
    references: Mapping[str, Reference] = field(default_factory=dict, compare=False, repr=False)
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = False
    stop_at_success: ClassVar[bool] = False
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self.steps, self.step)
        if self.objective not in GOALS:
            raise InputError(f"an ascent's objective must be one of {', '.join(GOALS)}")

    @property
    def needs(self) -> tuple[str, ...]:
        """The critics that the objective takes."""
        return GOALS[self.objective]

    def __call__(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, threat: ThreatModel, noise: Noise
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        search = _Search(model, x, y, threat)

        natural = self._local(NATURAL, x)

        def values(at: torch.Tensor, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            vectors = natural | self._local(ADVERSARIAL, at - x)
            value = self._information(vectors, logits)
            value = value if self.needs else cross_entropy(logits, y, y)
            return value, value

        start = threat.random_start(x, noise, "information-ascent")
        search.ascend(start, values, [self.step] * self.steps)
        return Attempt(search.best)

    @torch.no_grad()
    def _local(self, critic: str, patterns: torch.Tensor) -> dict[str, torch.Tensor]:
        """A critic's vectors (n, units) of patterns (n, c, h, w), where it is needed."""
        if critic not in self.needs:
            return {}
        return {critic: self.references[critic].critic.local(patterns)}

    def _information(
        self, vectors: Mapping[str, torch.Tensor], logits: torch.Tensor
    ) -> torch.Tensor:
        """What is raised of outputs (n, classes), with the critics' vectors of patterns: (n,)."""
        value = logits.new_zeros(len(logits))
        for name, local in vectors.items():
            value = value + SIGNS[name] * self.references[name].scores_of(local, logits)
        return value


@dataclass(frozen=True)
class RandomDirection:
    """Noise of the whole length ε in a random direction: the control that knows nothing.

    What a detector finds of it is what it thinks of noise, not of adversarial samples.
    references: it takes none.
    """

    references: Mapping[str, Reference] = field(default_factory=dict, compare=False, repr=False)
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = False
    stop_at_success: ClassVar[bool] = False
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = ()

    def __call__(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, threat: ThreatModel, noise: Noise
    ) -> Attempt:
        """Attack x (n, c, h, w); neither the model nor the labels have a part in it."""
        del model, y
        direction = threat.ascent(noise.normal(x, "random-direction"))
        return Attempt(threat.project(x + threat.epsilon * direction, x))


class _Search:
    """Ascents that share what they keep of each sample: the point that serves an attacker best.

    A misclassified point before one that is not, then the one of highest value. best: those
    points (n, c, h, w).
    """

    def __init__(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, threat: ThreatModel
    ) -> None:
        self._model, self._x, self._y, self._threat = model, x, y, threat
        self.best = x.clone()
        self._wrong = torch.zeros_like(y, dtype=torch.bool)
        self._value = x.new_full((len(x),), -torch.inf)

    def ascend(self, at: torch.Tensor, values: Values, lengths: Sequence[float]) -> torch.Tensor:
        """Ascend from `at`; which samples met a misclassified point: (n,) bool.

        values: of points and their logits, what is ascended and what is kept by, (n,) each.
        lengths: of the steps, in units of ε.
        """
        met = torch.zeros_like(self._wrong)
        for length in lengths:
            at = at.detach().requires_grad_()
            objective = self._look(at, values, met)
            gradient = torch.autograd.grad(objective.sum(), at)[0]
            step = length * self._threat.epsilon * self._threat.ascent(gradient)
            at = self._threat.project(at.detach() + step, self._x)
        with torch.no_grad():
            self._look(at, values, met)
        return met

    def _look(self, at: torch.Tensor, values: Values, met: torch.Tensor) -> torch.Tensor:
        """Keep what is better at the points, and note in `met` who is misclassified there."""
        logits = self._model(at)
        objective, value = values(at, logits)
        wrong, value = logits.detach().argmax(1) != self._y, value.detach()
        better = (wrong & ~self._wrong) | ((wrong == self._wrong) & (value > self._value))
        self.best[better], self._value[better] = at.detach()[better], value[better]
        self._wrong |= wrong
        met |= wrong
        return objective


def _check(steps: int, step: float) -> None:
    if steps < 1 or not 0 < step < float("inf"):
        raise InputError("an attack needs steps ≥ 1 and a finite step > 0 (in ε)")


CriticAttack = Evasion | InformationAscent | RandomDirection
CRITIC_ATTACKS: dict[str, CriticAttack] = {
    "evasion": Evasion(),
    "evasion-highest": Evasion(aim="highest"),
    "natural-mi": InformationAscent("natural"),
    "adversarial-mi": InformationAscent("adversarial"),
    "mi-difference": InformationAscent("difference"),
    "cross-entropy": InformationAscent("cross-entropy"),
    "noise": RandomDirection(),
}


def critic_attack(name: str) -> CriticAttack:
    """An attack that knows the critics, by its name, with other settings after a colon.

    Raises InputError as attacks.attack does.

    >>> critic_attack("evasion:rounds=2").rounds
    2
    """
    return named.choose(CRITIC_ATTACKS, name, "attack on critics")


def critic_attack_label(found: CriticAttack) -> str:
    """The one name of such an attack.

    >>> critic_attack_label(critic_attack("natural-mi:steps=9,step=0.25"))
    'natural-mi:steps=9'
    """
    return named.label(CRITIC_ATTACKS, found)

"""Projected gradient descent (Madry et al., ICLR 2018); FGSM is its first step."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from workbench.attacks.attempt import NEVER, Attempt
from workbench.errors import InputError
from workbench.seeds import Noise
from workbench.threat import NORMS, ThreatModel


@dataclass(frozen=True)
class PGD:
    """Steepest ascent of the cross-entropy inside the threat model.

    steps: gradient steps of each restart.
    step: length of a step in units of ε (the paper: ε/4).
    restarts: independent random starts; later ones attack only what is still classified right.
    random_start: start uniformly in the ball rather than at the natural sample.
    stop_at_success: see Attack. False keeps, per sample, the last misclassified point of the
        path, or the last point where there is none.
    """

    steps: int = 40
    step: float = 0.25
    restarts: int = 1
    random_start: bool = True
    stop_at_success: bool = True
    version: ClassVar[int] = 2
    as_given: ClassVar[bool] = False
    norms: ClassVar[tuple[str, ...]] = NORMS

    def __post_init__(self) -> None:
        if self.steps < 1 or self.restarts < 1 or not 0 < self.step < float("inf"):
            raise InputError("PGD needs steps ≥ 1, restarts ≥ 1 and a finite step > 0 (in ε)")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,); a restart makes steps + 1 looks."""
        walk = Walk(model, x, y, self.restarts * (self.steps + 1), self.stop_at_success)
        for restart in range(self.restarts):
            walk.reopen()
            if walk.is_over:
                break
            self._restart(walk, threat, noise, restart)
        return walk.attempt()

    def _restart(self, walk: "Walk", threat: ThreatModel, noise: Noise, restart: int) -> None:
        """Walk once from one random start."""
        at = walk.x
        if self.random_start:
            at = threat.random_start(at, noise.take(walk.rows), "pgd", restart)
        for _ in range(self.steps):
            gradient = walk.look(at)
            at, gradient = walk.leave(at, gradient)
            if walk.is_over:
                return
            at = threat.project(at + self.step * threat.epsilon * threat.ascent(gradient), walk.x)
        walk.look_last(at)


class Walk:
    """What an attack that goes step by step does at each of its points: look, note, leave.

    A look is one forward pass of the samples that are still attacked. It gives the verdict, the
    cross-entropy, which the attack raises, and its gradient. What is kept of a sample is its last
    misclassified point, or its last point where there is none.

    x, y, rows: the samples still attacked (m, c, h, w), their labels (m,), and their places
        among all samples (m,).
    """

    def __init__(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, looks: int, stop: bool
    ) -> None:
        """looks: the most that a sample can get; stop: samples leave once misclassified."""
        self._model, self._all, self._stop = model, (x, y), stop
        self._kept = x.clone()
        self._first = torch.full_like(y, NEVER)
        self._forwards, self._backwards = torch.zeros_like(y), torch.zeros_like(y)
        self._losses = x.new_full((len(x), looks), float("nan"))
        self._looks = 0
        self.reopen()

    @property
    def is_over(self) -> bool:
        """Whether no sample is left."""
        return len(self.rows) == 0

    def reopen(self) -> None:
        """Go on with all samples that were never misclassified."""
        self._keep((self._first == NEVER).nonzero().squeeze(1))

    def look(self, at: torch.Tensor) -> torch.Tensor:
        """Note the verdict on the points (m, c, h, w), and give the loss's gradient there."""
        at = at.detach().requires_grad_()
        losses = self._note(at)
        self._backwards[self.rows] += 1
        return torch.autograd.grad(losses.sum(), at)[0]

    @torch.no_grad()
    def look_last(self, at: torch.Tensor) -> None:
        """Note the verdict on the points (m, c, h, w), without a gradient."""
        self._note(at)

    def gradient(self, at: torch.Tensor, transformed: torch.Tensor) -> torch.Tensor:
        """The gradient at `at` of the loss at points computed from it, which get no verdict."""
        losses = F.cross_entropy(self._model(transformed), self.y, reduction="none")
        self._forwards[self.rows] += 1
        self._backwards[self.rows] += 1
        return torch.autograd.grad(losses.sum(), at)[0]

    def leave(self, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Let go of samples that have fallen; what is left of tensors with a row per sample."""
        stay = self._first[self.rows] == NEVER
        if not self._stop or bool(stay.all()):
            return state
        self._keep(self.rows[stay])
        return tuple(tensor[stay] for tensor in state)

    def attempt(self) -> Attempt:
        """All that was found."""
        return Attempt(self._kept, self._first, self._forwards, self._backwards, self._losses)

    def _keep(self, rows: torch.Tensor) -> None:
        self.rows = rows
        self.x, self.y = (tensor[rows] for tensor in self._all)

    def _note(self, at: torch.Tensor) -> torch.Tensor:
        """Look at the points: their losses (m,)."""
        logits = self._model(at)
        losses = F.cross_entropy(logits, self.y, reduction="none")
        wrong = logits.detach().argmax(1) != self.y
        first = self._first[self.rows]
        self._first[self.rows] = torch.where(wrong & (first == NEVER), self._looks, first)
        kept = wrong | (first == NEVER)
        self._kept[self.rows[kept]] = at.detach()[kept]
        self._forwards[self.rows] += 1
        self._losses[self.rows, self._looks] = losses.detach()
        self._looks += 1
        return losses

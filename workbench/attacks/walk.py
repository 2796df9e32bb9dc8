"""Attacks that go step by step: at each point they look, note the verdict, and let samples go."""

import torch
from torch import nn
from torch.nn import functional as F

from workbench.attacks.attempt import NEVER, Attempt


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
        if not self._stop:
            return state
        stay = self._first[self.rows] == NEVER
        if bool(stay.all()):
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
        kept = (wrong | (first == NEVER)).view(
            -1, *[1] * (at.dim() - 1)
        )  # a mask would wait for a GPU
        self._kept[self.rows] = torch.where(kept, at.detach(), self._kept[self.rows])
        self._forwards[self.rows] += 1
        self._losses[self.rows, self._looks] = losses.detach()
        self._looks += 1
        return losses

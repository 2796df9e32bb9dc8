"""NAMID: adversarial training with natural and adversarial MI (Zhou et al., ICML 2022, Eq. 7-9)."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from workbench.defenses.defense import AdversarialLoss, Batch, frozen
from workbench.defenses.mart import MART
from workbench.defenses.standard_at import StandardAT
from workbench.defenses.trades import TRADES
from workbench.errors import InputError
from workbench.information import SIGNS, Reference, infonce, selected
from workbench.specs import ADVERSARIAL, NATURAL

BASES: dict[str, AdversarialLoss] = {
    "standard-at": StandardAT(),
    "trades": TRADES(),
    "mart": MART(),
}


def cosine_distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """|1 − cosine| of two vectors (m,), scalar in [0, 2]: L_cos of Eq. 8."""
    return (1 - F.cosine_similarity(first, second, dim=0)).abs()


def every_pair(
    logits: torch.Tensor, adversarial_logits: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """In the place of Eq. 6, (n,) bool: all."""
    del logits, adversarial_logits
    return torch.ones_like(y, dtype=torch.bool)


SIMILARITIES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "cosine": cosine_distance,
    "gap": F.smooth_l1_loss,
}
DIFFERENCES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "literal": lambda difference: difference,
    "softplus": F.softplus,
}
SELECTIONS: dict[str, Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "eq6": selected,
    "all": every_pair,
}
Values = dict[str, tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class NAMID:
    """The loss of another defense, plus α L_mi over selected pairs.

    L_mi = L_cos(E_n(h(x̃)), E_n(h(x))) + L_cos(E_a(h(x̃)), E_a(h(x))) + λ [E_a(h(x̃)) − E_n(h(x̃))]
    where E_n and E_a are pointwise natural and adversarial MI in nats against a fixed reference
    set, and L_cos(a, b) = |1 − cosine(a, b)| of the vectors of all selected samples' values.

    base: whose loss it is added to: standard-at (NAMID), trades (NAMID_T), mart (NAMID_M).
    alpha, lam: α and λ. warmup: share of the steps over which α rises from 0, evenly.
    selection: the pairs that Eq. 6 selects, "eq6", or "all" of the batch.
    similarity: "cosine" as above, or "gap": the mean smooth distance of the values themselves,
    which a common factor does not hide. difference: the λ term "literal", which has no lower
    bound, or "softplus", which is softplus(E_a − E_n) and fades where natural MI leads.
    without: leaves out what one kind of MI adds, "natural" or "adversarial", as in Fig. 5.
    refresh: the critics follow the net: each step they also take one step of InfoNCE on the
    batch's own pairs, and its patterns are the reference set.
    Raises InputError for other values.
    """

    base: str = "standard-at"
    alpha: float = 5.0
    lam: float = 0.1
    warmup: float = 0.0
    selection: str = "eq6"
    similarity: str = "cosine"
    difference: str = "literal"
    refresh: bool = False
    without: str = ""
    version: ClassVar[int] = 1
    fitted: ClassVar[tuple[str, ...]] = (NATURAL, ADVERSARIAL)

    def __post_init__(self) -> None:
        choices: dict[str, Collection[str]] = {
            "base": BASES,
            "selection": SELECTIONS,
            "similarity": SIMILARITIES,
            "difference": DIFFERENCES,
            "without": ("", NATURAL, ADVERSARIAL),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise InputError(f"namid:{name} must be one of {', '.join(filter(None, known))}")
        if not 0 <= self.warmup <= 1 or not math.isfinite(self.alpha + self.lam):
            raise InputError("namid needs finite alpha and lam, and warmup in [0, 1]")

    @property
    def trained(self) -> tuple[str, ...]:
        """See Defense."""
        return self.fitted if self.refresh else ()

    def __call__(self, batch: Batch) -> torch.Tensor:
        base = BASES[self.base]
        x_adv = base.perturb(batch)
        logits, adversarial_logits = batch.outputs(x_adv)
        loss = base.loss(logits, adversarial_logits, batch.y)
        patterns = {NATURAL: batch.x, ADVERSARIAL: x_adv - batch.x}
        own = {NATURAL: logits, ADVERSARIAL: adversarial_logits}
        critics = {name: batch.critics[name] for name in own if name != self.without}
        if self.refresh:
            followed = {n: _follow(critics[n], patterns[n], own[n]) for n in critics}
            loss = loss - sum(bound for bound, _ in followed.values())
            critics = {name: reference for name, (_, reference) in followed.items()}
        rows = SELECTIONS[self.selection](logits, adversarial_logits, batch.y)
        batch.notes["selected"] = rows.float().mean()
        if self.alpha == 0 or rows.sum() < 2:
            return loss
        values = {}
        for name, reference in critics.items():
            if self.refresh:  # its reference set is this batch
                local = reference.vectors[rows]
            else:
                with torch.no_grad():
                    local = reference.critic.local(patterns[name][rows])
            values[name] = _values(reference, local, logits[rows], adversarial_logits[rows])
        return loss + self._weight(batch.done) * self._information(values, batch.notes)

    def _weight(self, done: float) -> float:
        """α after a share of the steps."""
        return self.alpha * (min(1.0, done / self.warmup) if self.warmup else 1.0)

    def _information(self, values: Values, notes: dict[str, torch.Tensor]) -> torch.Tensor:
        """L_mi, from E_n and E_a of natural and adversarial outputs, (m,) each."""
        for name, (natural, adversarial) in values.items():
            notes[f"{name} score of x"] = natural.mean().detach()
            notes[f"{name} score of x̃"] = adversarial.mean().detach()
        apart = {name: SIMILARITIES[self.similarity](*pair) for name, pair in values.items()}
        distance = f"{self.similarity} distance"
        notes.update({f"{name} {distance}": value.detach() for name, value in apart.items()})
        signed = [SIGNS[name] * adversarial for name, (_, adversarial) in values.items()]
        difference = torch.stack(signed).sum(0)
        return (
            torch.stack([*apart.values()]).sum()
            + self.lam * DIFFERENCES[self.difference](difference).mean()
        )


def _follow(
    reference: Reference, patterns: torch.Tensor, outputs: torch.Tensor
) -> tuple[torch.Tensor, Reference]:
    """The bound that a critic trained along maximises, which the net is not asked to, and that
    critic with the batch's patterns as its reference set."""
    local = reference.critic.local(patterns)
    scores = reference.critic.globl(outputs.detach()) @ local.T
    return infonce(scores), Reference(reference.critic, local.detach())


def _values(
    reference: Reference,
    local: torch.Tensor,
    logits: torch.Tensor,
    adversarial_logits: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pointwise MI of natural and of adversarial outputs with the same patterns, (m,) each.

    local: the critic's vectors of the patterns.
    """
    with frozen(reference.critic):
        outputs = torch.cat([logits, adversarial_logits])
        scores = reference.scores_of(local.repeat(2, 1), outputs)
    natural, adversarial = scores.chunk(2)
    return natural, adversarial

"""Calibration: what an estimator says where the mutual information is known."""

import math
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
import torch

from workbench.errors import InputError
from workbench.information.critic import vector_critic
from workbench.information.fit import Diverged, Fit, fit_critic
from workbench.information.known import Known
from workbench.information.pointwise import REFERENCE_SIZE, Reference, with_null
from workbench.seeds import derive, generator

OK, DIVERGED = "ok", "diverged"
NUMBERS = ["estimate", "standard_error", "correlation", "rmse", "null", "null_std", "held_out"]
LIKELY = 4  # standard errors below 0 that chance makes of an MI of 0; more of fewer held-out pairs


@dataclass(frozen=True)
class Calibration:
    """A critic fitted to pairs of known MI, and judged on fresh ones.

    known: the distribution. fit: of the critic. pairs: that it is fitted to, a tenth of them held
    out. scored: fresh pairs. references: size of the reference set, of fresh patterns.
    version: raised when the same settings give other rows.
    Raises InputError where anything is too little to measure.
    """

    known: Known
    fit: Fit
    pairs: int = 50_000
    scored: int = 4000
    references: int = REFERENCE_SIZE
    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if self.scored < 2 or self.references < 1:
            raise InputError(
                f"{self.scored} scored pairs and {self.references} references give no estimate; "
                "use scored >= 2, references >= 1"
            )

    def __call__(self, seed: int) -> pd.DataFrame:
        """One row.

        Columns: distribution, bound (names), seed; true_mi in nats; status, "ok" or "diverged",
        with NaN for every number that follows; doubt, "" or why the estimate is not believable (see
        doubt_of); estimate, the mean pointwise score, and its standard_error, nats; correlation
        with the exact pointwise MI (NaN where that is constant) and rmse, nats; null and null_std,
        mean and standard deviation of the scores of shuffled pairs, nats; held_out, the bound
        itself on held-out pairs (not MI for jensen-shannon).
        """
        names = {"distribution": self.known.name, "bound": self.fit.bound, "seed": seed}
        true = {"true_mi": self.known.mutual_information}
        try:
            found = {"status": OK, **self._found(seed)}
        except Diverged:
            found = {"status": DIVERGED, "doubt": "", **dict.fromkeys(NUMBERS, math.nan)}
        return pd.DataFrame([names | true | found])

    def _found(self, seed: int) -> dict[str, float | str]:
        """doubt and NUMBERS. Raises Diverged, also where only the scores are not finite."""
        x, z = self.known.sample(self.scored, generator(seed, "scored"))
        reference, held_out = self._fitted(x.shape[1], z.shape[1], seed)
        neighbour = torch.arange(self.scored).roll(1)
        scores, null = with_null(reference, x, {"z": z}, neighbour).values()
        if not (scores.isfinite().all() and null.isfinite().all()):
            raise Diverged(f"{self.known.name}: scores are not finite")
        estimate, error = scores.mean().item(), scores.std().item() / math.sqrt(self.scored)
        exact = self.known.pointwise(x, z)
        return {
            "doubt": doubt_of(estimate, error, held_out, self.references),
            "estimate": estimate,
            "standard_error": error,
            "correlation": torch.corrcoef(torch.stack([scores, exact]))[0, 1].item(),
            "rmse": (scores - exact).square().mean().sqrt().item(),
            "null": null.mean().item(),
            "null_std": null.std().item(),
            "held_out": held_out,
        }

    def _fitted(self, x_dim: int, z_dim: int, seed: int) -> tuple[Reference, float]:
        """The reference of a fitted critic, and the bound on its held-out pairs."""
        critic = vector_critic(x_dim, z_dim, self.fit.units, seed=derive(seed, "critic"))
        pairs = self.known.sample(self.pairs, generator(seed, "pairs"))
        checks = fit_critic(critic, *pairs, self.fit, generator(seed, "batches"))
        patterns, _ = self.known.sample(self.references, generator(seed, "references"))
        return Reference.of(critic, patterns, self.references), checks[-1].held_out


def doubt_of(estimate: float, standard_error: float, held_out: float, references: int) -> str:
    """Why an estimate in nats is not believable, "" where nothing speaks against it.

    An estimate above log r: r patterns cannot resolve it, as no bound of r samples can be above
    log r with confidence (McAllester & Stratos 2020). An estimate, or the bound on held-out pairs,
    below 0 by more than chance makes: a critic that is constant has 0, so this one is worse.
    """
    if estimate > math.log(references):
        return "above log of the reference size"
    if estimate < -LIKELY * standard_error:
        return "below 0"
    return "held-out bound below 0" if held_out < -2 * LIKELY * standard_error else ""

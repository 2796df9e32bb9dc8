"""Threat models: the only module that knows what a norm is."""

from dataclasses import dataclass
from fractions import Fraction

import torch

from workbench.errors import InputError
from workbench.seeds import Noise, Stream

NORMS = ("Linf", "L2")
LEAST, MOST = 1e-30, 1e6  # of ε: beyond, no float32 pixel changes, or no image is that far away


@dataclass(frozen=True)
class ThreatModel:
    """All images within distance ε of the natural one, inside the box [0, 1].

    norm: "Linf" or "L2", over all pixels and channels of an image in [0, 1].
    eps: ε as the user wrote it ("8/255", "0.1"): kept, because 8/255 and 0.031 differ.

    Raises InputError for another norm and for an ε that is no positive number.
    """

    norm: str
    eps: str

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise InputError(f"norm {self.norm!r} is not known; use one of {', '.join(NORMS)}")
        try:
            # of floats first, because a Fraction of 1e999999999 has as many digits
            believable = all(1e-99 < float(part) < 1e99 for part in self.eps.split("/"))
            epsilon = float(Fraction(self.eps)) if believable else 0.0
        except (ValueError, AttributeError):
            raise InputError(f"eps {self.eps!r} is no number; write it as 8/255 or 0.1") from None
        if not LEAST <= epsilon <= MOST:
            raise InputError(f"eps {self.eps!r} is out of range; write it as 8/255 or 0.1")
        if self.norm == "Linf" and epsilon > 1:
            raise InputError(
                f"eps {self.eps!r} is larger than the whole range of a pixel, which is [0, 1]; "
                f"for {self.eps} of 255 levels write {self.eps}/255"
            )

    @property
    def epsilon(self) -> float:
        """ε as a number, in units of the pixel range [0, 1]."""
        return float(Fraction(self.eps))

    def __str__(self) -> str:
        return f"{self.norm} {self.eps}"

    def distance(self, x_adv: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Norms of x_adv − x in float64 on the CPU: (n, c, h, w) twice -> (n,)."""
        return norms(x_adv, x)[self.norm]

    def contains(self, x_adv: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Which x_adv are finite, in [0, 1], and within ε(1 + 1e-6) + 1e-7 of x: (n,) bool, CPU.

        The tolerance is what rounding x + δ to float32 costs (AUDIT P6).
        """
        flat = x_adv.cpu().flatten(1)
        in_box = (torch.isfinite(flat) & (flat >= 0) & (flat <= 1)).all(1)
        return in_box & (self.distance(x_adv, x) <= self.epsilon * (1 + 1e-6) + 1e-7)

    def project(self, x_adv: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """The ball's nearest point to x_adv, then the box's: inside both, as x is in the box."""
        if self.norm == "Linf":
            return x_adv.clamp(x - self.epsilon, x + self.epsilon).clamp_(0, 1)
        delta = x_adv - x
        delta = delta * (self.epsilon / self.length(delta).clamp_min(self.epsilon))
        return (x + delta).clamp(0, 1)

    def length(self, delta: torch.Tensor) -> torch.Tensor:
        """Norms of differences, on their device, to broadcast against them: (n, 1, 1, 1)."""
        flat = delta.flatten(1)
        lengths = flat.abs().amax(1) if self.norm == "Linf" else flat.norm(dim=1)
        return lengths.view(-1, *[1] * (delta.dim() - 1))

    def ascent(self, gradient: torch.Tensor) -> torch.Tensor:
        """The direction of length 1 in this norm that raises the loss fastest: shape kept.

        A zero gradient gives a zero direction.
        """
        if self.norm == "Linf":
            return gradient.sign()
        tiny = torch.finfo(gradient.dtype).tiny
        largest = gradient.abs().flatten(1).amax(1).view(-1, *[1] * (gradient.dim() - 1))
        scaled = gradient / largest.clamp_min(tiny)  # so that squares do not underflow
        return scaled / self.length(scaled).clamp_min(tiny)

    def speeds(self, gradient: torch.Tensor) -> torch.Tensor:
        """How fast each pixel moves along the shortest way across a plane with this normal.

        To broadcast against it: 1 in Linf, the normal's size in L2.
        """
        if self.norm == "Linf":
            return torch.ones_like(gradient[:, :1, :1, :1])
        return gradient.abs()

    def random_start(
        self, x: torch.Tensor, noise: Noise | Stream, *purpose: str | int
    ) -> torch.Tensor:
        """A uniform point of the ball around each x, clipped to the box: shape kept."""
        if self.norm == "Linf":
            delta = (2 * noise.uniform(x, *purpose) - 1) * self.epsilon
        else:
            radius = noise.uniform(x[:, :1, :1, :1], *purpose, "radius") ** (1 / x[0].numel())
            delta = self.ascent(noise.normal(x, *purpose)) * radius * self.epsilon
        return self.project(x + delta, x)


def norms(x_adv: torch.Tensor, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Both norms of x_adv − x in float64 on the CPU: {"Linf": (n,), "L2": (n,)}."""
    delta = (x_adv.cpu().double() - x.cpu().double()).flatten(1)
    return {"Linf": delta.abs().amax(1), "L2": delta.norm(dim=1)}

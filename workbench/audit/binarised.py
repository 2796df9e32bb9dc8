"""The binarisation test of Zimmermann et al. (NeurIPS 2022): does the attack find what is there?

Around each sample a binary classifier is made of the model's own features, such that a point of the
ball is known to be on its other side. An attack that misses it for many samples is too weak for the
model, whatever it leaves of the original classes.
"""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
import torch
from torch import nn

from workbench.attacks.apgd import APGD
from workbench.evaluation.probing import Given
from workbench.seeds import Noise, derive
from workbench.threat import ThreatModel

INNER = 49  # points of the ball that are on the sample's own side
WITHIN = 0.95  # of ε: as far as they go
CLOSENESS = 0.99  # of the way from the inner points' highest score to the planted point's
RIDGE = 1e-3  # of the features' mean square


@dataclass(frozen=True)
class Binarised:
    """Whether an attack finds a planted adversarial sample, and whether random search does.

    separable: the features part the planted point, which lies on the surface of the ball, from
    the inner ones; without that there is nothing to find. found: APGD finds a point of the other
    side from one of its starts, which are as many as `cascade-fast` has, whose number an audit
    reports. found_at_random: one of as many random points of the ball is one.
    """

    steps: int = 100
    starts: int = 3
    version: ClassVar[int] = 2

    def __call__(self, given: Given) -> pd.DataFrame:
        x, threat, noise = given.x, given.threat, given.noise
        features = Features(given.model)
        *readouts, separable = _readouts(features, x, threat, noise)
        binary = _Readouts(features, *readouts)
        found, random = (torch.zeros_like(given.y, dtype=torch.bool) for _ in range(2))
        for start in range(self.starts):
            own = Noise(derive(noise.seed, "binarised", start), noise.indices)
            found |= self._fallen(features, readouts, ~found, x, threat, own)
        with torch.no_grad():
            for draw in range(self.starts * self.steps):
                at = threat.random_start(x, noise, "binarised", "search", draw)
                random |= binary(at).argmax(1) == 1
        columns = {"separable": separable, "found": found, "found_at_random": random}
        return pd.DataFrame({name: value.cpu() for name, value in columns.items()})

    def _fallen(
        self,
        features: "Features",
        readouts: list[torch.Tensor],
        left: torch.Tensor,
        x: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> torch.Tensor:
        """Which samples fall to APGD from one start, of those that are left: (n,) bool."""
        fallen = torch.zeros_like(left)
        if left.any():
            binary = _Readouts(features, *(part[left] for part in readouts))
            own = torch.zeros(int(left.sum()), dtype=torch.long, device=x.device)
            attack = APGD(steps=self.steps, stop_at_success=False)
            attempt = attack(binary, x[left], own, threat, noise.take(left))
            with torch.no_grad():
                fallen[left] = binary(attempt.x_adv).argmax(1) == 1
        return fallen


class Features(nn.Module):
    """What the model's last linear layer is given, or its logits where it has none: (n, f)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
        self._last = linear[-1] if linear else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> (n, f)."""
        if self._last is None:
            return self.model(x)
        seen: list[torch.Tensor] = []
        hook = self._last.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        try:
            logits = self.model(x)
        finally:
            hook.remove()
        usual = len(seen) == 1 and seen[0].dim() == 2 and len(seen[0]) == len(x)
        return seen[0] if usual else logits


class _Readouts(nn.Module):
    """A binary classifier of its own for each sample, in their order: two logits, (n, 2)."""

    def __init__(self, features: Features, weights: torch.Tensor, offsets: torch.Tensor) -> None:
        super().__init__()
        self.features, self.weights, self.offsets = features, weights, offsets

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: as many images (n, c, h, w) as there are readouts."""
        score = (self.features(x) * self.weights).sum(1) - self.offsets
        return torch.stack([torch.zeros_like(score), score], 1)


@torch.no_grad()
def _readouts(
    features: Features, x: torch.Tensor, threat: ThreatModel, noise: Noise
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For each sample a direction of the features (n, f), its threshold (n,), and if it parts them.

    Ridge regression of 1 at the planted point and −1 at the sample and its inner points.
    """
    near = [x + WITHIN * (threat.random_start(x, noise, "binarised", i) - x) for i in range(INNER)]
    planted = threat.project(
        x + threat.epsilon * threat.ascent(noise.normal(x, "binarised", "planted")), x
    )
    # (n, p, f), in a precision that not every device has
    points = torch.stack([features(at) for at in (*near, x, planted)], 1).cpu().double()
    centred = points - points.mean(1, keepdim=True)
    scale = centred.square().mean((1, 2), keepdim=True).sqrt().clamp_min(1e-12)
    centred = centred / scale
    wanted = -torch.ones(points.shape[1], dtype=torch.float64)
    wanted[-1] = 1
    gram = centred @ centred.transpose(1, 2)
    gram += RIDGE * centred.shape[2] * torch.eye(len(wanted), dtype=gram.dtype)
    weights = (torch.linalg.solve(gram, wanted.expand(len(x), -1))[:, None] @ centred)[:, 0]
    weights = weights / scale[:, 0]
    scores = (points @ weights[:, :, None])[..., 0]
    inner, highest = scores[:, :-1].amax(1), scores[:, -1]
    threshold = inner + CLOSENESS * (highest - inner)
    spread = (highest - inner).abs().clamp_min(1e-12)  # so that losses have the size of 1
    scaled = (weights / spread[:, None]).float(), (threshold / spread).float()
    found, level, parted = (part.to(x.device) for part in (*scaled, highest > inner))
    return found, level, parted

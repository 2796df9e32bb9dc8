"""MI of single samples, against a fixed reference set: a value never depends on a batch."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from workbench.errors import InputError
from workbench.information.critic import Critic

SCORING_VERSION = 1  # raise it when a value changes
REFERENCE_SIZE = 4000
CHUNK = 256


@dataclass(frozen=True, eq=False)
class Reference:
    """A fitted critic and the local vectors (r, units) of fixed patterns it compares with."""

    critic: Critic
    vectors: torch.Tensor

    @classmethod
    def of(cls, critic: Critic, patterns: torch.Tensor, size: int = REFERENCE_SIZE) -> "Reference":
        """The first `size` patterns, or all where there are fewer.

        patterns: of the training split, as the critic takes them; no scored sample among them.
        They should be in random order. Measured on Fashion-MNIST, where a sample's natural MI is
        4 nats with a spread of 1.4: two sets of 2000 give it values 0.2 nats apart, two of 512
        0.4, two of 128 1.0.
        Raises InputError when there is none.
        """
        if not len(patterns):
            raise InputError("a reference set needs patterns; give some of the training split")
        return cls(critic, _chunked(critic.local, patterns[:size]))


def pointwise(reference: Reference, patterns: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
    """Pointwise MI in nats, (n,): T(x, z) − log mean over the reference of exp T(x', z).

    patterns: (n, ...), outputs: (n, k), on any device. The mean over pairs of the joint
    distribution that the critic was fitted to estimates I(X; Z); of other pairs, such as
    natural patterns with adversarial outputs, the score is that critic's log density ratio, no
    MI. A value may be negative. What lies near or above log r is more than r patterns can
    resolve: true 5 nats come out as 4.7 for r = 4000, 5.4 for r = 100.
    """
    critic = reference.critic
    return _against(reference, _chunked(critic.local, patterns), _chunked(critic.globl, outputs))


def four_quantities(
    natural: Reference,
    adversarial: Reference,
    x: torch.Tensor,
    noise: torch.Tensor,
    logits: torch.Tensor,
    adversarial_logits: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Natural and adversarial MI of natural and adversarial outputs, in nats: four times (n,).

    natural, adversarial: references of the critics of (x, h(x)) and of (n, h(x̃)). x, noise:
    (n, c, h, w), n = x̃ − x. logits, adversarial_logits: h(x), h(x̃), (n, classes).
    Each local net runs once per pattern and each global net once per output.
    """
    x_local = _chunked(natural.critic.local, x)
    noise_local = _chunked(adversarial.critic.local, noise)
    values = {}
    for name, output in (("natural", logits), ("adversarial", adversarial_logits)):
        globl = _chunked(natural.critic.globl, output)
        values[f"natural_mi_{name}"] = _against(natural, x_local, globl)
        globl = _chunked(adversarial.critic.globl, output)
        values[f"adversarial_mi_{name}"] = _against(adversarial, noise_local, globl)
    return values


def _against(reference: Reference, local: torch.Tensor, globl: torch.Tensor) -> torch.Tensor:
    vectors = reference.vectors

    def values(local: torch.Tensor, globl: torch.Tensor) -> torch.Tensor:
        return (local * globl).sum(1) - (globl @ vectors.T).logsumexp(1)

    return _chunked(values, local, globl) + math.log(len(vectors))


@torch.no_grad()
def _chunked(function: Callable[..., torch.Tensor], *tensors: torch.Tensor) -> torch.Tensor:
    """function over rows, in chunks of one size, filled up with zeros.

    Kernels differ between shapes and round differently: one shape gives each row one value.
    """
    results = []
    for chunk in zip(*(tensor.split(CHUNK) for tensor in tensors), strict=True):
        rows = len(chunk[0])
        filled = (pad(part, (0, 0) * (part.ndim - 1) + (0, CHUNK - rows)) for part in chunk)
        results.append(function(*filled)[:rows])
    return torch.cat(results)

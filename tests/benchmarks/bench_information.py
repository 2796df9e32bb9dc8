"""Every bound against known MI, and what a pair of critics costs on 28×28 images.

Prints a line per bound and distribution: estimated MI, correlation of the per-sample scores with
the exact ones, seconds to fit. Then fit time and samples scored per second with default settings.
Usage: python tests/benchmarks/bench_information.py [critic seeds]
"""

import sys
import time

import torch

from workbench.information import (
    BOUNDS,
    CorrelatedGaussians,
    Fit,
    Reference,
    fit_critic,
    four_quantities,
    image_critic,
    pointwise,
    vector_critic,
)
from workbench.seeds import generator

KNOWN = [CorrelatedGaussians(d, nats) for d in (1, 5) for nats in (0.5, 1.0, 2.0)]
HARDER = [CorrelatedGaussians(20, nats) for nats in (2.0, 5.0)]


def truth(known: CorrelatedGaussians, bound: str, seed: int) -> None:
    """One fit against exact values."""
    began = time.perf_counter()
    fit = Fit(bound=bound, units=64, steps=1500, batch=256)
    critic = vector_critic(known.dimensions, known.dimensions, fit.units, seed=seed)
    fit_critic(critic, *known.sample(50_000, generator(seed, "fit")), fit, generator(seed))
    seconds = time.perf_counter() - began
    reference = Reference.of(critic, known.sample(4000, generator(seed, "reference"))[0])
    x, z = known.sample(20_000, generator(seed, "scored"))
    scores, exact = pointwise(reference, x, z), known.pointwise(x, z)
    print(
        f"d {known.dimensions:2}  MI {known.mutual_information:.1f}  {bound:16}  seed {seed}  "
        f"estimate {scores.mean():.3f} ({scores.mean() / known.mutual_information - 1:+.1%})  "
        f"correlation {torch.corrcoef(torch.stack([scores, exact]))[0, 1]:.4f}  {seconds:.1f} s"
    )


def cost(samples: int = 2000) -> None:
    """Fit both critics with default settings, score samples: random images, all that costs."""
    x, noise = torch.rand((2, 10_000, 1, 28, 28), generator=generator(0))
    z, adversarial_z = torch.randn((2, 10_000, 10), generator=generator(1))
    began = time.perf_counter()
    references = []
    for pattern, output in ((x, z), (noise, adversarial_z)):
        critic = image_critic(1, 10, seed=0)
        fit_critic(critic, pattern, output, Fit(), generator(0))
        references.append(Reference.of(critic, pattern))
    fitted = time.perf_counter()
    scored = (x[:samples], noise[:samples], z[:samples], adversarial_z[:samples])
    four_quantities(*references, *scored)
    seconds = time.perf_counter() - fitted
    print(f"both critics {fitted - began:.1f} s, four values of {samples / seconds:.0f} samples/s")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        for known in (*KNOWN, *HARDER):
            for bound in BOUNDS:
                truth(known, bound, seed)
    cost()

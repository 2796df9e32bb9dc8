"""Every bound against known MI, and what a pair of critics costs on 28×28 images.

Prints a line per bound and distribution: estimated MI, correlation of the per-sample scores with
the exact ones, seconds to fit. Then fit time and samples scored per second with default settings,
and how many times more than when the four values are taken one by one, as the released code does.
Usage: python tests/benchmarks/bench_information.py [critic seeds]
"""

import sys
import time

import torch

from workbench.evaluation.verify import logits_of
from workbench.information import (
    BOUNDS,
    CorrelatedGaussians,
    Critic,
    Fit,
    Reference,
    fit_critic,
    image_critic,
    pointwise,
    vector_critic,
    with_null,
)
from workbench.models import build
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


def cost(units: int, samples: int = 2000) -> None:
    """Fit both critics, score samples both ways: random images, all that costs."""
    x, noise = torch.rand((2, 10_000, 1, 28, 28), generator=generator(0))
    net = build("small-cnn", (1, 28, 28), 10).eval()
    z, adversarial_z = (torch.from_numpy(logits_of(net, t)) for t in (x, x + noise))
    began = time.process_time()
    references = []
    for pattern, output in ((x, z), (noise, adversarial_z)):
        critic = image_critic(1, 10, units, seed=0)
        fit_critic(critic, pattern, output, Fit(units=units), generator(0))
        references.append(Reference.of(critic, pattern))
    fitted = time.process_time()
    at_once(net, references, x[:samples], noise[:samples])
    scored = time.process_time()
    rate = samples / (scored - fitted)
    print(
        f"{units} units: both critics {fitted - began:.1f} s, four values and their nulls of "
        f"{rate:.0f} samples/s"
    )
    for batch in (128, 400):  # the released scripts take 400
        began = time.process_time()
        for part in zip(x[:samples].split(batch), noise[:samples].split(batch), strict=True):
            one_by_one(net, [reference.critic for reference in references], *part)
        other = samples / (time.process_time() - began)
        print(f"  one by one, batch {batch}: {other:.0f} samples/s, {rate / other:.2f} times less")


def at_once(
    net: torch.nn.Module, references: list[Reference], x: torch.Tensor, noise: torch.Tensor
) -> None:
    """As `workbench mi` takes the four values: every net once per sample that it sees."""
    outputs = {
        "natural": torch.from_numpy(logits_of(net, x)),
        "adversarial": torch.from_numpy(logits_of(net, x + noise)),
    }
    partner = torch.arange(len(x)).roll(1)
    for reference, patterns in zip(references, (x, noise), strict=True):
        with_null(reference, patterns, outputs, partner)


@torch.no_grad()
def one_by_one(
    net: torch.nn.Module, critics: list[Critic], x: torch.Tensor, noise: torch.Tensor
) -> None:
    """As the released code does: all nets for each value, a score per location and batch-mate."""
    for critic, patterns in zip(critics, (x, noise), strict=True):
        for images in (x, x + noise):
            globl = critic.globl(net(images))
            maps = critic.local_net[:6]((patterns - critic.pattern_mean) / critic.pattern_std)
            local = maps.flatten(2).transpose(1, 2).flatten(0, 1)
            scores = (globl @ local.T).view(len(x), len(x), -1)
            others = scores * (1 - torch.eye(len(x))).unsqueeze(2)
            (scores.diagonal().T - others.logsumexp(1)).mean(1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        for known in (*KNOWN, *HARDER):
            for bound in BOUNDS:
                truth(known, bound, seed)
    for units in (128, 512):
        cost(units)

"""AutoAttack through the workbench against pyautoattack called directly, in one process run.

Prints, for each zoo model, how many per-sample verdicts are equal (all must be) and the ratio of
the times. Usage: python tests/benchmarks/bench_autoattack.py [samples] [batch size]
"""

import sys
import time

import torch
from pyautoattack import AutoAttack

from workbench.attacks import attack
from workbench.data import load_data
from workbench.evaluation.measure import measure
from workbench.models import load_model, zoo
from workbench.specs import ranges
from workbench.threat import ThreatModel

THREAT = ThreatModel("Linf", "0.1")
SEED = 0


def direct(model, x, y) -> torch.Tensor:
    """The verdicts of the authors' package: (n,) bool."""
    adversary = AutoAttack(model, norm="Linf", eps=0.1, seed=SEED, device="cpu")
    adversary.verbose = False
    x_adv, _ = adversary.run_standard_evaluation(x, y, batch_size=len(x))
    with torch.no_grad():
        return model(x_adv).argmax(1) == y


def main(samples: int, size: int) -> None:
    """Compare both on every model of the zoo."""
    data = load_data("fashion-mnist")
    for name in zoo.names():
        model = load_model(f"zoo:{name}")
        equal, robust, ours, theirs = 0, 0, 0.0, 0.0
        for start, stop in ranges(0, samples, size):
            x, y = data.batch(start, stop)
            began = time.perf_counter()
            rows = measure(model, x, y, start, attack("autoattack"), THREAT, SEED).rows
            middle = time.perf_counter()
            verdict = direct(model, x, y).numpy()
            ours, theirs = ours + middle - began, theirs + time.perf_counter() - middle
            equal += int((rows["robust"].to_numpy() == verdict).sum())
            robust += int(verdict.sum())
        print(
            f"{name}: {equal} of {samples} verdicts equal, {robust} robust, "
            f"{ours:.1f} s against {theirs:.1f} s, ratio {ours / theirs:.2f}"
        )
        if equal < samples:
            sys.exit(f"{name}: {samples - equal} verdicts differ")


if __name__ == "__main__":
    main(*[int(word) for word in sys.argv[1:3]] or [500, 250])

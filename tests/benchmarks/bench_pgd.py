"""PGD-40 against foolbox's, in one process run: time per image and what is left.

Ours includes the second look at every proposal. Time is processor time of one thread.
Usage: python tests/benchmarks/bench_pgd.py [samples]
"""

import sys
import time

import torch

from workbench.attacks import attack
from workbench.attacks.minimal_norm import _foolbox
from workbench.data import load_data
from workbench.evaluation.measure import measure
from workbench.models import load_model
from workbench.seeds import forked
from workbench.specs import ranges
from workbench.threat import ThreatModel

THREAT = ThreatModel("Linf", "0.1")


def main(samples: int = 1000) -> None:
    """Compare on both models of the zoo."""
    torch.set_num_threads(1)
    data, foolbox = load_data("fashion-mnist"), _foolbox()
    theirs = foolbox.attacks.LinfPGD(rel_stepsize=0.25, steps=40, random_start=True)
    for name in ("natural", "standard-at"):
        model = load_model(f"zoo:fashion-mnist/{name}")
        bounded = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
        seconds, left = {"ours": 0.0, "foolbox": 0.0}, {"ours": 0, "foolbox": 0}
        for start, stop in ranges(0, samples):
            x, y = data.batch(start, stop)
            began = time.process_time()
            rows = measure(model, x, y, start, attack("pgd-40"), THREAT, 0).rows
            middle = time.process_time()
            with forked(0):
                _, _, fooled = theirs(bounded, x, y, epsilons=THREAT.epsilon)
            seconds["ours"] += middle - began
            seconds["foolbox"] += time.process_time() - middle
            left["ours"] += int(rows["robust"].sum())
            left["foolbox"] += int((~fooled).sum())
        for side in seconds:
            print(
                f"{name} {side}: {1000 * seconds[side] / samples:.2f} ms per image, "
                f"{100 * left[side] / samples:.1f} % left"
            )
        print(f"{name} ratio {seconds['ours'] / seconds['foolbox']:.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

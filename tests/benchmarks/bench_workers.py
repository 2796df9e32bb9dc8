"""2 workers against 1 on the same units, one thread each, into a fresh store.

Prints the ratio of the times with the workers' start and without it (a first, small evaluation
starts them). Usage: python tests/benchmarks/bench_workers.py [samples]
"""

import sys
import tempfile
import time
from pathlib import Path

import torch

import workbench as wb
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.workers import Workers

ATTACK = "pgd-40:stop_at_success=false"


def timed(root: Path, samples: int, executor: Executor) -> float:
    """Seconds that an evaluation takes."""
    model, data = wb.load_model("zoo:fashion-mnist/standard-at"), wb.load_data("fashion-mnist")
    threat, store = wb.ThreatModel("Linf", "0.1"), wb.Store(root)
    began = time.perf_counter()
    common = {"store": store, "samples": samples, "executor": executor}
    wb.evaluate(model, data, threat, [ATTACK], **common)
    return time.perf_counter() - began


def main(samples: int = 2000) -> None:
    """Compare both."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        timed(root / "warm", 250, in_process)
        one = timed(root / "one", samples, in_process)
        with Workers(2) as workers:
            cold = timed(root / "cold", samples, workers)
        with Workers(2) as workers:
            timed(root / "start", 500, workers)
            warm = timed(root / "two", samples, workers)
    print(
        f"{samples} images: 1 process {one:.1f} s; 2 workers {cold:.1f} s, ratio {one / cold:.2f}; "
        f"once they are started {warm:.1f} s, ratio {one / warm:.2f}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

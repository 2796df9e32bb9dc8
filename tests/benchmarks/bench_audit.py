"""Audits of honest models, twice each: the time of the first and the second, and what is flagged.

The second audit finds everything in the store; the ratio says what that saves. Models of the zoo
and those that other groups trained. Flags of honest models are printed, to be read with care:
mnist_madry_tiny is known to mislead gradients, so that B1 and AA4/C7 are right to flag it.

Usage: python tests/benchmarks/bench_audit.py [samples] [workers] [model ...]
"""

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from bench_cascade import CASES, SHARED, data_of, model_of

from workbench.audit import AuditRequest, audit, content, report
from workbench.data import Dataset, load_data
from workbench.evaluation.execution import executor
from workbench.evaluation.store import Store
from workbench.threat import ThreatModel


def training_samples(name: str, test: Dataset) -> Dataset:
    """A known data set's own; else the further test samples."""
    return load_data(name, "train") if name == "fashion-mnist" else test


def compare(name: str, samples: int, workers: int) -> None:
    """Print a model's line."""
    data, norm, eps = CASES[name]
    threat = ThreatModel(norm, eps)
    images, load = data_of(data), partial(model_of, name)
    train = training_samples(data, images)
    request = AuditRequest(load(), load, images, threat, samples, train=train)
    spent = []
    with tempfile.TemporaryDirectory() as folder, executor(workers, None, "cpu") as computing:
        for _ in range(2):
            began = time.perf_counter()
            found = audit(request, store=Store(Path(folder) / "store"), executor=computing)
            report.write(found, content(found, "bench_audit.py"), Path(folder) / "out")
            spent.append(time.perf_counter() - began)
    warned = [name for name, found in found.findings.items() if found.status == "warn"]
    print(
        f"{name} {threat}, {samples} samples, {workers} workers: {spent[0]:.0f} s, again "
        f"{spent[1]:.1f} s, ratio {spent[0] / spent[1]:.0f}; "
        f"failed {found.failed}, warned {warned}",
        flush=True,
    )


def main(samples: int, workers: int, names: list[str]) -> None:
    """Audit every model that is there."""
    torch.set_num_threads(1)
    there = [name for name in CASES if "_" not in name or (SHARED / "models" / name).is_dir()]
    for name in names or there:
        compare(name, samples, workers)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:3]]
    main(*(numbers + [1000, 2][len(numbers) :]), sys.argv[3:])

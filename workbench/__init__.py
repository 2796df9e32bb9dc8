"""Evaluate adversarial robustness, and explain it by natural and adversarial mutual information.

>>> import workbench as wb
>>> wb.ThreatModel("Linf", "8/255").epsilon == 8 / 255
True

A name is imported when it is first used, so that reading results never loads torch.
"""

import ctypes
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.api import (
        audit,
        evaluate,
        explore,
        mutual_information,
        reproduce,
        transfer,
    )
    from workbench.data import Dataset, load_data
    from workbench.errors import InputError
    from workbench.evaluation.battery import Evaluation
    from workbench.evaluation.cluster import Cluster
    from workbench.evaluation.information import Information
    from workbench.evaluation.store import Store
    from workbench.evaluation.workers import Workers
    from workbench.models import Classifier, Loading, load_model
    from workbench.tables import accuracies
    from workbench.threat import ThreatModel

# OpenMP threads that wait spin, which made work ten times slower where another process wanted the
# core; spinning briefly was no slower on idle cores. It is read when torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def _keep_memory() -> None:
    """Let glibc reuse blocks up to 32 MB instead of giving them back to the system each time.

    Fresh pages cost more than small nets' layers: forward passes took 23 or 50 µs per image by
    chance of the batch size, and always 23 µs so. Elsewhere than on Linux this does nothing.
    """
    if not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"):
        return
    mmap_threshold, trim_threshold = -3, -1
    ctypes.CDLL(None).mallopt(mmap_threshold, 32 << 20)
    ctypes.CDLL(None).mallopt(trim_threshold, 1 << 30)


_keep_memory()

_HOMES = {
    "Classifier": "workbench.models",
    "Cluster": "workbench.evaluation.cluster",
    "Dataset": "workbench.data",
    "Evaluation": "workbench.evaluation.battery",
    "Information": "workbench.evaluation.information",
    "InputError": "workbench.errors",
    "Loading": "workbench.models",
    "Store": "workbench.evaluation.store",
    "ThreatModel": "workbench.threat",
    "Workers": "workbench.evaluation.workers",
    "accuracies": "workbench.tables",
    "evaluate": "workbench.api",
    "load_data": "workbench.data",
    "load_model": "workbench.models",
    "mutual_information": "workbench.api",
    "reproduce": "workbench.api",
    "transfer": "workbench.api",
}

_VERBS = ("audit", "explore")  # packages that can be called (see verbs)

__all__ = [
    "Classifier",
    "Cluster",
    "Dataset",
    "Evaluation",
    "Information",
    "InputError",
    "Loading",
    "Store",
    "ThreatModel",
    "Workers",
    "accuracies",
    "audit",
    "evaluate",
    "explore",
    "load_data",
    "load_model",
    "mutual_information",
    "reproduce",
    "transfer",
]


def __dir__() -> list[str]:
    """The public names, whether they were imported yet or not."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name in _VERBS:
        return import_module(f"workbench.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

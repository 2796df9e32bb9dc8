"""`workbench doctor`: is this machine fit for work?"""

import platform
import shutil
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from workbench import options
from workbench.data import describe
from workbench.devices import device_name, device_of, limit_threads
from workbench.evaluation.execution import usual_workers
from workbench.evaluation.inventory import size_of
from workbench.models import load_model
from workbench.provenance import commit, versions
from workbench.screen import show, write_json
from workbench.seeds import generator

OPTIONAL = (
    *("jupyterlab", "onnx", "onnxruntime", "distributed"),
    *("timm", "transformers", "robustbench"),
)
NET, SHAPE = "zoo:fashion-mnist/natural", (1, 28, 28)
BATCH, CALLS = 250, 20
GIGABYTE = 1e9


def doctor(
    device: options.Device = "auto",
    store: options.StoreFolder = options.DEFAULT_STORE,
    json: options.Json = None,
) -> None:
    """Tell versions, device, data, store, and how fast a pass through a small net is.

    Example: workbench doctor --json doctor.json
    """
    chosen = device_of(device)
    facts = {
        "versions": versions() | {name: _version(name) for name in OPTIONAL},
        "commit": commit(),
        "machine": f"{platform.system()} {platform.machine()}",
        "device": device_name(torch.device(chosen)),
        "workers": usual_workers(chosen),
        "threads": torch.get_num_threads(),
        "data": {known.name: str(known.where or "not here") for known in describe()},
        "store": {"folder": str(store), "bytes": size_of(store), "free": _free(store)},
        "speed": _speed(chosen),
    }
    write_json(facts, json)
    if str(json) != "-":
        show(pd.DataFrame(_lines(facts), columns=["what", "found"]), "This machine")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _free(folder: Path) -> int:
    """Bytes free on the disk of a folder that may not be there yet."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def _speed(device: str) -> dict[str, float]:
    """Microseconds per image of passes through a small net."""
    model = load_model(NET, device=device)
    limit_threads(model)
    x = torch.rand(BATCH, *SHAPE, generator=generator(0, "doctor")).to(device)

    def forward() -> None:
        with torch.no_grad():
            model(x).sum().item()

    def both() -> None:
        at = x.clone().requires_grad_()
        torch.autograd.grad(model(at).sum(), at)[0].sum().item()

    return {"forward": _microseconds(forward), "forward and backward": _microseconds(both)}


def _microseconds(act: Callable[[], None]) -> float:
    """Per image, of the quickest of several calls, each of which waits for its result."""
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return round(1e6 * min(took) / BATCH, 1)


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts as lines of a table."""
    there = {name: found for name, found in facts["versions"].items() if found}
    lacking = [name for name, found in facts["versions"].items() if not found]
    store = facts["store"]
    used, free = store["bytes"] / GIGABYTE, store["free"] / GIGABYTE
    return [
        *there.items(),
        ("not installed", ", ".join(lacking) or "–"),
        ("commit", facts["commit"] or "no checkout"),
        ("machine", facts["machine"]),
        ("device", f"{facts['device']}, {facts['workers']} workers, {facts['threads']} threads"),
        *((f"data {name}", where) for name, where in facts["data"].items()),
        ("store", f"{store['folder']}: {used:.2f} GB, {free:.0f} GB free"),
        *((f"{name}, small net", f"{us} µs per image") for name, us in facts["speed"].items()),
    ]

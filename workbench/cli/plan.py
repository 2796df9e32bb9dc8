"""`workbench plan`: what a profile will take, before anything starts."""

from typing import Annotated

import typer

from workbench import options
from workbench.analysis import analysis_of
from workbench.data import load_data
from workbench.devices import device_of
from workbench.evaluation.execution import usual_workers
from workbench.evaluation.store import Store
from workbench.planning import Prediction, parts_of, predict, training_parts
from workbench.profiles import load_profile
from workbench.screen import output, say, show, write_json

Retrain = Annotated[bool, typer.Option("--retrain", help="With the training of its models.")]


def plan(
    profile: options.ProfileName = "demo",
    retrain: Retrain = False,
    device: options.Device = "auto",
    workers: options.UsualWorkers = None,
    store: options.StoreFolder = options.DEFAULT_STORE,
    json: options.Json = None,
) -> None:
    """Predict time, memory and disk of `workbench reproduce`: a few steps of each part run.

    Examples:
    workbench plan --profile fashion-mnist
    workbench plan --profile cifar10 --retrain --device cuda
    """
    results, wanted, device = Store(store, say), load_profile(profile), device_of(device)
    count = workers or usual_workers(device)
    runs = [run for name in wanted.analyses for run in analysis_of(name).runs(wanted)]
    parts = parts_of(wanted, runs, device, retrain)
    if retrain:
        train, test = (load_data(wanted.data, split, say) for split in ("train", "test"))
        parts += training_parts(wanted, train, test, device)
    found = predict(parts, results, count, device)
    content = {
        "profile": profile,
        "device": device,
        "workers": count,
        "seconds": found.seconds,
        "memory_bytes": found.memory,
        "disk_bytes": found.disk,
        "free_bytes": found.free,
        "parts": found.parts.to_dict("records"),
    }
    write_json(content, json)
    if str(json) != "-":
        _show(found, profile, device, count)


def _show(found: Prediction, profile: str, device: str, workers: int) -> None:
    table = found.parts.assign(
        seconds_each=found.parts["seconds_each"].map("{:.2f}".format),
        minutes=(found.parts["seconds"] / 60).map("{:.1f}".format),
    )
    shown = table.drop(columns="seconds").rename(columns={"seconds_each": "seconds each"})
    show(shown, f"Parts of profile {profile}, on {device}; minutes of one worker")
    of = "GPU memory" if device.startswith("cuda") else "memory"
    output.print(
        f"About {found.seconds / 60:.0f} minutes with {workers} workers, "
        f"{found.memory / 1e9:.1f} GB of {of}, {found.disk / 1e9:.2f} GB on the disk "
        f"({found.free / 1e9:.0f} GB are free).",
        highlight=False,
        soft_wrap=True,
    )

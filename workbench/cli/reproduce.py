"""`workbench reproduce`: every figure and table of a profile."""

import importlib
from types import ModuleType

from workbench import options
from workbench.analysis import Outcome, run, show_all
from workbench.devices import device_of
from workbench.errors import InputError
from workbench.evaluation.execution import executor, usual_workers
from workbench.evaluation.store import Store
from workbench.profiles import load_profile
from workbench.screen import output, say


def reproduce(
    profile: options.ProfileName = "demo",
    device: options.Device = "auto",
    workers: options.UsualWorkers = None,
    scheduler: options.Scheduler = None,
    store: options.StoreFolder = options.DEFAULT_STORE,
    figures: options.FiguresFolder = options.DEFAULT_FIGURES,
) -> None:
    """Make every figure and table of a profile; what the store has is not computed again.

    Example: workbench reproduce --profile demo
    """
    results = Store(store, say)
    outcomes: list[Outcome] = []
    names, device = load_profile(profile).analyses, device_of(device)
    with executor(workers, scheduler, usual_workers(device)) as computing:
        for name in names:
            say(f"analysis {name}")
            outcomes.append(run(_analysis(name), profile, results, device, figures, computing))
            show_all(outcomes[-1])
    for outcome in outcomes:
        output.print(outcome.finding, highlight=False, soft_wrap=True)
    files = ", ".join(str(outcome.files[0]) for outcome in outcomes)
    output.print(f"Open {files}; tables lie beside them as .md, .csv and .tex.", soft_wrap=True)


def _analysis(name: str) -> ModuleType:
    """The module of an analysis: from the current folder, or as it came with the package."""
    try:
        return importlib.import_module(f"analyses.{name}")
    except ModuleNotFoundError as error:
        if error.name not in ("analyses", f"analyses.{name}"):
            raise
        raise InputError(f"the profile names an analysis {name!r}, and there is none") from None

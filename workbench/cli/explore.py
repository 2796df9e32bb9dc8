"""`workbench explore`: look into the observation, on a page of its own."""

from typing import Annotated, Any

import typer

from workbench import options
from workbench.attacks import names
from workbench.devices import device_of
from workbench.evaluation.execution import executor
from workbench.evaluation.information import ATTACK
from workbench.screen import progress_bar, say

Models = Annotated[
    list[str] | None,
    typer.Argument(help="zoo:fashion-mnist/namid, …", show_default="the zoo's for the data"),
]
Budgets = Annotated[str, typer.Option("--eps", help="Budgets ε with commas between: 0.05,0.1.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port of the page on localhost.")]
Browser = Annotated[bool, typer.Option(help="Open the page in the browser.")]


def explore(
    models: Models = None,
    arch: options.Arch = None,
    data: options.Data = "fashion-mnist",
    norm: options.Norm = "Linf",
    eps: Budgets = "0.1",
    attacks: options.Attacks = ATTACK,
    samples: options.Samples = None,
    fit_samples: options.FitSamples = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    workers: options.UsualWorkers = None,
    scheduler: options.Scheduler = None,
    store: options.StoreFolder = options.DEFAULT_STORE,
    port: Port = 8866,
    browser: Browser = True,
) -> None:
    """Explore natural against adversarial MI of samples, their images and attacks.

    What the store lacks is computed first; then the page opens, which this machine alone can see
    and which asks nothing of any other. Ctrl-C ends it.

    Examples:
    workbench explore
    workbench explore zoo:fashion-mnist/standard-at zoo:fashion-mnist/namid --eps 0.05,0.1,0.15
    """
    # widgets and their host take long to import, and no other verb needs them
    from workbench.explore import explore as explorer
    from workbench.explore.serve import check_free, serve

    asked: dict[str, Any] = {
        "models": models or [],
        "arch": arch,
        "data": data,
        "norm": norm,
        "eps": [budget.strip() for budget in eps.split(",")],
        "attacks": names(attacks),
        "samples": samples,
        "fit_samples": fit_samples,
        "seed": seed,
        "store": str(store),
        "device": device,
    }
    check_free(port)
    count = executor(workers, scheduler, device_of(device), long=True)
    with count as computing, progress_bar() as progress:
        explorer(**asked, progress=progress, executor=computing)
    serve(asked, port, browser, say)

"""`workbench reproduce`: every figure and table of a profile."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from workbench import options
from workbench.analysis import Outcome, analysis_of, run, show_all
from workbench.devices import device_of
from workbench.evaluation.execution import executor
from workbench.evaluation.store import Store
from workbench.figures import style_of
from workbench.profiles import Profile, load_profile
from workbench.screen import check_writable, output, progress_bar, say, write_json
from workbench.trainings import retrained, train_profile

Retrain = Annotated[
    bool, typer.Option("--retrain", help="Train the profile's models first, and measure those.")
]


def reproduce(
    profile: options.ProfileName = "demo",
    retrain: Retrain = False,
    device: options.Device = "auto",
    workers: options.UsualWorkers = None,
    scheduler: options.Scheduler = None,
    store: options.StoreFolder = options.DEFAULT_STORE,
    figures: options.FiguresFolder = None,
    style: options.FigureStyle = options.DEFAULT_STYLE,
    json: options.Json = None,
) -> None:
    """Make every figure and table of a profile, from shipped or own models.

    Examples:
    workbench reproduce --profile demo
    workbench reproduce --profile fashion-mnist --retrain
    workbench reproduce --profile demo --style slides-dark --figures talk
    """
    check_writable(json)
    folder = options.figures_folder(figures, profile)
    check_writable(folder / "figure")
    results = Store(store, say)
    outcomes: dict[str, Outcome] = {}
    wanted, device, look = load_profile(profile), device_of(device), style_of(style)
    own: Profile | None = None
    with executor(workers, scheduler, device, long=True) as computing:
        if retrain:
            out = store / "models" / Path(profile).stem
            with progress_bar() as progress:
                trained = train_profile(wanted, out, results, device, progress, computing)
            own = retrained(wanted, trained)
        common = results, device, folder, computing, own, look
        for number, name in enumerate(wanted.analyses, 1):
            say(f"analysis {number} of {len(wanted.analyses)}: {name}")
            outcomes[name] = run(analysis_of(name), profile, *common)
            if str(json) != "-":
                show_all(outcomes[name])
    content = {
        name: {"finding": outcome.finding, "files": list(map(str, outcome.files))}
        for name, outcome in outcomes.items()
    }
    if str(json) != "-":
        _tell(list(outcomes.values()))
    write_json(content, json)


def _tell(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        output.print(outcome.finding, highlight=False, soft_wrap=True)
    files = ", ".join(str(outcome.files[0]) for outcome in outcomes)
    output.print(f"Open {files}; tables lie beside them as .md, .csv and .tex.", soft_wrap=True)

"""`workbench audit`: is what is claimed of a model true, and can the evaluation be believed?"""

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench import options
from workbench.audit import DEPTHS, AuditRequest, claims, content, report
from workbench.audit import audit as run
from workbench.data import load_data
from workbench.devices import device_of, limit_threads
from workbench.errors import InputError
from workbench.evaluation.execution import executor
from workbench.evaluation.store import Store
from workbench.inputs import as_model
from workbench.models import loading
from workbench.screen import check_writable, output, progress_bar, say, show, write_json
from workbench.threat import ThreatModel

FLAGGED = 3  # the exit code of an audit with red flags
FAILING = {"fail": ("fail",), "warn": ("fail", "warn"), "never": ()}

Claimed = Annotated[
    str, typer.Option("--claim", help="Claimed accuracies, per cent: clean=83.4,autoattack=52.0")
]
Out = Annotated[
    Path | None, typer.Option(help="Folder of report.html, report.md, audit.json and the samples.")
]
Against = Annotated[
    str | None, typer.Option(help="A second model, to be compared on the same samples.")
]
AgainstArch = Annotated[str | None, typer.Option(help="Its architecture, where it needs one.")]
Information = Annotated[
    bool, typer.Option("--mi/--no-mi", help="Estimate natural and adversarial MI of the model.")
]
DepthName = Annotated[
    str, typer.Option(help=" or ".join(DEPTHS) + ": the strongest attacks' budget.")
]
FailOn = Annotated[str, typer.Option(help="Exit with 3 on flags: " + ", ".join(FAILING) + ".")]


def audit(
    model: options.Model,
    arch: options.Arch = None,
    weights: options.Weights = None,
    mean: options.Mean = None,
    std: options.Std = None,
    channels: options.Channels = "rgb",
    class_map: options.ClassMap = None,
    data: options.Data = "fashion-mnist",
    norm: options.Norm = "Linf",
    eps: options.Eps = "0.1",
    claim: Claimed = "",
    out: Out = None,
    depth: DepthName = "fast",
    against: Against = None,
    against_arch: AgainstArch = None,
    mi: Information = True,
    fail_on: FailOn = "fail",
    samples: options.Samples = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    workers: options.UsualWorkers = None,
    scheduler: options.Scheduler = None,
    store: options.StoreFolder = options.DEFAULT_STORE,
    json: options.Json = None,
) -> int:
    """Audit a model: red flags of its evaluation, its accuracies, and claims about them.

    Exit code 0: no red flag and no contradicted claim; 3: there is one; 2: unusable input. Stopped
    at any moment, the same command goes on where it was.

    Examples:
    workbench audit zoo:fashion-mnist/standard-at --eps 0.1 --claim clean=85 --out audit
    workbench audit weights.pt --arch nets.py:resnet --data images.npz --eps 8/255 --out audit
    workbench audit model.onnx --mean 0.5 --std 0.25 --data images.npz --eps 8/255
    workbench audit weights.pt --arch nets.py:resnet --against zoo:fashion-mnist/trades
    workbench audit broken:quantised
    """
    if fail_on not in FAILING:
        raise InputError(f"--fail-on {fail_on!r} is not known; use {', '.join(FAILING)}")
    if against is None and against_arch is not None:
        raise InputError("--against-arch is of the model --against; name that, or leave it out")
    threat, claimed, chosen = ThreatModel(norm, eps), claims(claim), device_of(device)
    check_writable(json)
    check_writable(out / "audit.json" if out else None)
    how = loading(weights, mean, std, channels, class_map)
    images = load_data(data, "test", say)
    load = partial(as_model, model, images, chosen, arch, how)
    classifier = load()
    limit_threads(classifier)
    other = None
    if against is not None:
        other = as_model(against, images, chosen, against_arch)
    request = AuditRequest(
        classifier,
        load,
        images,
        threat,
        options.chosen_samples(samples, images),
        seed,
        depth,
        tuple(claimed),
        load_data(data, "train", say) if mi else None,
        other,
    )
    with (
        executor(workers, scheduler, chosen, long=True) as computing,
        progress_bar() as progress,
    ):
        found = run(request, store=Store(store, say), progress=progress, executor=computing)
    command = shlex.join(["workbench", *sys.argv[1:]])
    facts = content(found, command)
    if out:
        report.write(found, facts, out)
    write_json(facts, json)
    if str(json) != "-":
        _show(facts, out)
    return _exit_code(facts, fail_on)


def _exit_code(facts: dict[str, Any], fail_on: str) -> int:
    """FLAGGED for red flags and contradicted claims, as far as these are to fail."""
    flagged = any(check["status"] in FAILING[fail_on] for check in facts["checks"])
    contradicted = any(one["verdict"] == "contradicted" for one in facts["claims"])
    return FLAGGED if fail_on != "never" and (flagged or contradicted) else 0


def _show(facts: dict[str, Any], out: Path | None) -> None:
    """The audit on the screen: what is flagged, accuracies, claims, and the verdict."""
    checks = report.check_table(facts)
    noticed = checks[checks["status"] != "pass"]
    if len(noticed):
        show(noticed[["id", "check", "status", "found"]], "Checks that were flagged, or not run")
    passed = int((checks["status"] == "pass").sum())
    output.print(f"{passed} of {len(checks)} checks passed.", highlight=False)
    show(report.accuracy_table(facts), "Accuracy")
    for title, table in (
        ("Claims", report.claim_table(facts)),
        ("Against another model", report.against_table(facts)),
        ("Mutual information, nats", report.information_table(facts)),
    ):
        if len(table):
            show(table, title)
    if without := facts["information"].get("skipped"):
        output.print(f"MI was not estimated: {without}.", highlight=False, soft_wrap=True)
    output.print(facts["verdict"], highlight=False, soft_wrap=True)
    if out:
        say(f"wrote {out}/report.html, report.md, audit.json, model_info.json and the samples")

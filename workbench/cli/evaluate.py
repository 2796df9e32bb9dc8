"""`workbench evaluate`: accuracy of a model under attacks."""

from typing import Any

from workbench import options, tables
from workbench.attacks import names
from workbench.data import load_data
from workbench.devices import limit_threads
from workbench.evaluation.battery import Evaluation
from workbench.evaluation.battery import evaluate as run
from workbench.evaluation.execution import executor
from workbench.evaluation.store import Store
from workbench.inputs import as_model
from workbench.models import loading
from workbench.provenance import versions
from workbench.screen import check_writable, output, progress_bar, say, show, write_json
from workbench.specs import UNIT_SIZE
from workbench.threat import ThreatModel


def evaluate(
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
    attacks: options.Attacks = "pgd-40,cascade",
    samples: options.Samples = None,
    seed: options.Seed = 0,
    batch_size: options.BatchSize = UNIT_SIZE,
    device: options.Device = "auto",
    workers: options.Workers = 1,
    scheduler: options.Scheduler = None,
    store: options.StoreFolder = options.DEFAULT_STORE,
    json: options.Json = None,
) -> None:
    """Attack a model, and print clean and robust accuracy with exact 95 % intervals.

    Stopped at any moment, the same command goes on where it was; run again, it computes nothing.

    Example: workbench evaluate zoo:fashion-mnist/standard-at --eps 0.1 --attacks fgsm,pgd-40
    """
    check_writable(json)
    threat, chosen = ThreatModel(norm, eps), names(attacks)
    how = loading(weights, mean, std, channels, class_map)
    images = load_data(data, "test", say)
    classifier = as_model(model, images, device, arch, how)
    limit_threads(classifier)
    samples = options.chosen_samples(samples, images)
    with executor(workers, scheduler, device) as computing, progress_bar() as progress:
        evaluation = run(
            classifier,
            images,
            threat,
            chosen,
            samples=samples,
            seed=seed,
            store=Store(store, say),
            unit_size=batch_size,
            progress=progress,
            executor=computing,
        )
    for warning in evaluation.warnings:
        say(f"warning: {warning}")
    content = summary(evaluation)
    if str(json) != "-":
        title = f"{model} on {images.name}, {threat}, {samples} samples"
        show(tables.evaluation_texts(evaluation.rows, evaluation.costs), title)
        _show_worst(content)
    write_json(content, json)


def _show_worst(content: dict[str, Any]) -> None:
    """The worst case on the screen, with what is proved."""
    robust = content["robust_accuracy"]
    worst = tables.percent(robust, *content["robust_accuracy_ci95"])
    output.print(f"Robust accuracy, worst case over the attacks: {worst} %", highlight=False)
    if proved := content["certified_accuracy"]:
        output.print(
            f"Of these samples {100 * proved:.1f} % are proved robust, so that the true share "
            f"lies between {100 * proved:.1f} and {100 * robust:.1f} %",
            highlight=False,
        )


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON: accuracies are shares in [0, 1], passes are counted in images.

    certified_accuracy is null where nothing was proved, as of attacks that prove nothing.
    """
    table = tables.bracketed(evaluation.rows).set_index("attack")
    costs = tables.total_costs(evaluation.costs).set_index("attack")
    clean, worst = table.loc[tables.CLEAN], table.loc[tables.WORST_CASE]
    return {
        "clean_accuracy": float(clean.accuracy),
        "clean_accuracy_ci95": [clean.low, clean.high],
        "robust_accuracy": float(worst.accuracy),
        "robust_accuracy_ci95": [worst.low, worst.high],
        "certified_accuracy": float(worst.certified) or None,
        "attacks": {
            str(name): {
                "robust_accuracy": float(table.loc[name, "accuracy"]),
                "ci95": [table.loc[name, "low"], table.loc[name, "high"]],
                "certified_accuracy": float(table["certified"].fillna(0)[name]) or None,
                "forward_passes": int(cost.forward_passes),
                "backward_passes": int(cost.backward_passes),
                "seconds": float(cost.seconds),
            }
            for name, cost in costs.iterrows()
        },
        "outside_threat_model": int((~evaluation.rows["inside"]).sum()),
        "warnings": evaluation.warnings,
        **evaluation.description,
        "versions": versions(),
    }

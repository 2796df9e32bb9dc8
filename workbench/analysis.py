"""The command line that all analyses share: fill, table, draw, save.

An analysis is a module whose docstring's first line is its title (see catalogue), with five
functions: `runs(profile)` says what must be measured; `table(frame)` turns the records into
numbers, which `layout(table)` prints as tables by their headings, `figure(frame, table)` draws in
the style that is on (see figures.style), and `finding(table)` says in one sentence. Its last line
calls `main`.
"""

import importlib
import inspect
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mode
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import typer

from workbench import figures, options, tables
from workbench.catalogue import KINDS, package
from workbench.data import Dataset, load_data
from workbench.defenses.recipe import Recipe
from workbench.devices import device_of, limit_threads
from workbench.errors import InputError
from workbench.evaluation.battery import Evaluation, EvaluationRequest, evaluate_all
from workbench.evaluation.critic_attacks import CriticAttackRequest, critic_attack_all
from workbench.evaluation.execution import Executor, executor, in_process
from workbench.evaluation.experiments import Experimented, ExperimentRequest, experiment_all
from workbench.evaluation.information import (
    Information,
    InformationRequest,
    mutual_information_all,
)
from workbench.evaluation.store import Store
from workbench.evaluation.transfer import TransferRequest, transfer_all
from workbench.figures import Style
from workbench.information import Fit
from workbench.models import Classifier, load_model, zoo
from workbench.models.load import ZOO
from workbench.profiles import Profile, load_profile
from workbench.provenance import commit, versions
from workbench.screen import guarded, output, progress_bar, say, show, write_json, write_text
from workbench.specs import (
    CriticAttackRun,
    EvaluationRun,
    ExperimentRun,
    InformationRun,
    Run,
    TransferRun,
)
from workbench.threat import ThreatModel

# fields of a recipe that set models apart; the threat model, seed and base are told elsewhere
TOLD = (
    *("arch", "epochs", "batch", "lr", "weight_decay", "attack_steps", "attack_step"),
    *("optimizer", "schedule", "augment", "precision", "start"),
)
OF_CRITICS = ("estimator", "units", "fit_steps")

Request = (
    EvaluationRequest
    | TransferRequest
    | InformationRequest
    | CriticAttackRequest
    | ExperimentRequest
)


@dataclass(frozen=True)
class Outcome:
    """What an analysis made: what it found in a sentence, its tables by their titles, its files."""

    finding: str
    tables: Mapping[str, pd.DataFrame]
    files: list[Path]


def main(module: ModuleType) -> None:
    """The command line of one analysis: `python -m analyses.NAME --profile P`."""

    def command(
        profile: options.ProfileName = "demo",
        device: options.Device = "auto",
        workers: options.UsualWorkers = None,
        scheduler: options.Scheduler = None,
        store: options.StoreFolder = options.DEFAULT_STORE,
        folder: options.FiguresFolder = None,
        style: options.FigureStyle = options.DEFAULT_STYLE,
    ) -> None:
        device, look = device_of(device), figures.style_of(style)
        out, results = options.figures_folder(folder, profile), Store(store, say)
        with executor(workers, scheduler, device, long=True) as computing:
            outcome = run(module, profile, results, device, out, computing, style=look)
        show_all(outcome)
        output.print(outcome.finding, highlight=False, soft_wrap=True)
        say("wrote " + ", ".join(map(str, outcome.files)))

    command.__doc__ = module.__doc__
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(command)
    sys.exit(guarded(lambda: app(standalone_mode=False)))


def run(
    module: ModuleType,
    profile: str,
    store: Store,
    device: str,
    folder: Path,
    executor: Executor = in_process,
    retrained: Profile | None = None,
    style: Style = figures.PAPER,
) -> Outcome:
    """Measure what an analysis needs and the store lacks; draw its figure and table; save them.

    module: the analysis. profile: its name or path. folder: where NAME.{pdf,png,csv,md,tex,json}
    are written. retrained: the profile with the models that were trained for it in this run.
    style: of the figure.
    Raises InputError for bad input of any kind.
    """
    wanted = retrained or load_profile(profile)
    runs: Sequence[Run] = module.runs(wanted)
    models = _models(runs)
    _check_shipped(wanted, profile, models.values())
    found = records(runs, store, device_of(device), executor)
    title, about = _told(module)
    numbers: pd.DataFrame = module.table(found.frame)
    texts: Mapping[str, pd.DataFrame] = module.layout(numbers)
    recipes = _recipes(wanted, models)
    finding = " ".join(filter(None, (module.finding(numbers), _settings(recipes))))
    facts = {
        "analysis": title,
        "finding": finding,
        "about": about,
        "command": _command(module, profile, style, bool(retrained)),
        "profile": profile,
        "seeds": sorted({run.seed for run in runs}),
        "samples": sorted({run.samples for run in runs}),
        **_critics(runs),
        "models": models,
        "recipes": {name: recipe.settings() for name, recipe in recipes.items()},
        "warnings": found.warnings,
        "computed_by": found.origins,
        "drawn_by": {"versions": versions(), "commit": commit()},
        "records": sorted(set(found.keys)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    to = folder / _name(module)
    with figures.style(style):
        drawn = module.figure(found.frame, numbers)
        drawn.savefig(to.with_suffix(".png"))
        drawn.savefig(to.with_suffix(".pdf"), metadata={"CreationDate": None})
        plt.close(drawn)  # else it stays in memory, and a notebook shows it once more
    parts = {", ".join(filter(None, (title, heading))): part for heading, part in texts.items()}
    _write(to, facts, numbers, parts)
    return Outcome(finding, parts, [to.with_suffix(f".{kind}") for kind in KINDS])


def _name(module: ModuleType) -> str:
    return Path(str(module.__file__)).stem


def _told(module: ModuleType) -> tuple[str, str]:
    """An analysis' title, and what its terms mean, each in one line."""
    title, _, about = (inspect.getdoc(module) or _name(module)).partition("\n")
    return title.rstrip("."), " ".join(about.split())


def _command(module: ModuleType, profile: str, style: Style, retrained: bool) -> str:
    """The command that makes an analysis again."""
    alone = "python", "-m", f"analyses.{_name(module)}"
    verb = ("workbench", "reproduce", "--retrain") if retrained else alone
    return shlex.join([*verb, "--profile", profile, "--style", figures.style_name(style)])


def _write(
    to: Path, facts: dict[str, Any], numbers: pd.DataFrame, parts: Mapping[str, pd.DataFrame]
) -> None:
    """Write an analysis' numbers, its tables by their titles, and its provenance."""
    told = facts["finding"], *(f"Warning: {text}" for text in facts["warnings"]), facts["about"]
    shown = [f"{heading}\n\n{tables.markdown(part)}" for heading, part in parts.items()]
    printed = [tables.latex(part, heading) for heading, part in parts.items()]
    write_text(to.with_suffix(".csv"), numbers.to_csv(index=False))
    write_text(to.with_suffix(".md"), "\n".join([*(f"{text}\n" for text in told if text), *shown]))
    write_text(to.with_suffix(".tex"), "\n".join(printed))
    write_json(facts, to.with_suffix(".json"))


def show_all(outcome: Outcome) -> None:
    """Print the tables of an analysis."""
    for title, table in outcome.tables.items():
        show(table, title)


def _check_shipped(profile: Profile, name: str, references: Iterable[str]) -> None:
    """Raises InputError where models that the profile trains did not come with the package."""
    made = {f"{ZOO}{profile.data}/{title}" for part in profile.trainings for title in part.titles()}
    missing = [r for r in references if r in made and not zoo.has(r.removeprefix(ZOO))]
    if missing:
        raise InputError(
            f"{missing[0]} did not come along ({len(missing)} models of profile {name} are "
            f"missing); `workbench reproduce --profile {name} --retrain` trains them and goes on"
        )


def _models(runs: Sequence[Run]) -> dict[str, str]:
    """The references of all models, by their names."""
    sources = {run.source_name: run.source for run in runs if isinstance(run, TransferRun)}
    return sources | {run.name: run.model for run in runs if not isinstance(run, ExperimentRun)}


def _recipes(profile: Profile, models: Collection[str]) -> dict[str, Recipe]:
    """The recipes of those of the models that the profile trains, by their names."""
    trained = [part.recipes(profile.data) for part in profile.trainings]
    return {name: recipe for part in trained for name, recipe in part.items() if name in models}


def _settings(recipes: Mapping[str, Recipe]) -> str:
    """What sets trained models apart beside their names, a sentence; "" where nothing does.

    Told are a defense's settings, how its critics were fitted unless as usual, and what else in a
    recipe most of the others have otherwise. Published numbers stand beside the defense of the same
    name, whatever its settings.
    """
    if not recipes:
        return ""
    usual = {field: mode(getattr(r, field) for r in recipes.values()) for field in TOLD}
    usual |= {field: getattr(Recipe, field) for field in OF_CRITICS}
    words = [(tables.named(name)[0], _words(recipe, usual)) for name, recipe in recipes.items()]
    told = dict.fromkeys(defense + own for defense, own in words if own)  # each once
    return f"Settings here: {'; '.join(told)}." if told else ""


def _words(recipe: Recipe, usual: Mapping[str, Any]) -> str:
    """How a recipe differs from its name and from what is usual; "" where it does not."""
    fields = (*TOLD, *OF_CRITICS) if recipe.objective.fitted else TOLD
    own = {field: getattr(recipe, field) for field in fields}
    other = [f"{field} {value}" for field, value in own.items() if value != usual[field]]
    text = f" is {recipe.defense}" if ":" in recipe.defense else ""
    return f"{text} with {', '.join(other)}" if other else text


def _critics(runs: Sequence[Run]) -> dict[str, list[int]]:
    """What critics were fitted with and to, where a run has some."""
    found = [run for run in runs if isinstance(run, InformationRun)]
    if not found:
        return {}
    return {
        "critic_seeds": sorted({run.critic_seed for run in found}),
        "fit_samples": sorted({run.fit_samples for run in found}),
    }


@dataclass(frozen=True)
class Records:
    """What runs measured.

    frame: the records of all in one, with the columns of evaluation.records, "name" (of the model),
    for transfer also "source_name" (of the model that was attacked), and "eps" as given; for
    experiments their own columns and "name". keys: of their units. origins: what computed those.
    warnings: where numbers are missing, as of a critic whose fit diverged, or not to be believed.
    """

    frame: pd.DataFrame
    keys: list[str]
    origins: list[dict[str, Any]]
    warnings: list[str]


def records(
    runs: Sequence[Run], store: Store, device: str, executor: Executor = in_process
) -> Records:
    """The records of all runs, computed where the store lacks them. Warnings are told at once."""
    load, data = cache(load_model), cache(load_data)
    requests = [request(run, load, data, device) for run in runs]
    frames, keys, origins, warnings = [], [], [], []
    for run, found in zip(runs, _measured(requests, store, executor), strict=True):
        source = {"source_name": run.source_name} if isinstance(run, TransferRun) else {}
        eps = {} if isinstance(run, ExperimentRun) else {"eps": run.eps}
        frames.append(found.rows.assign(name=run.name, **eps, **source))
        keys += found.keys
        origins += [o for o in found.description["computed_by"] if o not in origins]
        if isinstance(found, Information | Evaluation):
            warnings += [f"{run.name}: {warning}" for warning in found.warnings]
    for warning in warnings:
        say(f"warning, {warning}")
    return Records(pd.concat(frames, ignore_index=True), keys, origins, warnings)


def request(
    run: Run, load: Callable[..., Classifier], data: Callable[..., Dataset], device: str
) -> Request:
    """A run with its names resolved."""
    if isinstance(run, ExperimentRun):
        return ExperimentRequest(run.experiment, run.seed, run.name)
    test, threat = data(run.data, "test", say), ThreatModel(run.norm, run.eps)
    model = load(run.model, run.arch, device, test.shape, len(test.classes))
    limit_threads(model)
    if isinstance(run, EvaluationRun):
        what = test, threat, run.attacks, run.samples, run.seed, run.unit_size
        if not isinstance(run, TransferRun):
            return EvaluationRequest(model, *what)
        source = load(run.source, run.source_arch, device, test.shape, len(test.classes))
        return TransferRequest(EvaluationRequest(source, *what), model)
    information = InformationRequest(
        model,
        data(run.data, "train", say),
        test,
        threat,
        run.attack,
        samples=run.samples,
        fit_samples=run.fit_samples,
        seed=run.seed,
        critic_seed=run.critic_seed,
        fit=Fit(objective=run.objective),
        unit_size=run.unit_size,
        critics=run.critics,
    )
    attacks = run.attacks if isinstance(run, CriticAttackRun) else ()
    return CriticAttackRequest(information, attacks) if attacks else information


def _measured(
    requests: Sequence[Request], store: Store, executor: Executor
) -> list[Evaluation | Information | Experimented]:
    """The answers in order; all requests of a kind are computed together."""
    measures: dict[type, Callable[..., list[Any]]] = {
        EvaluationRequest: evaluate_all,
        TransferRequest: transfer_all,
        InformationRequest: mutual_information_all,
        CriticAttackRequest: critic_attack_all,
        ExperimentRequest: experiment_all,
    }
    answers = {}
    with progress_bar() as progress:
        for kind, measure in measures.items():
            chosen = [request for request in requests if type(request) is kind]
            answers[kind] = iter(measure(chosen, store, progress, executor))
    return [next(answers[type(request)]) for request in requests]


def analysis_of(name: str) -> ModuleType:
    """The module of an analysis: as it came with the package, or from the current folder."""
    package()
    try:
        return importlib.import_module(f"analyses.{name}")
    except ModuleNotFoundError as error:
        if error.name not in ("analyses", f"analyses.{name}"):
            raise
        raise InputError(f"the profile names an analysis {name!r}, and there is none") from None

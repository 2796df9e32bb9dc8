"""The verbs for Python: what one has at hand goes in, a result that shows itself comes out."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import tables
from workbench.analysis import Outcome, analysis_of, run
from workbench.audit import Audit, AuditRequest, claims, content, report
from workbench.audit import audit as run_audit
from workbench.devices import device_of
from workbench.errors import InputError
from workbench.evaluation import battery
from workbench.evaluation import information as mi
from workbench.evaluation import transfer as black_box
from workbench.evaluation.execution import Executor, in_process
from workbench.explore import explore
from workbench.figures import data_uri, style_of
from workbench.information import Fit
from workbench.inputs import (
    Data,
    Model,
    Threat,
    Where,
    as_attacks,
    as_data,
    as_model,
    as_store,
    as_threat,
)
from workbench.models import Classifier
from workbench.options import DEFAULT_STORE, DEFAULT_STYLE, chosen_samples, figures_folder
from workbench.profiles import load_profile
from workbench.screen import progress_bar, say

__all__ = ["audit", "evaluate", "explore", "mutual_information", "reproduce", "transfer"]

FASHION, LINF = "fashion-mnist", "Linf 0.1"
USUAL = {"claim": "", "samples": None, "seed": 0, "against": None, "information": True}  # of audits


class Shown(ABC):
    """A result that a notebook shows as tables of HTML, and a terminal as tables of text."""

    @abstractmethod
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """What is shown, by its titles; the texts have intervals."""

    def __repr__(self) -> str:
        parts = ((title, table.to_string(index=False)) for title, table in self.tables().items())
        return "\n\n".join(f"{title}\n{text}" for title, text in parts)

    def _repr_html_(self) -> str:
        return "".join(_html(title, table) for title, table in self.tables().items())


def _html(title: str, table: pd.DataFrame) -> str:
    """A table; names of classes and files are text, whatever they hold."""
    shown = table.style.format(escape="html").format_index(escape="html", axis=1).hide()
    return str(shown.set_caption(escape(title)).to_html())


@dataclass(frozen=True, repr=False)
class EvaluationResult(Shown, battery.Evaluation):
    """Records of a model under attacks, as `battery.Evaluation`, with their accuracies."""

    @cached_property
    def accuracies(self) -> pd.DataFrame:
        """Accuracy under each attack with its exact 95 % interval, as `tables.bracketed`."""
        return tables.bracketed(self.rows)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Accuracies in per cent, and what they cost."""
        about = self.description
        what = f"{about['model']['name']} on {about['data']['name']}, {_threat(about)}"
        return {
            f"{what}, {about['samples']} samples": tables.evaluation_texts(self.rows, self.costs)
        }


@dataclass(frozen=True, eq=False, repr=False)
class TransferResult(Shown):
    """Attacks made on sources, shown to targets: a line of `rows` per pair, attack and sample.

    accuracies: a line per source, target and attack, as `tables.transferred`.
    """

    rows: pd.DataFrame
    accuracies: pd.DataFrame
    description: Mapping[str, Any]

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Accuracies in per cent, a line per attack and source, a column per target."""
        about = self.description
        what = f"{about['data']['name']}, {_threat(about)}, {about['samples']} samples"
        return {f"Source → target on {what}": tables.transfer_texts(self.accuracies)}


@dataclass(frozen=True, repr=False)
class InformationResult(Shown, mi.Information):
    """MI of samples, as `information.Information`, with how far the paper's observation holds."""

    @cached_property
    def observation(self) -> pd.DataFrame:
        """A line per quantity with its AUROC, as `tables.observation`."""
        return tables.observation(self.rows.assign(model=self.description["model"]["name"]))

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Means, AUROC and order of natural and adversarial outputs' values."""
        about = self.description
        title = f"MI of {about['model']['name']}, {_threat(about)}, {len(self.rows)} samples, nats"
        return {title: tables.observation_texts(self.observation).drop(columns="model")}


@dataclass(frozen=True, eq=False, repr=False)
class AuditResult(Shown):
    """An audit: what was found, and `facts`, as audit.json has them."""

    found: Audit
    facts: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        """The audit in a sentence."""
        return str(self.facts["verdict"])

    @property
    def checks(self) -> pd.DataFrame:
        """A line per check: id, status, value, threshold, samples, source, advice."""
        return pd.DataFrame(self.facts["checks"])

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """What report.md has."""
        return {
            "Verdict": pd.DataFrame({"": [self.verdict]}),
            **report.all_tables(self.facts),
        }

    def write(self, folder: Path | str) -> None:
        """Write report.html, report.md, audit.json, model_info.json and the samples."""
        report.write(self.found, self.facts, Path(folder))


@dataclass(frozen=True, repr=False)
class AnalysisResult(Shown):
    """What an analysis of a profile made: its figure, its tables, and its finding in a sentence."""

    outcome: Outcome

    @property
    def finding(self) -> str:
        """What was found, in a sentence."""
        return self.outcome.finding

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The tables, as they are written beside the figure."""
        return self.outcome.tables

    def _repr_html_(self) -> str:
        figure = next(path for path in self.outcome.files if path.suffix == ".png")
        address = data_uri(figure.read_bytes())
        image = f'<img alt="{escape(figure.stem)}" style="max-width: 60em" src="{address}">'
        return f"{image}<p>{escape(self.finding)}</p>{super()._repr_html_()}"


def evaluate(
    model: Model,
    data: Data = FASHION,
    threat: Threat = LINF,
    attacks: Sequence[str] | str = ("pgd-40", "cascade"),
    *,
    samples: int | None = None,
    seed: int = 0,
    store: Where = DEFAULT_STORE,
    device: str = "auto",
    executor: Executor = in_process,
) -> EvaluationResult:
    """Attack the first samples of a data set; what the store has is not computed again.

    model: a reference (see `load_model`), a module that takes images in [0, 1] and gives logits,
    or a classifier. data: a name, a path, a data set, or images (n, c, h, w) in [0, 1] with labels
    (n,). threat: as "Linf 8/255". attacks: names (see `attacks.attack`). samples: 1000, or all
    where there are fewer. executor: who computes, such as Workers(4).
    Raises InputError for what does not fit together.
    """
    test = as_data(data)
    with progress_bar() as progress:
        found = battery.evaluate(
            as_model(model, test, device),
            test,
            as_threat(threat),
            as_attacks(attacks),
            store=as_store(store),
            samples=chosen_samples(samples, test),
            seed=seed,
            progress=progress,
            executor=executor,
        )
    for warning in found.warnings:
        say(f"warning: {warning}")
    return EvaluationResult(**vars(found))


def transfer(
    sources: Sequence[Model],
    targets: Sequence[Model],
    data: Data = FASHION,
    threat: Threat = LINF,
    attacks: Sequence[str] | str = black_box.ATTACKS,
    *,
    samples: int | None = None,
    seed: int = 0,
    store: Where = DEFAULT_STORE,
    device: str = "auto",
    executor: Executor = in_process,
) -> TransferResult:
    """Attacks made on every source, shown to every target: black-box accuracy.

    sources, targets, data, threat, attacks, samples, executor: as `evaluate`; attacks that stop at
    their first success transfer badly.
    Raises InputError for what does not fit together, for two models of one name, and for none.
    """
    test = as_data(data)
    made, shown = ([as_model(one, test, device) for one in part] for part in (sources, targets))
    for part, kind in ((made, "sources"), (shown, "targets")):
        different = {model.fingerprint for model in part}
        if not part or len(different) < len(part):
            raise InputError(
                f"{kind} are {len(part)} models, {len(different)} of them different; name one or "
                "more, each once"
            )
    names = {model.fingerprint: model.origin for model in (*made, *shown)}
    if len(set(names.values())) < len(names):
        raise InputError("two models have one name; give Classifier(net, name) names that differ")
    with progress_bar() as progress:
        found = black_box.transfer(
            made,
            shown,
            test,
            as_threat(threat),
            as_attacks(attacks),
            store=as_store(store),
            samples=chosen_samples(samples, test),
            seed=seed,
            progress=progress,
            executor=executor,
        )
    rows = pd.concat([part.rows for part in found], ignore_index=True)
    about = {name: found[0].description[name] for name in ("data", "threat", "samples")}
    return TransferResult(rows, tables.transferred(rows, names), about)


def mutual_information(
    model: Model,
    data: Data = FASHION,
    threat: Threat = LINF,
    attack: str = mi.ATTACK,
    *,
    train: Data | None = None,
    samples: int | None = None,
    fit_samples: int | None = None,
    seed: int = 0,
    critic_seed: int = 0,
    fit: Fit | None = None,
    store: Where = DEFAULT_STORE,
    device: str = "auto",
    executor: Executor = in_process,
) -> InformationResult:
    """Natural and adversarial MI of the first test samples; what is stored is not computed again.

    model, data, threat, samples, executor: as `evaluate`. Critics are fitted to `fit_samples`
    attacked samples of `train` (10000, or all where there are fewer): by default of the training
    split of data that is named, and of other data of the samples that follow the scored ones.
    Raises InputError as `evaluation.information.mutual_information` says.
    """
    test = as_data(data)
    fitted_to = as_data(data if train is None else train, "train")
    scored = chosen_samples(samples, test)
    with progress_bar() as progress:
        found = mi.mutual_information(
            as_model(model, test, device),
            fitted_to,
            test,
            as_threat(threat),
            attack,
            store=as_store(store),
            samples=scored,
            fit_samples=mi.usual_fit_samples(fitted_to, test, scored, fit_samples),
            seed=seed,
            critic_seed=critic_seed,
            fit=fit,
            progress=progress,
            executor=executor,
        )
    return InformationResult(**vars(found))


def audit(
    model: Model,
    data: Data = FASHION,
    threat: Threat = LINF,
    *,
    claim: str = "",
    samples: int | None = None,
    seed: int = 0,
    depth: str = "fast",
    against: Model | None = None,
    information: bool = True,
    store: Where = DEFAULT_STORE,
    device: str = "auto",
    executor: Executor = in_process,
) -> AuditResult:
    """Look for red flags of a model's evaluation, measure it, and hold claims against that.

    model, data, threat, samples, executor: as `evaluate`; the model may be "broken:NAME" too.
    claim: as "clean=83.4,autoattack=52". against: a second model. information: estimate MI too.
    Raises InputError for what does not fit together.
    """
    test = as_data(data)
    load = partial(as_model, model, test, device)
    # a classifier has nowhere to be loaded from again: its copy keeps what it was before attacks
    kept = copy.deepcopy(model) if isinstance(model, Classifier) else model
    asked = {"claim": claim, "samples": samples, "seed": seed, "depth": depth, "against": against}
    asked["information"] = information
    request = AuditRequest(
        load(),
        partial(as_model, kept, test, device),
        test,
        as_threat(threat),
        chosen_samples(samples, test),
        seed,
        depth,
        tuple(claims(claim)),
        as_data(data, "train") if information else None,
        None if against is None else as_model(against, test, device),
    )
    with progress_bar() as progress:
        found = run_audit(request, store=as_store(store), progress=progress, executor=executor)
    told = ", ".join(
        f"{name}={_told(value)}" for name, value in asked.items() if value != USUAL.get(name)
    )
    called = f"workbench.audit({_told(model)}, {_told(data)}, {str(request.threat)!r}, {told})"
    return AuditResult(found, content(found, called))


def reproduce(
    profile: str = "demo",
    analyses: Sequence[str] = (),
    *,
    figures: Path | str | None = None,
    style: str = DEFAULT_STYLE,
    store: Where = DEFAULT_STORE,
    device: str = "auto",
    executor: Executor = in_process,
) -> list[AnalysisResult]:
    """The figures and tables of a profile; what the store has is not computed again.

    profile: its name, or the path of its file. analyses: those of the profile that are wanted; all
    unless named. figures: the folder that they are written to, figures/PROFILE unless named. style:
    a name of `figures.STYLES`. executor: as `evaluate`.
    Raises InputError for an unknown profile, analysis or style.
    """
    folder = figures_folder(figures, profile)
    common = as_store(store), device_of(device), folder, executor, None, style_of(style)
    names = analyses or load_profile(profile).analyses
    return [AnalysisResult(run(analysis_of(name), profile, *common)) for name in names]


def _told(argument: Any) -> str:
    """An argument as it was written, or what kind of thing it was."""
    return repr(argument) if isinstance(argument, str | int) else f"<{type(argument).__name__}>"


def _threat(about: Mapping[str, Any]) -> str:
    """The threat model of a description, as it was given."""
    return f"{about['threat']['norm']} {about['threat']['eps']}"

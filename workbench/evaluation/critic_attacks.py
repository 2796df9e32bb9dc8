"""Attacks that know a model's critics: made once per critics, and scored by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd

from workbench.data import Dataset
from workbench.evaluation.battery import fill_all, rows_of
from workbench.evaluation.critics import FittedCritics, forget_references
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.information import Fitted, Information, InformationRequest, fit_all
from workbench.evaluation.jobs import Job, Result
from workbench.evaluation.measure import measure
from workbench.evaluation.store import Store, Stored
from workbench.information.attacks import CriticAttack, critic_attack, critic_attack_label
from workbench.progress import Progress, no_progress
from workbench.specs import AttackUnit, settings_of
from workbench.threat import ThreatModel


@dataclass(frozen=True, eq=False)
class CriticAttackRequest:
    """What `critic_attack_all` is asked: further attacks on the samples that are scored.

    attacks: names, with settings (see information.attacks.critic_attack).
    """

    information: InformationRequest
    attacks: Sequence[str]

    def chosen(self) -> list[CriticAttack]:
        """The attacks. Raises InputError for an unknown name or setting."""
        return [critic_attack(name) for name in self.attacks]

    def jobs(self, fitted: Fitted) -> list[Job]:
        """The units of the attacks; none of one whose critics diverged."""
        critics, data, threat = fitted.critics, self.information.test, self.information.threat
        able = [found for found in self.chosen() if set(found.needs) <= critics.converged().keys()]
        return [
            _job(critics, data, threat, found, unit) for found in able for unit in fitted.scored
        ]


def critic_attack_all(
    requests: Sequence[CriticAttackRequest],
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> list[Information]:
    """As `mutual_information_all`, with the rows of the attacks that know the critics below.

    Raises InputError as that does, and for an unknown attack.
    """
    common = store, progress, executor
    for request in requests:
        request.chosen()
    fitted = fit_all([request.information for request in requests], *common)
    jobs = [request.jobs(one) for request, one in zip(requests, fitted, strict=True)]
    attacked = fill_all(jobs, *common)
    scoring = [
        one.score_jobs([*one.scored, *units]) for one, units in zip(fitted, attacked, strict=True)
    ]
    scores = fill_all(scoring, *common)
    forget_references()
    return [
        _with(one.answer(of_all[: len(one.scored)]), units, of_all[len(one.scored) :])
        for one, units, of_all in zip(fitted, attacked, scores, strict=True)
    ]


def _with(plain: Information, attacked: Sequence[Stored], scored: Sequence[Stored]) -> Information:
    """The answer with what the attacks that know the critics add to it."""
    if not scored:
        return plain
    rows = pd.concat([plain.rows, rows_of(scored)], ignore_index=True)
    return replace(plain, rows=rows, keys=[*plain.keys, *(u.key for u in (*attacked, *scored))])


def knowing_settings(attack: CriticAttack, keys: Mapping[str, str]) -> dict[str, Any]:
    """The settings of an attack with the keys of the critics that it needs."""
    needed = [keys[name] for name in attack.needs]
    return settings_of(attack) | ({"critics": needed} if needed else {})


def _job(
    critics: FittedCritics,
    test: Dataset,
    threat: ThreatModel,
    attack: CriticAttack,
    unit: Stored,
) -> Job:
    """The same samples, model, threat and seed as those of a stored unit, under another attack."""
    assert unit.rows is not None
    spec = {name: value for name, value in unit.info["spec"].items() if name != "kind"}
    settings = knowing_settings(attack, critics.converged())
    name = critic_attack_label(attack)
    compute = partial(_attacked, critics, test, threat, attack, spec, unit.rows)
    doing = f"{name} on {critics.model.origin}"
    found = AttackUnit(**{**spec, "attack": settings})
    return Job(found, compute, len(unit.rows), doing, attack=name)


def _attacked(
    critics: FittedCritics,
    test: Dataset,
    threat: ThreatModel,
    attack: CriticAttack,
    spec: dict[str, Any],
    rows: pd.DataFrame,
) -> Result:
    """Attack with the critics at hand; what is not measured anew stands in the rows already."""
    model, start = critics.model, spec["start"]
    x, y = test.batch(start, spec["stop"], model.device)
    knowing = replace(attack, references=critics.references())
    found = measure(model, x, y, start, knowing, threat, spec["seed"])
    rows = rows.assign(attack=critic_attack_label(attack))
    rows[found.rows.columns] = found.rows
    return Result(rows, {"x_adv": found.images}, found.cost(model.device))

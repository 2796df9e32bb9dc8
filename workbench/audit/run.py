"""An audit: what was measured, what each check found, and how the claims stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from workbench import tables
from workbench.attacks import attack
from workbench.audit import probes
from workbench.audit.checks import findings
from workbench.audit.claims import AUTOATTACK, CLEAN, UNDECIDED, Claim, Judged, judge
from workbench.audit.evidence import FAIL, Evidence, Finding
from workbench.audit.measuring import measured
from workbench.audit.observed import Observed, observe, why_not
from workbench.audit.request import DEPTHS, AuditRequest
from workbench.evaluation.battery import computed_by, fill, rows_of
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.store import Store, Stored
from workbench.progress import Progress, no_progress
from workbench.statistics import Estimate, proportion


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    findings: by the checks' ids, in their order. claims: held against what was measured. clean,
    robust: accuracies with exact 95 % intervals; robust is the worst case per sample over all
    attacks. certified: the share of samples that a sound bound proves, None where no bound knows
    the net. against: tables.duel with
    the second model, None without one. observed: its MI, or why there is none. keys, computed_by:
    of the units.
    """

    request: AuditRequest
    evidence: Evidence
    findings: Mapping[str, Finding]
    claims: Sequence[Judged]
    clean: Estimate
    robust: Estimate
    certified: Estimate | None
    against: pd.DataFrame | None
    observed: Observed | str
    keys: Sequence[str]
    computed_by: Sequence[Mapping[str, object]]

    @property
    def failed(self) -> list[str]:
        """The checks that raise a red flag."""
        return [name for name, found in self.findings.items() if found.status == FAIL]


def audit(
    request: AuditRequest,
    *,
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> Audit:
    """Measure a model, look for red flags, and hold claims against the measurement.

    What the store has is not computed again; stopped at any moment, the same call goes on.
    """
    common = store, progress, executor
    evidence, units = measured(request, *common)
    robust = evidence.robust([*evidence.attacks])
    duel, more = _against(request, evidence, *common)
    observed: Observed | str = why_not(request, evidence.missing.get("white-box", ""))
    if not observed:
        observed = observe(request, robust, *common)
    units += more
    return Audit(
        request,
        evidence,
        findings(evidence),
        [_judged(claim, evidence, request) for claim in request.claims],
        proportion(evidence.correct()),
        proportion(robust),
        _certified(evidence),
        duel,
        observed,
        [unit.key for unit in units],
        computed_by(units),
    )


def _against(
    request: AuditRequest,
    evidence: Evidence,
    store: Store,
    progress: Progress,
    executor: Executor,
) -> tuple[pd.DataFrame | None, list[Stored]]:
    """The second model under the same attacks, as far as it has gradients for them."""
    other = request.against
    if other is None:
        return None, []
    (looked,) = replace(request, model=other, against=None).probe_jobs([(probes.Gradients(), True)])
    smooth = not any(rows_of(fill(looked, store, progress, executor))["failed"])
    names = [n for n in evidence.attacks if smooth or not attack(n).gradients]
    jobs = request.evaluation(names, request.threat, other).jobs()
    units = fill(jobs, store, progress, executor)
    own = [evidence.attacks[name] for name in names]
    rows = pd.concat([*own, rows_of(units)], ignore_index=True)
    return tables.duel(rows, request.model.fingerprint, other.fingerprint), units


def _judged(claim: Claim, evidence: Evidence, request: AuditRequest) -> Judged:
    """A claim against the rows that speak of it."""
    if claim.of == CLEAN:
        return judge(claim, evidence.correct().to_numpy())
    if claim.of == AUTOATTACK:
        strongest = evidence.attack(evidence.strongest)["robust"].to_numpy()
        return judge(claim, strongest, _weaker(evidence, request.depth))
    if claim.of not in evidence.attacks:
        said = f"{claim.of} needs gradients that the model does not give"
        return Judged(claim, None, None, UNDECIDED, said)
    return judge(claim, evidence.attack(claim.of)["robust"].to_numpy())


def _weaker(evidence: Evidence, depth: str) -> str:
    """Why the strongest attack was weaker than AutoAttack, if it was."""
    if evidence.missing:
        return "without gradients only black-box attacks were run, which cannot confirm it"
    if not DEPTHS[depth].complete:
        return "a weaker attack was run, which cannot confirm it; use --depth full"
    return ""


def _certified(evidence: Evidence) -> Estimate | None:
    """The share of samples that a bound proves robust; None where no bound knows the net."""
    rows = evidence.probe("Proofs")
    return proportion(rows["proved"]) if rows["known"].all() else None

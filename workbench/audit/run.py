"""An audit: what was measured, what each check found, and how the claims stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from workbench.audit.checks import findings
from workbench.audit.claims import CLEAN, UNDECIDED, Claim, Judged, judge
from workbench.audit.evidence import FAIL, Evidence, Finding
from workbench.audit.measuring import DEPTHS, AuditRequest, measured
from workbench.evaluation.battery import computed_by
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.store import Store
from workbench.progress import Progress, no_progress
from workbench.statistics import Estimate, clopper_pearson

AUTOATTACK = "autoattack"  # its verdict is a cascade's


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    findings: by the checks' ids, in their order. claims: held against what was measured. clean,
    robust: accuracies with exact 95 % intervals; robust is the worst case per sample over all
    attacks. certified: the share of samples that a sound bound proves. keys: of the units.
    """

    request: AuditRequest
    evidence: Evidence
    findings: Mapping[str, Finding]
    claims: Sequence[Judged]
    clean: Estimate
    robust: Estimate
    certified: Estimate
    keys: Sequence[str]
    computed_by: Sequence[Mapping[str, object]]

    @property
    def failed(self) -> list[str]:
        """The checks that raise a red flag."""
        return [name for name, found in self.findings.items() if found.status == FAIL]


def audit(
    request: AuditRequest,
    claimed: Sequence[Claim] = (),
    *,
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> Audit:
    """Measure a model, look for red flags, and hold claims against the measurement.

    What the store has is not computed again; stopped at any moment, the same call goes on.
    """
    named = tuple(claim.of for claim in claimed if claim.of not in (CLEAN, AUTOATTACK))
    wanted = replace(request, more=named)
    evidence, units = measured(wanted, store, progress, executor)
    return Audit(
        wanted,
        evidence,
        findings(evidence),
        [_judged(claim, evidence, wanted) for claim in claimed],
        _share(evidence.correct()),
        _share(evidence.robust([*evidence.attacks])),
        _share(_certified(evidence)),
        [unit.key for unit in units],
        computed_by(units),
    )


def _judged(claim: Claim, evidence: Evidence, request: AuditRequest) -> Judged:
    """A claim against the rows that speak of it."""
    if claim.of == CLEAN:
        return judge(claim, evidence.correct().to_numpy())
    strongest = evidence.attack(evidence.strongest)["robust"].to_numpy()
    if claim.of == AUTOATTACK:
        complete = DEPTHS[request.depth].complete and evidence.strongest in evidence.white_box
        return judge(claim, strongest, upper_bound=not complete)
    if claim.of not in evidence.attacks:
        said = f"{claim.of} needs gradients that the model does not give"
        return replace(judge(claim, strongest), verdict=UNDECIDED, said=said)
    return judge(claim, evidence.attack(claim.of)["robust"].to_numpy())


def _certified(evidence: Evidence) -> pd.Series:
    """Samples that a bound proves robust: bool by sample."""
    parts = [evidence.attack(name)["certified"] for name in evidence.attacks]
    return pd.concat(parts, axis=1).any(axis=1)


def _share(flags: pd.Series) -> Estimate:
    return clopper_pearson(int(flags.sum()), len(flags))

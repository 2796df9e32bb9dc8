"""An audit as plain facts: the content of audit.json, and of RobustBench's model_info."""

from math import isfinite
from typing import Any

import pandas as pd

from workbench import tables
from workbench.audit.checks import CHECKS
from workbench.audit.claims import AUTOATTACK, CONTRADICTED, Judged
from workbench.audit.evidence import WARN, Finding
from workbench.audit.observed import Observed
from workbench.audit.request import DEPTHS
from workbench.audit.run import Audit
from workbench.evaluation.battery import describe
from workbench.evaluation.information import ATTACK
from workbench.provenance import provenance
from workbench.statistics import Estimate, holm
from workbench.tables.classes import class_name

SCHEMA = 1  # of audit.json: raised when a field changes its meaning
FIELDS = {
    "schema": "1; raised when a field changes its meaning",
    "verdict": "the audit in one sentence",
    "command": "the command that made it",
    "model": "name and fingerprint",
    "data": "name, split and fingerprint",
    "threat": "norm, eps as given, epsilon as a number",
    "samples": "how many of the data's first samples",
    "seed": "of every random number",
    "depth": "fast or full",
    "clean_accuracy": "value and ci95, as all accuracies: shares in [0, 1], exact 95 % intervals",
    "robust_accuracy": "the worst case per sample over all attacks",
    "certified_accuracy": "the share of samples that a sound bound proves robust; null where no "
    "bound knows the net",
    "attacks": "accuracy under each attack; none is clean, worst case the headline",
    "curve": "accuracy of one attack over ε",
    "classes": "clean and robust accuracy of each class; taken_for: where flipped samples go",
    "claims": "what was claimed, measured, p of the exact test (both null where nothing measured "
    "speaks of it), verdict and why",
    "checks": "id, title, status (pass, warn, fail, not-run), said, value, threshold, samples "
    "(positions in the data), source, advice",
    "against": "null, or the second model and each attack's difference with McNemar's p, and that "
    "corrected for the number of attacks by Holm's method",
    "information": "MI in nats: its AUROCs, what it foretells, fits; or skipped: why",
    "worst": "samples that fall most easily: at the smallest ε, then by the label's margin",
    "attestations": "what no measurement can see, to be attested by who made the model",
    "caveat": "what the list of checks is not",
    "units": "keys of the stored units that this was read from",
    "computed_by": "versions, commit, machine and device that computed those",
    "versions": "of Python and of packages that read them",
    "commit": "of the workbench; -dirty with changes; null where it is no checkout",
    "machine": "the processor's kind",
    "created": "time, UTC",
}
CAVEAT = "The list of checks is neither necessary nor sufficient for a correct evaluation."
UNKNOWN = (  # to an audit, of RobustBench's model_info
    *("link", "name", "authors", "additional_data", "venue", "architecture"),
    "number_forward_passes",
)
ATTESTED = (
    "the threat model, and that it is the one of the claim",
    "all hyper-parameters of the attacks of the claim",
    "that the attack covers the complete defense (Tramèr et al. 2020, themes T2 to T6)",
    "an adaptive attack, and why it is one",
)


def content(found: Audit, command: str) -> dict[str, Any]:
    """The audit as JSON; FIELDS says what each field is."""
    request = found.request
    return {
        "schema": SCHEMA,
        "verdict": verdict(found),
        "command": command,
        **describe(request.model, request.data, request.threat),
        "samples": request.samples,
        "seed": request.seed,
        "depth": request.depth,
        "clean_accuracy": _estimate(found.clean),
        "robust_accuracy": _estimate(found.robust),
        "certified_accuracy": found.certified and _estimate(found.certified),
        "attacks": [_line(line) for line in tables.accuracies(all_rows(found)).itertuples()],
        "curve": _curve(found),
        "classes": [_class(line) for line in _by_class(found).itertuples()],
        "claims": [_claim(claim) for claim in found.claims],
        "checks": [
            {
                "id": check.id,
                "title": check.title,
                **_finding(found.findings[check.id]),
                "source": check.source,
                "advice": check.advice,
            }
            for check in CHECKS
        ],
        "against": _against(found),
        "information": _information(found.observed),
        "worst": _worst(found),
        "attestations": list(ATTESTED),
        "caveat": CAVEAT,
        "units": list(found.keys),
        "computed_by": list(found.computed_by),
        **provenance(),
    }


def model_info(found: Audit) -> dict[str, Any]:
    """The audit as RobustBench's model_info has it, accuracies as texts in per cent.

    autoattack_acc is the complete cascade's, None where none was run. What an audit does not know,
    such as the authors, is None, for them to fill in.
    """
    request = found.request
    complete = DEPTHS[request.depth].complete and not found.evidence.missing
    strongest = found.evidence.attack(found.evidence.strongest)
    claimed = [c.accuracy for c in request.claims if c.of == AUTOATTACK]
    footnote = (
        f"{request.threat.norm}; measured on the first {request.samples} samples, depth "
        f"{request.depth}; worst case over all attacks {_percent(found.robust.value)}"
    )
    return {
        **dict.fromkeys(UNKNOWN),
        "dataset": request.data.name,
        "eps": request.threat.eps,
        "clean_acc": _percent(found.clean.value),
        "reported": _percent(claimed[0]) if claimed else None,
        "autoattack_acc": _percent(float(strongest["robust"].mean())) if complete else None,
        "unreliable": bool(found.failed),
        "footnote": footnote,
    }


def verdict(found: Audit) -> str:
    """The audit in one sentence."""
    low, high = 100 * found.robust.low, 100 * found.robust.high
    said = (
        f"{found.request.threat}: {100 * found.robust.value:.1f} % of {found.request.samples} "
        f"samples withstand every attack [{low:.1f}, {high:.1f}]"
    )
    if found.failed:
        said += f"; red flags: {', '.join(found.failed)}, so the number is not to be believed yet"
    else:
        said += "; no red flag in how that was measured"
    if warned := [name for name, one in found.findings.items() if one.status == WARN]:
        said += f"; warnings: {', '.join(warned)}"
    contradicted = [j.claim.of for j in found.claims if j.verdict == CONTRADICTED]
    if contradicted:
        said += f"; the claim is contradicted for {', '.join(contradicted)}"
    return said + "."


def all_rows(found: Audit) -> pd.DataFrame:
    """The rows of all attacks under the audit's threat model."""
    return pd.concat([*found.evidence.attacks.values()], ignore_index=True)


def _by_class(found: Audit) -> pd.DataFrame:
    return tables.by_class(all_rows(found), found.request.data.classes)


def _curve(found: Audit) -> list[dict[str, Any]]:
    return [
        {"epsilon": epsilon, **_line(line)}
        for epsilon, rows in sorted(found.evidence.curve.items())
        for line in tables.accuracies(rows).itertuples()
        if line.attack not in (tables.CLEAN, tables.WORST_CASE)
    ]


def _against(found: Audit) -> dict[str, Any] | None:
    other = found.request.against
    if found.against is None or other is None:
        return None
    corrected = holm(found.against["p"].to_numpy())
    return {
        "model": {"name": other.origin, "fingerprint": other.fingerprint},
        "attacks": [
            {
                "attack": line.attack,
                "accuracy": line.first,
                "accuracy_against": line.second,
                "only_this": line.only_first,
                "only_the_other": line.only_second,
                "difference": line.difference,
                "ci95": [line.low, line.high],
                "p": line.p,
                "p_holm": float(p),
            }
            for line, p in zip(found.against.itertuples(), corrected, strict=True)
        ],
    }


def _information(observed: Observed | str) -> dict[str, Any]:
    """NaN, of critics that diverged, becomes null."""
    if isinstance(observed, str):
        return {"skipped": observed}
    return {
        "attack": ATTACK,
        "fit_samples": observed.fit_samples,
        "quantities": tables.json_lines(observed.table),
        "nulls": observed.rows.filter(regex="_null$").mean().dropna().to_dict(),
        "foretold": tables.json_lines(observed.foretold),
        "fits": {str(seed): dict(fit) for seed, fit in observed.fits.items()},
        "warnings": list(observed.warnings),
        "units": list(observed.keys),
        "computed_by": list(observed.computed_by),
    }


def _worst(found: Audit) -> list[dict[str, Any]]:
    classes = found.request.data.classes
    return [
        {
            "index": one.index,
            "label": classes[one.label],
            "taken_for": class_name(one.prediction, classes),
            "epsilon": one.epsilon,
            "margin": _finite(one.margin),
            "linf": one.linf,
            "l2": one.l2,
        }
        for one in found.evidence.worst
    ]


def _finite(value: float | None) -> float | None:
    """JSON knows no infinity, as of logits that overflow."""
    return value if value is not None and isfinite(value) else None


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _estimate(found: Estimate) -> dict[str, Any]:
    return {"value": found.value, "ci95": [found.low, found.high]}


def _line(line: Any) -> dict[str, Any]:
    """One attack of a table of accuracies."""
    return {
        "attack": line.attack,
        "samples": int(line.samples),
        "accuracy": float(line.accuracy),
        "ci95": [float(line.low), float(line.high)],
    }


def _class(line: Any) -> dict[str, Any]:
    """One class of a table of classes."""
    return {
        "class": line[1],  # no name that Python could take
        "samples": line.samples,
        "clean_accuracy": {"value": line.clean, "ci95": [line.clean_low, line.clean_high]},
        "robust_accuracy": {"value": line.robust, "ci95": [line.robust_low, line.robust_high]},
        "taken_for": line.taken_for,
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "status": found.status,
        "value": _finite(found.value),
        "threshold": found.threshold,
        "samples": list(found.samples),
        "said": found.said,
    }


def _claim(judged: Judged) -> dict[str, Any]:
    return {
        "of": judged.claim.of,
        "claimed": judged.claim.accuracy,
        "measured": judged.measured and _estimate(judged.measured),
        "p": judged.p,
        "verdict": judged.verdict,
        "said": judged.said,
    }

"""What an audit writes: audit.json, samples.parquet and report.md."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import tables
from workbench.audit.checks import CHECKS
from workbench.audit.claims import CONTRADICTED, Judged
from workbench.audit.evidence import FAIL, WARN, Finding
from workbench.audit.run import Audit
from workbench.evaluation.battery import describe
from workbench.provenance import provenance
from workbench.screen import write_json, write_text
from workbench.statistics import Estimate

SCHEMA = 1  # of audit.json: raised when a field changes its meaning
CAVEAT = "The list of checks is neither necessary nor sufficient for a correct evaluation."
ATTESTED = (
    "the threat model, and that it is the one of the claim",
    "all hyper-parameters of the attacks of the claim",
    "that the attack covers the complete defense (Tramèr et al. 2020, themes T2 to T6)",
    "an adaptive attack, and why it is one",
)


def content(found: Audit, command: str) -> dict[str, Any]:
    """The audit as JSON (docs: README, "Audit a model"): accuracies are shares in [0, 1]."""
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
        "certified_accuracy": _estimate(found.certified),
        "attacks": [_line(line) for line in tables.accuracies(all_rows(found)).itertuples()],
        "curve": [
            {"epsilon": epsilon, **_line(line)}
            for epsilon, rows in sorted(found.evidence.curve.items())
            for line in tables.accuracies(rows).itertuples()
            if line.attack not in (tables.CLEAN, tables.WORST_CASE)
        ],
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
        "attestations": list(ATTESTED),
        "caveat": CAVEAT,
        "units": list(found.keys),
        "computed_by": list(found.computed_by),
        **provenance(),
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
        said += "; no red flag"
    contradicted = [j.claim.of for j in found.claims if j.verdict == CONTRADICTED]
    if contradicted:
        said += f"; the claim is contradicted for {', '.join(contradicted)}"
    return said + "."


def all_rows(found: Audit) -> pd.DataFrame:
    """The rows of all attacks under the audit's threat model."""
    return pd.concat([*found.evidence.attacks.values()], ignore_index=True)


def write(found: Audit, out: Path, command: str) -> dict[str, Any]:
    """Write the audit's files; returns what audit.json says.

    Raises InputError where a file cannot be written.
    """
    facts = content(found, command)
    write_json(facts, out / "audit.json")
    write_text(out / "report.md", markdown(facts))
    all_rows(found).to_parquet(out / "samples.parquet", index=False)
    return facts


def markdown(facts: Mapping[str, Any]) -> str:
    """The audit as a page of text."""
    parts = [
        f"# Audit of {facts['model']['name']}",
        facts["verdict"],
        "## Accuracy",
        tables.markdown(accuracy_table(facts)),
    ]
    if facts["claims"]:
        parts += ["## Claims", tables.markdown(claim_table(facts))]
    parts += [
        "## Red flags",
        tables.markdown(check_table(facts)),
        *(_advice(check) for check in facts["checks"] if check["status"] in (FAIL, WARN)),
        facts["caveat"],
        "To be attested by who made the model:",
        "\n".join(f"- {line}" for line in facts["attestations"]),
        "## How to reproduce",
        f"```sh\n{facts['command']}\n```",
        f"Commit {facts['commit']}, {facts['created']}; "
        + ", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def accuracy_table(facts: Mapping[str, Any]) -> pd.DataFrame:
    """A line per attack, in per cent, with its interval."""
    return pd.DataFrame(
        {
            "attack": line["attack"],
            "accuracy % [95 % CI]": tables.percent(line["accuracy"], *line["ci95"]),
        }
        for line in facts["attacks"]
    )


def claim_table(facts: Mapping[str, Any]) -> pd.DataFrame:
    """A line per claim."""
    return pd.DataFrame(
        {"claim": c["of"], "verdict": c["verdict"], "p": tables.p_text(c["p"]), "said": c["said"]}
        for c in facts["claims"]
    )


def check_table(facts: Mapping[str, Any]) -> pd.DataFrame:
    """A line per check."""
    return pd.DataFrame(
        {"id": c["id"], "check": c["title"], "status": c["status"], "found": c["said"]}
        for c in facts["checks"]
    )


def _advice(check: Mapping[str, Any]) -> str:
    marked = check["samples"]
    which = f" Samples: {', '.join(map(str, marked[:10]))}" if marked else ""
    more = f" and {len(marked) - 10} more" if len(marked) > 10 else ""
    where = f"{which}{more}." if which else ""
    return f"**{check['id']}, {check['title']}**: {check['advice']}.{where} ({check['source']})"


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


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "status": found.status,
        "value": found.value if found.value is None or isfinite(found.value) else None,
        "threshold": found.threshold,
        "samples": list(found.samples),
        "said": found.said,
    }


def _claim(judged: Judged) -> dict[str, Any]:
    return {
        "of": judged.claim.of,
        "claimed": judged.claim.accuracy,
        "measured": _estimate(judged.measured),
        "p": judged.p,
        "verdict": judged.verdict,
        "said": judged.said,
    }

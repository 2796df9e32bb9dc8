"""What an audit writes: report.html, report.md, audit.json, model_info.json and the samples."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import tables
from workbench.audit.evidence import FAIL, WARN
from workbench.audit.facts import all_rows, model_info
from workbench.audit.observed import Observed
from workbench.audit.page import page
from workbench.audit.run import Audit
from workbench.screen import write_json, write_text


def write(found: Audit, facts: Mapping[str, Any], out: Path) -> None:
    """Write the audit's files; facts: what audit.json says, of facts.content.

    samples.parquet: a row per attack and sample (records.ATTACK_COLUMNS). information.parquet: a
    row per critic seed and sample (records.INFORMATION_COLUMNS), where MI was estimated.
    Raises InputError where a file cannot be written.
    """
    write_json(facts, out / "audit.json")
    write_json(model_info(found), out / "model_info.json")
    write_text(out / "report.md", markdown(facts))
    write_text(out / "report.html", page(found, facts, all_tables(facts)))
    all_rows(found).to_parquet(out / "samples.parquet", index=False)
    if isinstance(found.observed, Observed):
        found.observed.rows.to_parquet(out / "information.parquet", index=False)


def markdown(facts: Mapping[str, Any]) -> str:
    """The audit as a page of text."""
    parts = [f"# Audit of {facts['model']['name']}", facts["verdict"]]
    for title, table in all_tables(facts).items():
        parts += [f"## {title}", tables.markdown(table)]
    if without := facts["information"].get("skipped"):
        parts.append(f"MI was not estimated: {without}.")
    parts += [
        *(_advice(check) for check in facts["checks"] if check["status"] in (FAIL, WARN)),
        facts["caveat"],
        "To be attested by who made the model:",
        "\n".join(f"- {line}" for line in facts["attestations"]),
        "## How to reproduce",
        f"```{_language(facts['command'])}\n{facts['command']}\n```",
        f"Commit {facts['commit']}, {facts['created']}; "
        + ", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _language(command: str) -> str:
    """Whether it is one of a terminal's, or a call of `workbench.audit`."""
    return "python" if command.startswith("workbench.") else "sh"


def all_tables(facts: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """The audit's tables by their titles, those that have lines."""
    found = {
        "Claims": claim_table(facts),
        "Red flags": check_table(facts),
        "Accuracy": accuracy_table(facts),
        "Accuracy over ε": _curve_table(facts),
        "Classes": _class_table(facts),
        "Against another model": against_table(facts),
        "Mutual information": information_table(facts),
        "What falls": _foretold_table(facts),
        "Samples that fall most easily": _worst_table(facts),
    }
    return {title: table for title, table in found.items() if len(table)}


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
        {
            "claim": claim["of"],
            "verdict": claim["verdict"],
            "p": "–" if claim["p"] is None else tables.p_text(claim["p"]),
            "said": claim["said"],
        }
        for claim in facts["claims"]
    )


def check_table(facts: Mapping[str, Any]) -> pd.DataFrame:
    """A line per check."""
    return pd.DataFrame(
        {
            "id": check["id"],
            "check": check["title"],
            "status": check["status"],
            "found": check["said"],
            "value": number(check["value"]),
            "threshold": number(check["threshold"]),
        }
        for check in facts["checks"]
    )


def number(value: float | None) -> str:
    """A check's value or threshold; nothing where it has none."""
    return "" if value is None else f"{value:.4g}"


def against_table(facts: Mapping[str, Any]) -> pd.DataFrame:
    """A line per attack: both accuracies and their difference; empty without a second model."""
    if facts["against"] is None:
        return pd.DataFrame()
    other = facts["against"]["model"]["name"]
    return pd.DataFrame(
        {
            "attack": line["attack"],
            "this model %": f"{100 * line['accuracy']:.1f}",
            f"{other} %": f"{100 * line['accuracy_against']:.1f}",
            "difference in points [95 % CI]": tables.percent(line["difference"], *line["ci95"]),
            "only this": line["only_this"],
            "only the other": line["only_the_other"],
            "McNemar's p, by Holm": tables.p_text(line["p_holm"]),
        }
        for line in facts["against"]["attacks"]
    )


def information_table(facts: Mapping[str, Any]) -> pd.DataFrame:
    """A line per model, critic seed and quantity; empty where MI was not estimated."""
    found = facts["information"]
    if "skipped" in found:
        return pd.DataFrame()
    told = tables.observation_texts(pd.DataFrame(found["quantities"]))
    return told.replace({"model": {facts["model"]["name"]: "this model"}})


def _curve_table(facts: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ε": f"{line['epsilon']:.4g}",
            "attack": line["attack"],
            "accuracy % [95 % CI]": tables.percent(line["accuracy"], *line["ci95"]),
        }
        for line in facts["curve"]
    )


def _class_table(facts: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "class": line["class"],
            "samples": line["samples"],
            "clean % [95 % CI]": _percent(line["clean_accuracy"]),
            "robust % [95 % CI]": _percent(line["robust_accuracy"]),
            "most are taken for": line["taken_for"],
        }
        for line in facts["classes"]
    )


def _foretold_table(facts: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "natural samples' low": line["quantity"],
            "critic seed": "" if line["quantity"] in tables.BASELINE else str(line["critic_seed"]),
            "AUROC, fall against stand": tables.interval(
                *(line[name] for name in ("auroc", "auroc_low", "auroc_high"))
            ),
            "fall": line["fallen"],
            "stand": line["standing"],
        }
        for line in facts["information"].get("foretold", ())
    )


def _worst_table(facts: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": one["index"],
            "ε": f"{one['epsilon']:.4g}",
            "label": one["label"],
            "taken for": one["taken_for"],
            "margin": "−∞" if one["margin"] is None else f"{one['margin']:.2f}",
            "Linf": f"{one['linf']:.4f}",
            "L2": f"{one['l2']:.3f}",
        }
        for one in facts["worst"]
    )


def _percent(found: Mapping[str, Any]) -> str:
    return tables.percent(found["value"], *found["ci95"])


def _advice(check: Mapping[str, Any]) -> str:
    marked = check["samples"]
    which = f" Samples: {', '.join(map(str, marked[:10]))}" if marked else ""
    more = f" and {len(marked) - 10} more" if len(marked) > 10 else ""
    where = f"{which}{more}." if which else ""
    return f"**{check['id']}, {check['title']}**: {check['advice']}.{where} ({check['source']})"

"""Where a number comes from: versions, commit, machine."""

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("robustness-workbench", "torch", "pyautoattack", "foolbox", "numpy", "pandas")


@cache
def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a number may depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


@cache
def commit() -> str | None:
    """The commit of the workbench, "-dirty" with changes; None where it is no checkout."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", "workbench", "analyses")
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("-dirty" if changed else "")


def provenance() -> dict[str, Any]:
    """All of it, and the time (UTC)."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "versions": versions(),
        "commit": commit(),
        "machine": platform.machine(),
        "created": now,
    }


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

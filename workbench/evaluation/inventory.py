"""What a store holds: a row per unit, without reading results."""

import json
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.evaluation.store import Store

TOLD = ("attack", "fit", "probe", "recipe", "experiment")  # fields that say what was done
COLUMNS = ("key", "kind", "of", "seed", "samples", "created", "commit", "bytes")


def inventory(store: Store) -> pd.DataFrame:
    """A row per unit: key, kind, of (attack, critics, …), seed, samples, created, commit, bytes.

    A unit whose unit.json cannot be read has the kind "unreadable".
    """
    keys = store.keys()
    rows = [_row(store.root / "units" / key) for key in keys]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def verify(store: Store) -> Iterator[tuple[str, bool]]:
    """Each key with whether its unit is sound; a damaged one is moved aside."""
    keys = store.keys()
    for key in keys:
        yield key, store.read(key) is not None


def remove(store: Store, keys: Sequence[str]) -> None:
    """Delete units: each is renamed first, so that none is ever half there."""
    for key in keys:
        with store.scratch() as folder:
            (store.root / "units" / key).rename(folder / key)


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def clear_damaged(store: Store) -> None:
    """Delete what was set aside as damaged."""
    for folder in (store.root / "damaged").iterdir():
        shutil.rmtree(folder, ignore_errors=True)


def clear_trainings(store: Store, limit: datetime) -> None:
    """Delete the checkpoints of trainings that were stopped before a moment."""
    for path in (store.root / "training").glob("*"):
        if path.stat().st_mtime < limit.timestamp():
            path.unlink()


def _row(folder: Path) -> dict[str, Any]:
    found = {"key": folder.name, "bytes": size_of(folder)}
    try:
        return found | _told(json.loads((folder / "unit.json").read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return found | {"kind": "unreadable"}


def _told(info: dict[str, Any]) -> dict[str, Any]:
    """What a unit's file says of it."""
    spec = info["spec"]
    told = next((spec[name] for name in TOLD if name in spec), "")
    if (created := info.get("created")) is not None:
        datetime.fromisoformat(created)  # refuses what is no time
    return {
        "kind": spec["kind"].removesuffix("Unit").lower(),
        "of": told.get("name", told.get("defense", "")) if isinstance(told, dict) else "",
        "seed": spec.get("seed"),
        "samples": spec["stop"] - spec["start"] if "stop" in spec else None,
        "created": created,
        "commit": (info.get("commit") or "")[:10],
    }

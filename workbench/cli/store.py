"""`workbench store`: what is kept, whether it is sound, and room made."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from workbench import options
from workbench.errors import InputError
from workbench.evaluation.inventory import (
    clear_damaged,
    clear_trainings,
    inventory,
    remove,
    size_of,
    verify,
)
from workbench.evaluation.store import Store
from workbench.screen import output, progress_bar, say, show, write_json
from workbench.tables import json_lines

app = typer.Typer(
    add_completion=False,
    help="See what results are kept, check them, make room.",
    no_args_is_help=True,
)
DAMAGED = 3  # the exit code of `verify` where a unit was damaged
MEGABYTE = 1e6

Older = Annotated[
    int | None, typer.Option(min=0, max=36500, help="Only units older than so many days.")
]
Kind = Annotated[str | None, typer.Option(help="Only units of a kind that `store ls` names.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would go, and keep it.")]


def existing(folder: Path) -> Store:
    """A store that is there. Raises InputError where none is."""
    if not (folder / "units").is_dir():
        raise InputError(f"{folder} is no store; name one with --store or WORKBENCH_STORE")
    return Store(folder, say)


@app.command("ls")
def ls(store: options.StoreFolder = options.DEFAULT_STORE, json: options.Json = None) -> None:
    """List what the store holds, by kind; with --json every unit.

    Example: workbench store ls --json units.json
    """
    opened = existing(store)
    units = inventory(opened)
    write_json(json_lines(units), json)
    if str(json) == "-":
        return
    groups = units.groupby(["kind", "of"], dropna=False)
    table = groups.agg(units=("key", "size"), samples=("samples", "sum"), bytes=("bytes", "sum"))
    table = table.reset_index().fillna("")
    table["samples"] = [f"{n:.0f}" if n else "" for n in table["samples"]]
    table["MB"] = [f"{n / MEGABYTE:.1f}" for n in table.pop("bytes")]
    show(table, f"{store}: {len(units)} units, {units['bytes'].sum() / MEGABYTE:.1f} MB")
    for name in ("training", "models", "damaged"):
        if size := size_of(opened.root / name):
            output.print(f"{name}/ has {size / MEGABYTE:.1f} MB more", highlight=False)


@app.command("verify")
def verify_(store: options.StoreFolder = options.DEFAULT_STORE) -> int:
    """Read every unit and check it; a damaged one is moved aside, and computed again when needed.

    Exit code 0: all are sound; 3: some were damaged.
    """
    opened, wrong = existing(store), []
    total = len(opened.keys())
    with progress_bar("units") as progress:
        for done, (key, sound) in enumerate(verify(opened), 1):
            wrong += [] if sound else [key]
            progress(done, total, "checking")
    output.print(f"{total - len(wrong)} of {total} units are sound.", highlight=False)
    return DAMAGED if wrong else 0


@app.command("prune")
def prune(
    store: options.StoreFolder = options.DEFAULT_STORE,
    older: Older = None,
    kind: Kind = None,
    dry_run: DryRun = False,
) -> None:
    """Delete units, what was set aside as damaged, and with --older what is left of trainings
    that were stopped so long ago; all can be computed again.

    Examples:
    workbench store prune --older 90 --dry-run
    workbench store prune --kind probe
    """
    if older is None and kind is None:
        raise InputError("say what may go: --older 90, --kind attack, or both")
    opened = existing(store)
    units = inventory(opened)
    if kind is not None and kind not in set(units["kind"]):
        known = ", ".join(sorted(set(units["kind"]))) or "nothing"
        raise InputError(f"the store has no units of kind {kind!r}; it has {known}")
    limit = datetime.now(UTC) - timedelta(days=older) if older is not None else None
    chosen = units[_chosen(units, limit, kind)]
    size = chosen["bytes"].sum() / MEGABYTE
    if dry_run:
        output.print(f"{len(chosen)} units, {size:.1f} MB, would go.", highlight=False)
        return
    remove(opened, list(chosen["key"]))
    clear_damaged(opened)
    if limit is not None:
        clear_trainings(opened, limit)
    output.print(f"{len(chosen)} units, {size:.1f} MB, are gone.", highlight=False)


def _chosen(units: pd.DataFrame, limit: datetime | None, kind: str | None) -> pd.Series:
    """Which units the options name."""
    found = pd.Series(True, index=units.index)
    if kind is not None:
        found &= units["kind"] == kind
    if limit is not None:
        found &= pd.to_datetime(units["created"], utc=True) < limit
    return found

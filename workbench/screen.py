"""What the command line shows: lines on standard error, results on standard output."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from errno import EISDIR
from pathlib import Path
from typing import Any

import pandas as pd
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column, Table
from rich.text import Text
from typer.exceptions import TyperException

from workbench.errors import InputError, out_of_memory
from workbench.files import whole_file
from workbench.progress import Progress as ReportProgress

BAD_INPUT = 2  # the exit code of a command that was refused
STOPPED = 130  # the exit code of a command that Ctrl-C ended
BETWEEN_LINES = 60  # seconds
REST = Column(no_wrap=True, overflow="ellipsis", ratio=1)  # of the line: what is left of it
WIDE = 200  # columns where the output is no terminal, so that no table is cut

screen = Console(stderr=True, soft_wrap=True)
# a process may have been started without a standard output
output = Console(width=None if sys.stdout and sys.stdout.isatty() else WIDE)


def say(message: str) -> None:
    """Tell the user something that is no result."""
    screen.print(message, style="dim", markup=False, highlight=False)


@contextmanager
def progress_bar(unit: str = "samples") -> Iterator[ReportProgress]:
    """A progress bar with an estimate, on a terminal or in a notebook, when there is work to do.

    Elsewhere, as in a log, a line each minute.
    """
    if not (screen.is_interactive or screen.is_jupyter):  # rich would end it with an empty line
        yield _lines(unit)
        return
    columns = (
        SpinnerColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        BarColumn(bar_width=12),
        TimeElapsedColumn(),
        _TimeLeft(),
        TextColumn("{task.description}", markup=False, table_column=REST),
    )
    with Progress(*columns, console=screen, transient=True, expand=True) as bar:
        tasks: dict[str, Any] = {}
        ends = _estimates(time.monotonic())

        def report(done: int, total: int, doing: str) -> None:
            if not tasks:
                tasks["one"] = bar.add_task(doing, total=total)
            end = ends(time.monotonic(), done, total)
            bar.update(tasks["one"], completed=done, total=total, description=doing, end=end)

        yield report


class _TimeLeft(ProgressColumn):
    """Until the estimated end; Rich's own looks at the last seconds, in which no long job ends."""

    def render(self, task: Task) -> Text:
        end = task.fields.get("end")
        left = "-:--:--" if end is None else _text(end - time.monotonic())
        return Text(f"{left} left", style="progress.remaining")


def _estimates(begun: float) -> Callable[[float, int, int], float | None]:
    """Tells, by the time and by what is done of all, when work ends; None where it just begins."""

    def end(now: float, done: int, total: int) -> float | None:
        nonlocal begun
        if not done:
            begun = now
            return None
        return now + (now - begun) * (total - done) / done

    return end


def _text(seconds: float) -> str:
    return str(timedelta(seconds=max(round(seconds), 0)))


def _lines(unit: str) -> ReportProgress:
    """Reports as lines, of which the first comes after a while."""
    last = time.monotonic()
    ends = _estimates(last)

    def report(done: int, total: int, doing: str) -> None:
        nonlocal last
        now = time.monotonic()
        end = ends(now, done, total)
        if end is not None and now - last >= BETWEEN_LINES:
            last = now
            say(f"{done} of {total} {unit}, {_text(end - now)} left, {doing}")

    return report


def show(table: pd.DataFrame, title: str) -> None:
    """Print a table; columns of numbers are aligned right."""
    shown = Table(title=escape(title), title_justify="left")
    for name, kind in table.dtypes.items():
        right = pd.api.types.is_numeric_dtype(kind)
        shown.add_column(str(name), justify="right" if right else "left", overflow="fold")
    for row in table.itertuples(index=False):
        shown.add_row(*(escape(str(value)) for value in row))
    output.print(shown)


def write_json(content: Any, path: Path | None) -> None:
    """Write JSON whole, or not at all; "-" prints it; None does nothing."""
    if path is None:
        return
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file whole: to a temporary file beside it, then renamed; a device is written to.

    "-" prints it. Names of files that are no UTF-8 become the bytes that they are.
    Raises InputError where the path cannot be written.
    """
    if str(path) == "-":
        output.out(text, end="", highlight=False)
        return
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", errors="surrogateescape")
            return
        with whole_file(path) as part:
            part.write_text(text, encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror or error})") from None


def check_writable(path: Path | None) -> None:
    """Make the folder of a file that is to be written, before long work begins; "-" is the screen.

    Raises InputError where the path cannot be written.
    """
    if path is None or str(path) == "-":
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        if not path.exists() or path.is_file():
            with tempfile.NamedTemporaryFile(dir=path.parent):
                pass
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror or error})") from None


def guarded(command: Callable[[], int | None]) -> int:
    """Run a command and return its exit code: 0 done, 2 bad input, 130 stopped by the user.

    Bad input, and files that cannot be read or written, are one line without a traceback.
    """
    try:
        code = command() or 0
    except BrokenPipeError:  # who read the output has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 0
    except (InputError, OSError) as error:
        return _refuse(str(error))
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        told = str(error).partition("\n")[0]
        return _refuse(f"out of memory; use a smaller --batch-size, or fewer workers ({told})")
    except TyperException as error:
        told = error.format_message()  # empty where no arguments were given: help was shown
        return _refuse(f"{told} (--help says more)") if told else BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        code = STOPPED
    if code == STOPPED:
        sys.stderr.write("stopped; the same command goes on from here\n")
    return code


def _refuse(message: str) -> int:
    line = " ".join(message.split())
    # names of files, and what files hold, may have letters that steer a terminal
    shown = "".join(letter if letter.isprintable() else "?" for letter in line)
    sys.stderr.write(f"error: {shown}\n")
    return BAD_INPUT

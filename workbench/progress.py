"""How work tells a person what it does, and how far it is."""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

BETWEEN = 1  # seconds at least between what a file is told

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what is being done)."""


Say = Callable[[str], None]
"""Called with one line that is no result."""


def quiet(line: str) -> None:
    """Say nothing."""


def no_progress(done: int, total: int, doing: str) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Told:
    """What long work said last: the share that is done, in 0..1, what it did, and when."""

    share: float
    doing: str
    at: float


@dataclass(frozen=True)
class ProgressFile:
    """A file in which long work tells how far it is, for who waits for it in another process.

    It outlives a stop, so that who starts the work again knows where it was.
    """

    path: Path

    def writing(self) -> Progress:
        """What the work calls; not every call is written."""
        last = 0.0

        def tell(done: int, total: int, doing: str) -> None:
            nonlocal last
            if (now := time.time()) - last >= BETWEEN:
                last = now
                with suppress(OSError):  # of a full disk what is stored will tell
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    part = self.path.with_name(f".{self.path.name}.{os.getpid()}")
                    part.write_text(json.dumps([done / total, doing, now]))
                    part.replace(self.path)

        return tell

    def read(self) -> Told | None:
        """What was told last; None where nothing was."""
        try:
            return Told(*json.loads(self.path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

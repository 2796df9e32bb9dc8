"""How work tells a person what it does, and how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what is being done)."""


Say = Callable[[str], None]
"""Called with one line that is no result."""


def quiet(line: str) -> None:
    """Say nothing."""


def no_progress(done: int, total: int, doing: str) -> None:
    """Show nothing."""

"""How long work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what is being done)."""


def no_progress(done: int, total: int, doing: str) -> None:
    """Show nothing."""

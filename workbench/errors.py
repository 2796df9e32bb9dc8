"""The one kind of error that a user can cause and mend, and the check that numbers share."""

import operator
from typing import Any


class InputError(ValueError):
    """Bad input: the message is one line that says what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with code 2.
    """


MOST_SEED = 2**32 - 1


def out_of_memory(error: BaseException) -> bool:
    """Whether memory was too small for what was asked: of Python, of torch, or of a GPU.

    >>> out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"))
    True
    """
    told = str(error)
    memory = "out of memory" in told or "can't allocate memory" in told
    return isinstance(error, MemoryError) or memory


def whole(value: Any, what: str, least: int = 0, most: int = MOST_SEED) -> int:
    """A whole number that was asked for, such as numpy's too. Raises InputError for anything else.

    >>> whole(3, "samples")
    3
    """
    try:
        found = operator.index(value)
    except TypeError:
        found = least - 1
    if not least <= found <= most:
        raise InputError(f"{what} is a whole number from {least} to {most}, not {value!r}")
    return found

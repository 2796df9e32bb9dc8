"""Which state dict of a checkpoint: the plain one, unless another is named."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from torch import Tensor

from workbench.errors import InputError

PLAIN = (  # the usual names, the first found is taken
    *("state_dict", "model", "model_state_dict", "net", "params", "weights", "network"),
    *("model_state", "net_state_dict", "classifier", "module"),
)
WHOLE = ""  # the name of a state dict that is the file itself
DEEPEST = 3  # levels: {"ema": {"model": {"state_dict": …}}}
LISTED = 10  # names in a message
MOST = 100  # dicts that are looked into: a pickle may hold one dict a million times


def choose(content: Mapping[Any, Any], wanted: str | None, path: Path) -> tuple[Any, str]:
    """The state dict that is wanted, and a note on the others.

    ``wanted`` is the name of one in the checkpoint, such as "ema", or "ema.shadow" for one in it;
    None takes the plain one. Raises ``InputError`` where it is not there, or where none is plain.
    """
    found = dict(islice(_candidates(content, set()), MOST))
    name = _plain(found, path) if wanted is None else _named(found, wanted, path)
    if name is None:
        return _first_of_its_kind(content), ""
    others = ", ".join(repr(other) for other in found if other not in (name, WHOLE))
    also = f", beside {others}" if others else ""
    return found[name], f" ({name}{also})" if also or name not in (WHOLE, *PLAIN) else ""


def _candidates(
    content: Mapping[Any, Any], seen: set[int], at: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """All dicts of tensors alone, by their dotted names; what holds them is looked into once."""
    if content and all(isinstance(value, Tensor) for value in content.values()):
        yield at, content
    elif depth < DEEPEST and id(content) not in seen:
        seen.add(id(content))
        for key, value in content.items():
            if isinstance(value, dict) and isinstance(key, str) and "optim" not in key.lower():
                yield from _candidates(value, seen, f"{at}.{key}" if at else key, depth + 1)


def _plain(found: Mapping[str, Any], path: Path) -> str | None:
    usual = [name for name in (WHOLE, *PLAIN) if name in found]
    nested = [name for name in found if set(name.split(".")) <= set(PLAIN)]
    if first := (usual or nested or (list(found) if len(found) == 1 else [])):
        return first[0]
    if found:
        raise InputError(
            f"{path} holds several state dicts, so choose its weights: {_listed(found)}"
        )
    return None


def _named(found: Mapping[str, Any], wanted: str, path: Path) -> str:
    fits = [name for name in found if name == wanted] or [
        name for name in found if name.startswith(f"{wanted}.")
    ]
    if len(fits) != 1 or not wanted:
        there = _listed(found) if set(found) - {WHOLE} else "one state dict without a name"
        raise InputError(f"{path} has no state dict {wanted!r}: there is {there}")
    return fits[0]


def _listed(found: Mapping[str, Any]) -> str:
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return ", ".join(repr(name) for name in islice(found, LISTED)) + more


def _first_of_its_kind(content: Mapping[Any, Any]) -> Any:
    """What was probably meant, for a message on what is wrong with it."""
    nested = [content[name] for name in PLAIN if isinstance(content.get(name), dict)]
    return nested[0] if nested else content

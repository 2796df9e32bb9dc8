"""Tables of named settings, and how a user changes one: "pgd-40:restarts=5"."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from workbench.errors import InputError

T = TypeVar("T")


def choose(table: Mapping[str, T], text: str, kind: str) -> T:
    """The value of a name, with other settings after a colon.

    table: frozen dataclasses by their names. kind: what they are, for messages.
    Raises InputError for an unknown name, an unknown setting, or a value that is none.
    """
    if not isinstance(text, str):
        raise InputError(f"{kind} is a name such as {next(iter(table))!r}, not {text!r}")
    base, _, rest = text.partition(":")
    if base not in table:
        raise InputError(f"{kind} {base!r} is not known; use one of {', '.join(table)}")
    found: Any = table[base]
    settings = dict(_setting(found, base, part, kind) for part in rest.split(",")) if rest else {}
    return replace(found, **settings)


def label(table: Mapping[str, T], found: T) -> str:
    """The one name of a value: the table's nearest name, and the settings that differ."""
    names = [name for name, known in table.items() if type(known) is type(found)]
    texts = [":".join(filter(None, (name, _differences(found, table[name])))) for name in names]
    return min(texts, key=lambda text: text.count("="))


def _setting(found: Any, base: str, part: str, kind: str) -> tuple[str, int | float | bool | str]:
    """Read one "field=value", by the type of the field."""
    field, _, value = part.partition("=")
    known = [f.name for f in fields(found)]
    if field not in known:
        choice = f"it has {', '.join(known)}" if known else "it has none"
        raise InputError(f"{kind} {base!r} has no setting {field!r}; {choice}")
    needed = type(getattr(found, field))
    try:
        return field, {"true": True, "false": False}[value] if needed is bool else needed(value)
    except (ValueError, KeyError):
        raise InputError(f"{base}:{field} needs a value like {needed()!r}, not {value!r}") from None


def _differences(found: Any, known: Any) -> str:
    """The settings in which two values of one kind differ, as `choose` reads them."""
    pairs = [(f.name, getattr(found, f.name), getattr(known, f.name)) for f in fields(found)]
    return ",".join(f"{name}={str(a).lower()}" for name, a, b in pairs if a != b)

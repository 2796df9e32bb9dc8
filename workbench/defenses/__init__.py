"""The table of defenses, or training objectives: one file each, and one line here for a name."""

from workbench import named
from workbench.defenses.defense import Batch, Defense
from workbench.defenses.mart import MART
from workbench.defenses.namid import NAMID
from workbench.defenses.natural import Natural
from workbench.defenses.standard_at import StandardAT
from workbench.defenses.trades import TRADES
from workbench.defenses.wmim import WMIM

__all__ = ["DEFENSES", "NAMID", "Batch", "Defense", "defense", "label"]

DEFENSES: dict[str, Defense] = {
    "natural": Natural(),
    "standard-at": StandardAT(),
    "trades": TRADES(),
    "mart": MART(),
    "wmim": WMIM(),
    "namid": NAMID(),
    "namid-t": NAMID(base="trades"),
    "namid-m": NAMID(base="mart"),
}


def defense(name: str) -> Defense:
    """A defense by its name, with other settings after a colon.

    Raises InputError for an unknown name, an unknown setting, or a value that is none.

    >>> defense("trades:beta=3")
    TRADES(beta=3.0)
    """
    return named.choose(DEFENSES, name, "defense")


def label(found: Defense) -> str:
    """The one name of a defense: the table's nearest name, and the settings that differ.

    >>> label(defense("namid:alpha=1,base=trades"))
    'namid-t:alpha=1.0'
    """
    return named.label(DEFENSES, found)

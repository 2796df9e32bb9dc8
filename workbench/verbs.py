"""Packages whose names are verbs of the public interface too: `wb.audit` is one, and is called."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class Verb(ModuleType):
    """A package that passes a call on to the function of its name in `workbench.api`."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """See the function of `workbench.api` that has the package's name."""
        verb = self.__name__.rpartition(".")[2]
        return getattr(import_module("workbench.api"), verb)(*arguments, **settings)


def make_verb(package: str) -> None:
    """Let a package, by its full name, be called."""
    sys.modules[package].__class__ = Verb

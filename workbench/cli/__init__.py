"""The command line: one file per verb, and one line here."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from workbench.screen import guarded

# the module of each verb is imported when it is called: no verb waits for the others' imports
VERBS = {
    "data": "List data sets, and fetch them.",
    "store": "See what results are kept, check them, make room.",
    "evaluate": "Attack a model, and print clean and robust accuracy with exact 95 % intervals.",
    "transfer": "Attack each model, show the samples to all, and print accuracies as a matrix.",
    "mi": "Estimate natural and adversarial MI of natural and adversarial outputs, per sample.",
    "audit": "Audit a model: red flags of its evaluation, its accuracies, and claims about them.",
    "explore": "Explore natural against adversarial MI of samples, their images and attacks.",
    "train": "Train a model, or all models of a profile, and measure them: clean and under PGD-40.",
    "plan": "Predict time, memory and disk of `workbench reproduce`: a few steps of each part run.",
    "reproduce": "Make every figure and table of a profile, from shipped or own models.",
    "figures": "List figures and tables: what each shows and needs, and what a profile has made.",
    "doctor": "Tell versions, device, data, store, and how fast a pass through a small net is.",
}


class Verbs(TyperGroup):
    """Verbs known by their line of help, until one is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=line) for name, line in VERBS.items()}

    def resolve_command(self, context: Any, arguments: list[str]) -> Any:
        if (name := arguments[0]) in VERBS:
            self.commands[name] = command(name)
        return super().resolve_command(context, arguments)


def command(name: str) -> Any:
    """The command of a verb: the function, or the group `app`, of its module."""
    module = import_module(f"workbench.cli.{name}")
    if hasattr(module, "app"):
        return typer.main.get_command(module.app)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(getattr(module, name))
    return typer.main.get_command(alone)


app = typer.Typer(
    name="workbench",
    cls=Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"workbench {version('robustness-workbench')}")
        raise typer.Exit


@app.callback()
def _workbench(
    told: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version."),
    ] = False,
) -> None:
    """Evaluate adversarial robustness, and explain it by mutual information."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 2 bad input, 130 stopped by the user."""
    sys.exit(guarded(lambda: app(arguments, standalone_mode=False)))

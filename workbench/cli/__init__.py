"""The command line: one file per verb, and one line here."""

import sys
from collections.abc import Sequence

import typer

from workbench.cli import data, store
from workbench.cli.audit import audit
from workbench.cli.doctor import doctor
from workbench.cli.evaluate import evaluate
from workbench.cli.explore import explore
from workbench.cli.mi import mi
from workbench.cli.plan import plan
from workbench.cli.reproduce import reproduce
from workbench.cli.train import train
from workbench.cli.transfer import transfer
from workbench.screen import guarded

app = typer.Typer(
    name="workbench",
    help="Evaluate adversarial robustness, and explain it by mutual information.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.add_typer(store.app, name="store")
app.command()(evaluate)
app.command()(transfer)
app.command()(mi)
app.command()(audit)
app.command()(explore)
app.command()(train)
app.command()(plan)
app.command()(reproduce)
app.command()(doctor)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 2 bad input, 130 stopped by the user."""
    sys.exit(guarded(lambda: app(arguments, standalone_mode=False)))

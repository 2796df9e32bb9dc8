"""The list of verbs: it costs no import of theirs, and says what they say."""

import importlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from workbench import cli


def helps(name: str) -> str:
    """The help of a verb, and of the verbs within a group."""
    command = cli.command(name)
    inner = getattr(command, "commands", {}).values()
    return "\n".join([command.help, *(each.help for each in inner)])


@pytest.mark.parametrize("name", cli.VERBS)
def test_a_verb_begins_with_its_line_and_has_an_example(name) -> None:
    assert helps(name).splitlines()[0] == cli.VERBS[name]
    assert f"workbench {name} " in helps(name)


def test_every_verb_that_has_a_result_gives_it_as_json() -> None:
    silent = {"explore", "fetch", "verify", "prune"}  # a page, a folder, and what `ls` then tells
    for name in cli.VERBS:
        command = cli.command(name)
        for inner in getattr(command, "commands", {name: command}).values():
            options = {option for parameter in inner.params for option in parameter.opts}
            assert ("--json" in options) == (inner.name not in silent), inner.name


def test_every_module_is_a_verb() -> None:
    files = {path.stem for path in Path(cli.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == set(cli.VERBS)
    assert all(importlib.import_module(f"workbench.cli.{name}") for name in files)


def test_help_and_typos_import_no_verb() -> None:
    code = "from workbench import cli\nimport sys\ntry: cli.main(sys.argv[1:])\n"
    code += "finally: assert not {'torch', 'matplotlib'} & set(sys.modules)"
    run = {
        tuple(words): subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True
        )
        for words in ([], ["--help"], ["--version"], ["evalute"])
    }
    assert [done.returncode for done in run.values()] == [2, 0, 0, 2]
    assert run[()].stdout.strip() == run["--help",].stdout.strip()
    assert run[()].stderr == ""
    assert run["--version",].stdout == f"workbench {version('robustness-workbench')}\n"
    assert "Did you mean 'evaluate'" in run["evalute",].stderr

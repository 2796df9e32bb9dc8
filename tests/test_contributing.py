"""CONTRIBUTING's attack in ten minutes, followed to the letter in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import nets

ROOT = Path(__file__).resolve().parents[1]


def steps() -> list[list[str]]:
    """The blocks of code of each step, without their indentation in the page."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.partition("## An attack in ten minutes")[2].partition("\n## ")[0]
    parts = re.split(r"^\d\. ", section, flags=re.M)[1:]
    blocks = [re.findall(r"^   ```\w+\n(.*?)^   ```$", part, re.M | re.S) for part in parts]
    return [[textwrap.dedent(re.sub("^   ", "", b, flags=re.M)) for b in found] for found in blocks]


def insert(path: Path, before: str, line: str) -> None:
    """Put a line before the first one that begins so."""
    text = path.read_text(encoding="utf-8")
    at = re.search(f"^{re.escape(before)}", text, re.M).start()
    path.write_text(f"{text[:at]}{line}{text[at:]}", encoding="utf-8")


def test_an_attack_in_ten_minutes(tmp_path) -> None:
    (written,), (imported, named), (case,), (commands,), *_ = steps()
    no_models = shutil.ignore_patterns("zoo", "__pycache__")
    shutil.copytree(ROOT / "workbench", tmp_path / "workbench", ignore=no_models)
    (tmp_path / "tests" / "attacks").mkdir(parents=True)
    for name in ("linear.py", "nets.py", "attacks/test_known_optimum.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)

    (tmp_path / "workbench" / "attacks" / "smoothed.py").write_text(written, encoding="utf-8")
    table = tmp_path / "workbench" / "attacks" / "__init__.py"
    insert(table, "from workbench.attacks.square", imported)
    insert(table, '    "square":', textwrap.indent(named, "    "))
    known = tmp_path / "tests" / "attacks" / "test_known_optimum.py"
    insert(known, '    ("square", ', textwrap.indent(case, "    "))

    lines = commands.splitlines()
    assert [line.split()[0] for line in lines] == ["python", "workbench"]
    paths = os.pathsep.join(map(str, (tmp_path, tmp_path / "tests")))
    apart = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": paths}}
    tested = [
        sys.executable,
        *lines[0].split()[1:],
        "-q",
        "-k",
        "smoothed",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(tested, capture_output=True, text=True, **apart)
    assert "1 passed" in done.stdout, done.stdout + done.stderr

    model = nets.write_digits(tmp_path / "model.safetensors")
    words = lines[1].split()[1:]
    words[1] = str(model)
    own = [
        "--arch",
        nets.ARCH,
        "--data",
        "digits",
        "--device",
        "cpu",
        "--store",
        str(tmp_path / "s"),
    ]
    run = [sys.executable, "-m", "workbench", *words, *own]
    done = subprocess.run(run, capture_output=True, text=True, **apart)
    assert done.returncode == 0, done.stderr
    assert "smoothed-pgd-10" in done.stdout

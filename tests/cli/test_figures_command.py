"""`workbench figures`, and the style that `reproduce` draws in."""

import json
import pkgutil
import subprocess
import sys
from importlib import import_module

import drawable
import matplotlib.pyplot as plt
import pytest
from PIL import Image

import analyses
from workbench import analysis, catalogue, figures
from workbench.cli import main
from workbench.evaluation.store import Store
from workbench.profiles import FOLDER, load_profile

NAMES = [found.name for found in pkgutil.iter_modules(analyses.__path__)]


def listed(capsys, *words: object) -> list[dict]:
    with pytest.raises(SystemExit) as ended:
        main(["figures", *map(str, words), "--json", "-"])
    assert ended.value.code == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_the_list_has_every_analysis_without_torch() -> None:
    code = "import sys\nfrom workbench.cli import main\ntry: main(['figures', '--list'])\n"
    code += "finally: assert not {'torch', 'matplotlib'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in NAMES)


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.name)
def test_an_analysis_says_what_it_shows_and_needs(entry) -> None:
    module = import_module(f"analyses.{entry.name}")
    assert module.__doc__.startswith(entry.shows)
    assert entry.paper, "its first line ends with what it is in the paper, in parentheses"
    assert module.runs.__doc__.startswith(entry.needs.split()[0])
    assert all(name in entry.needs for name in getattr(module, "DEFENSES", ()))


def test_it_says_which_a_profile_makes_and_which_lie_there(capsys, tmp_path) -> None:
    assert [entry["name"] for entry in listed(capsys, "--list")] == sorted(NAMES)
    for name, facts in (("white_box", "demo"), ("black_box", "mnist"), ("mi_distribution", None)):
        for kind in catalogue.KINDS:
            (tmp_path / f"{name}.{kind}").write_text(json.dumps({"profile": facts}))
    (tmp_path / "mi_distribution.json").write_text("{")
    own = listed(capsys, "--profile", "demo", "--figures", tmp_path)
    assert {entry["name"] for entry in own} == set(load_profile("demo").analyses)
    assert {entry["name"]: entry["on_disk"] for entry in own} == {
        "white_box": "yes",
        "black_box": "of mnist",
        "mi_distribution": "damaged",
    }
    (tmp_path / "white_box.tex").unlink()
    both = listed(capsys, "--list", "--profile", "demo", "--figures", tmp_path)
    assert len(both) == len(NAMES)
    assert {e["name"] for e in both if e["in_profile"]} == set(load_profile("demo").analyses)
    assert {e["name"]: e["on_disk"] for e in both}["white_box"] == "no"


def test_bad_input_is_one_line(capsys, tmp_path) -> None:
    assert "--list" in refused(capsys, "figures")
    assert "no profile 'nothing'" in refused(capsys, "figures", "--profile", "nothing")
    text = (FOLDER / "demo.toml").read_text()
    own = tmp_path / "own.toml"
    own.write_text(text.replace('"white_box"', '"white_box", "astrology"'))
    assert "'astrology'" in refused(capsys, "figures", "--profile", str(own))
    assert "style 'nature'" in refused(capsys, "reproduce", "--style", "nature")


def test_an_analysis_is_drawn_in_the_style_and_says_so(monkeypatch, tmp_path) -> None:
    made_up = analysis.Records(drawable.black_box(), [], [], [])
    monkeypatch.setattr(analysis, "records", lambda *_: made_up)
    style = figures.style_of("slides-dark:width=10")
    module = import_module("analyses.black_box")
    outcome = analysis.run(module, "demo", Store(tmp_path), "cpu", tmp_path, style=style)
    image = Image.open(tmp_path / "black_box.png")
    assert image.width == 10 * 200
    assert image.convert("RGB").getpixel((1, 1)) == (0x12, 0x12, 0x12)
    assert "--style slides-dark:width=10" in (tmp_path / "black_box.json").read_text()
    assert {path.suffix[1:] for path in outcome.files} == set(catalogue.KINDS)


def test_files_say_what_defenses_are_how_critics_were_made_and_what_is_missing(
    monkeypatch, tmp_path
) -> None:
    made_up = analysis.Records(
        drawable.FRAMES["mi_distribution"](), [], [], ["m: a critic diverged"]
    )
    monkeypatch.setattr(analysis, "records", lambda *_: made_up)
    module = import_module("analyses.mi_distribution")
    outcome = analysis.run(module, "fashion-mnist", Store(tmp_path), "cpu", tmp_path)
    told = (tmp_path / "mi_distribution.md").read_text()
    facts = json.loads((tmp_path / "mi_distribution.json").read_text())
    about = "The paper observes that adversarial samples have larger adversarial MI"
    paragraphs = told.split("\n\n")
    assert paragraphs[:2] == [outcome.finding, "Warning: m: a critic diverged"]
    assert paragraphs[2] == facts["about"]
    assert paragraphs[2].startswith(about)
    settings = outcome.finding.partition(" Settings here: ")[2]
    assert "namid is namid:alpha=0.2,difference=softplus; " in settings
    assert "namid-t is namid-t:alpha=0.2,difference=softplus with lr 0.05" in settings
    assert (facts["finding"], facts["warnings"]) == (outcome.finding, made_up.warnings)
    assert (facts["critic_seeds"], facts["fit_samples"]) == ([0, 1, 2], [10000])
    assert facts["recipes"]["namid-t@0"]["lr"] == 0.05


def test_an_analysis_of_the_folder_one_works_in_is_found(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(analyses, "__path__", list(analyses.__path__))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "analyses").mkdir()
    own = tmp_path / "analyses" / "astrology.py"
    own.write_text('"""What the stars say."""\n\n\ndef runs(profile):\n    """Nothing."""\n')
    assert {"astrology", "white_box"} <= {entry.name for entry in catalogue.entries()}
    assert analysis.analysis_of("astrology").__file__ == str(own)


def test_an_analysis_leaves_no_figure_open(monkeypatch, tmp_path) -> None:
    made_up = analysis.Records(drawable.FRAMES["white_box"](), [], [], [])
    monkeypatch.setattr(analysis, "records", lambda *_: made_up)
    before = plt.get_fignums()
    analysis.run(import_module("analyses.white_box"), "demo", Store(tmp_path), "cpu", tmp_path)
    assert plt.get_fignums() == before

"""The notebooks are stored without outputs, and run from top to bottom, here at a small size."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from workbench.data import load_data
from workbench.errors import InputError

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
PROFILE = """
data = "fashion-mnist"
models = ["zoo:fashion-mnist/natural", "zoo:fashion-mnist/standard-at"]
samples = 40
seed = 0
analyses = ["white_box"]

[[threats]]
norm = "Linf"
eps = "0.1"
attacks = ["fgsm"]

[information]
norm = "Linf"
eps = "0.1"
attack = "pgd-10:stop_at_success=false"
samples = 40
fit_samples = 1000
critic_seeds = [0]
"""
# parameters of each notebook for a test; FOLDER stands for a folder of its own
SMALL = {
    "explore": {
        "EPS": ["0.1"],
        "MODELS": ["zoo:fashion-mnist/natural"],
        "ATTACKS": ["pgd-10:steps=2,stop_at_success=false"],
        "SAMPLES": 40,
        "FIT_SAMPLES": 300,
        "WORKERS": 1,
    },
    "audit": {"SAMPLES": 20, "INFORMATION": False, "WORKERS": 1},
    "paper": {"PROFILE": "FOLDER/small.toml", "FIGURES": "FOLDER/figures", "WORKERS": 1},
}


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", nbformat.NO_CONVERT)


def test_every_notebook_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_holds_no_outputs_and_no_logic(name) -> None:
    for cell in read(name).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            assert not any(line.startswith(("def ", "class ")) for line in cell.source.splitlines())


@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_runs(name, tmp_path) -> None:
    try:
        load_data("fashion-mnist", "test")
    except InputError as error:
        pytest.skip(f"no Fashion-MNIST: {error}")
    (tmp_path / "small.toml").write_text(PROFILE)
    notebook = read(name)
    (parameters,) = (
        cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])
    )
    changed = SMALL[name] | {"STORE": "FOLDER/store"}
    lines = [f"{key} = {value!r}" for key, value in changed.items()]
    parameters.source += "\n" + "\n".join(lines).replace("FOLDER", str(tmp_path))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("text/html" in output.get("data", {}) for output in outputs)

"""`workbench plan`: a table of parts, and the sum in a sentence."""

import json

import nets
import pytest

from workbench.cli import main

PROFILE = """
data = "digits"
models = [{{reference = "{model}", arch = "{arch}", name = "mine"}}]
samples = 20
analyses = ["white_box"]

[[threats]]
norm = "Linf"
eps = "0.1"
attacks = ["fgsm"]

[information]
norm = "Linf"
eps = "0.1"
attack = "pgd-10:stop_at_success=false"
samples = 20
fit_samples = 200
critic_seeds = [0]
"""


def test_the_parts_and_the_sum_are_told(tmp_path, capsys) -> None:
    model = nets.write_digits(tmp_path / "digits.safetensors")
    own = tmp_path / "own.toml"
    own.write_text(PROFILE.format(model=model, arch=nets.ARCH))
    places = ["--store", str(tmp_path / "store"), "--device", "cpu", "--workers", "2"]
    with pytest.raises(SystemExit) as ended:
        main(["plan", "--profile", str(own), *places])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "fgsm, Linf" in told
    assert "with 2 workers" in told
    with pytest.raises(SystemExit):
        main(["plan", "--profile", str(own), *places, "--json", "-"])
    found = json.loads(capsys.readouterr().out)
    assert found["seconds"] > 0
    assert sum(part["units"] for part in found["parts"]) >= 1

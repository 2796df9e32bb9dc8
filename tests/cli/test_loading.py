"""The options that say how a model is loaded, on the command line."""

import json
from pathlib import Path

import exports
import nets
import pytest
import torch
from safetensors.torch import load_file

from workbench.cli import main


def clean_accuracy(folder: Path, model: Path, *options: str) -> float:
    told = folder / "told.json"
    common = ["--data", "digits", "--attacks", "none", "--samples", "100", "--device", "cpu"]
    where = ["--store", str(folder / "store"), "--json", str(told)]
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", str(model), *common, *where, *options])
    assert ended.value.code == 0
    return json.loads(told.read_text())["clean_accuracy"]


def test_a_copy_behind_a_normalisation_with_its_classes_turned_round(tmp_path):
    plain = nets.write_digits(tmp_path / "plain.safetensors")
    fitted = load_file(plain)
    turned = {"1.weight": fitted["1.weight"].flip(0) / 2, "1.bias": fitted["1.bias"].flip(0)}
    empty = {name: torch.zeros_like(tensor) for name, tensor in fitted.items()}
    torch.save({"model": empty, "ema": turned}, tmp_path / "w.pt")
    arch = ["--arch", nets.ARCH]
    expected = clean_accuracy(tmp_path, plain, *arch)
    around = ["--mean", "0", "--std", "0.5", "--class-map", "9,8,7,6,5,4,3,2,1,0"]
    found = clean_accuracy(tmp_path, tmp_path / "w.pt", *arch, "--weights", "ema", *around)
    assert found == expected > 0.8
    assert clean_accuracy(tmp_path, tmp_path / "w.pt", *arch) < 0.3


def test_a_file_that_holds_a_whole_net(tmp_path):
    path = exports.write(exports.script, "small-cnn", tmp_path / "m.pt")
    assert 0 <= clean_accuracy(tmp_path, path) < 0.5
    assert "TorchScript" in json.loads((tmp_path / "told.json").read_text())["model"]["name"]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--weights", "ema"], "holds one state dict"),
        (["--channels", "hsv"], "rgb or bgr"),
        (["--mean", "half"], "numbers with commas between"),
        (["--class-map", "0,0"], "each output of the model once"),
    ],
)
@pytest.mark.parametrize("verb", ["evaluate", "mi"])
def test_what_makes_no_sense_is_refused_in_one_line(verb, options, hint, tmp_path, capsys):
    plain = nets.write_digits(tmp_path / "plain.safetensors")
    with pytest.raises(SystemExit) as ended:
        main([verb, str(plain), "--arch", nets.ARCH, "--data", "digits", *options])
    assert ended.value.code == 2
    assert hint in capsys.readouterr().err

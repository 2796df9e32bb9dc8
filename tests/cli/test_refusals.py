"""Every kind of bad input: one line, exit code 2, no traceback, nothing lost."""

from pathlib import Path

import nets
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from workbench.cli import main


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return nets.write_digits(tmp_path_factory.mktemp("model") / "digits.safetensors")


def refuse(capsys, *arguments: object) -> str:
    """Run a command that must be refused; returns its one line."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr().err
    assert ended.value.code == 2, said
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, said
    assert "Traceback" not in said
    return lines[0]


def evaluate(model: Path, folder: Path, **options: object) -> list[object]:
    chosen = {
        "arch": nets.ARCH,
        "data": "digits",
        "attacks": "fgsm",
        "samples": 20,
        "device": "cpu",
        "store": folder,
        **options,
    }
    pairs = [(f"--{name.replace('_', '-')}", value) for name, value in chosen.items()]
    return ["evaluate", model, *(word for pair in pairs for word in pair)]


def weights(path: Path, **changed: torch.Tensor) -> Path:
    content = {"1.weight": torch.zeros(10, 64), "1.bias": torch.zeros(10), **changed}
    save_file(content, path)
    return path


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"eps": "0"}, "8/255"),
        ({"eps": "eight"}, "8/255"),
        ({"eps": "8"}, "8/255"),
        ({"norm": "L7"}, "Linf, L2"),
        ({"attacks": "pdg-40"}, "pgd-40"),
        ({"attacks": ""}, "not known"),
        ({"attacks": "pgd-40:step=fast"}, "step needs a value"),
        ({"attacks": "cw"}, "L2"),
        ({"data": "fashion-mnits"}, "fashion-mnist"),
        ({"arch": "nowhere.module:net"}, "nowhere"),
        ({"arch": "small-cnn"}, "1.weight"),
        ({"device": "abacus"}, "abacus"),
        ({"workers": 0}, "workers"),
        ({"scheduler": "nonsense"}, "tcp://host:8786"),
        ({"scheduler": "what://host:1"}, "tcp://host:8786"),
        ({"samples": 361}, "has 360"),
        ({"samples": 0}, "samples"),
        ({"samples": "many"}, "samples"),
        ({"store": "/proc/nowhere"}, "--store"),
        ({"store": "/dev/null/store"}, "--store"),
    ],
)
def test_bad_options(capsys, tmp_path, model, options, hint) -> None:
    assert hint in refuse(capsys, *evaluate(model, tmp_path / "store", **options))


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["zoo:fashion-mnist/natural"], "two models"),
        (["zoo:fashion-mnist/natural"] * 2, "named once"),
    ],
)
def test_bad_transfers(capsys, tmp_path, arguments, hint) -> None:
    common = ["--data", "digits", "--store", tmp_path]
    assert hint in refuse(capsys, "transfer", *arguments, *common)


def test_no_such_model(capsys, tmp_path) -> None:
    line = refuse(capsys, *evaluate(tmp_path / "none.safetensors", tmp_path / "store"))
    assert "none.safetensors" in line


def test_unknown_zoo_model(capsys, tmp_path) -> None:
    line = refuse(capsys, "evaluate", "zoo:fashion-mnist/best", "--store", tmp_path / "store")
    assert "fashion-mnist/best" in line


def test_nan_weights(capsys, tmp_path) -> None:
    bad = torch.zeros(10, 64)
    bad[3, 5] = float("nan")
    path = weights(tmp_path / "nan.safetensors", **{"1.weight": bad})
    assert "1.weight" in refuse(capsys, *evaluate(path, tmp_path / "store"))


def test_a_model_for_other_images(capsys, tmp_path) -> None:
    images = np.zeros((4, 28, 28), np.uint8)
    np.savez(tmp_path / "own.npz", x=images, y=np.zeros(4, np.int64))
    path = weights(tmp_path / "w.safetensors")
    refuse(capsys, *evaluate(path, tmp_path / "store", data=tmp_path / "own.npz", samples=4))


def test_an_empty_data_set(capsys, tmp_path, model) -> None:
    np.savez(tmp_path / "own.npz", x=np.zeros((0, 8, 8), np.uint8), y=np.zeros(0, np.int64))
    refuse(capsys, *evaluate(model, tmp_path / "store", data=tmp_path / "own.npz", samples=1))


@pytest.mark.parametrize("verb", [["evaluate"], ["evalute", "x"], ["data", "fetch", "imagenet"]])
def test_bad_usage(capsys, verb) -> None:
    refuse(capsys, *verb)


def test_a_full_disk_keeps_what_was_stored(capsys, tmp_path, model, monkeypatch) -> None:
    import errno

    store = tmp_path / "store"
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in evaluate(model, store)])
    assert ended.value.code == 0
    before = sorted((store / "units").iterdir())

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("workbench.evaluation.store.os.fsync", full)
    line = refuse(capsys, *evaluate(model, store, attacks="fgsm,pgd-10"))
    assert "No space left on device" in line
    assert sorted((store / "units").iterdir()) == before
    monkeypatch.undo()
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in evaluate(model, store, attacks="fgsm,pgd-10")])
    assert ended.value.code == 0


def test_stopping_by_hand_is_no_error_and_says_how_to_go_on(
    capsys, tmp_path, model, monkeypatch
) -> None:
    def stop(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("workbench.evaluation.battery.measure", stop)
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in evaluate(model, tmp_path / "store")])
    assert ended.value.code == 130
    assert "goes on" in capsys.readouterr().err


def test_what_cannot_be_written_is_told_before_the_work(capsys, tmp_path, model) -> None:
    file = tmp_path / "file"
    file.touch()
    line = refuse(capsys, *evaluate(model, tmp_path / "store", json=tmp_path))
    assert f"{tmp_path} cannot be written" in line
    assert not (tmp_path / "store").exists()
    assert "cannot be written" in refuse(capsys, "reproduce", "--figures", file)
    assert "cannot be written" in refuse(capsys, "train", "natural", "--out", file)
    mi = ("mi", model, "--arch", nets.ARCH, "--data", "digits", "--csv", tmp_path)
    assert "cannot be written" in refuse(capsys, *mi)


ZOO = ["zoo:fashion-mnist/natural", "zoo:fashion-mnist/standard-at"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--profile", "demo", "--lr", "9"], "--lr is the profile's to say"),
        (["train", "natural", "--workers", "3"], "--workers is for a --profile"),
        (["train", "standard-at", "--units", "64"], "standard-at makes no use of --units"),
        (["train", "natural", "--attack-steps", "5"], "natural makes no use of --attack-steps"),
        (["train", "trades", "--base", "h.pt"], "makes no use of --base; leave it out"),
        (["audit", "broken:quantised", "--mean", "0.5"], "comes as it is"),
        (["evaluate", "broken:quantised", "--arch", "small-cnn"], "comes as it is"),
        (["mi", "broken:magic"], "no broken defense 'magic'"),
        (["audit", "zoo:fashion-mnist/natural", "--claim", "clean=0.83"], "83 is 83 %"),
        (["mi", "zoo:fashion-mnist/natural", "--critic-seed", str(2**70)], "critic-seed"),
        (["explore", "--data", "digits"], "no models for digits"),
        (["transfer", *ZOO, "--arch", "small-cnn"], "no model here is a weights file"),
        (["explore", *ZOO, "--arch", "small-cnn"], "no model here is a weights file"),
    ],
)
def test_what_would_be_ignored_or_misread_is_refused(capsys, tmp_path, words, said) -> None:
    assert said in refuse(capsys, *words, "--store", tmp_path / "store")


def test_a_model_is_not_transferred_to_itself_under_another_name(capsys, tmp_path, model) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(model.read_bytes())
    words = ("--arch", nets.ARCH, "--data", "digits", "--samples", 20, "--store", tmp_path / "s")
    line = refuse(capsys, "transfer", model, copy, *words)
    assert "are the same model" in line


def test_a_model_of_another_recipe_is_not_overwritten(capsys, tmp_path) -> None:
    file = tmp_path / "natural.safetensors"
    file.write_bytes(b"mine")
    words = ("--data", "digits", "--out", tmp_path, "--store", tmp_path / "store")
    assert "is there and of another recipe" in refuse(capsys, "train", "natural", *words)
    file.with_suffix(".json").write_text('{"recipe": {"epochs": 7}}')
    assert "is there and of another recipe" in refuse(capsys, "train", "natural", *words)
    assert file.read_bytes() == b"mine"

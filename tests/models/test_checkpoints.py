"""Checkpoints with several state dicts: the plain one is taken, another by its name."""

import time

import pytest
import torch
from torch import nn

from workbench.errors import InputError
from workbench.models import Loading, load_model
from workbench.models.architectures import small_cnn
from workbench.models.fingerprint import fingerprint


@pytest.fixture
def plain() -> nn.Module:
    return small_cnn()


@pytest.fixture
def average() -> nn.Module:
    return small_cnn()


def load(tmp_path, content, weights=None):
    torch.save(content, tmp_path / "w.pt")
    return load_model(str(tmp_path / "w.pt"), "small-cnn", loading=Loading(weights=weights))


def under(prefix: str, net: nn.Module) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in net.state_dict().items()}


NESTS = ["state_dict", "model", "model_state_dict", "net", "params", "weights", "network", "module"]


@pytest.mark.parametrize("nest", NESTS)
def test_usual_names(tmp_path, plain, nest):
    optimizer = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}
    content = {"epoch": 7, nest: plain.state_dict(), "optimizer_state_dict": optimizer}
    assert load(tmp_path, content).fingerprint == fingerprint(plain)


@pytest.mark.parametrize(
    "copy", ["ema", "model_ema", "ema_state_dict", "ema_model", "state_dict_ema"]
)
def test_a_copy_is_named_and_chosen(tmp_path, plain, average, copy):
    content = {copy: average.state_dict(), "model": plain.state_dict()}
    first = load(tmp_path, content)
    assert first.fingerprint == fingerprint(plain)
    assert f"(model, beside '{copy}')" in first.origin
    assert load(tmp_path, content, copy).fingerprint == fingerprint(average)


def test_a_copy_inside_a_copy(tmp_path, plain, average):
    content = {
        "state_dict": plain.state_dict(),
        "ema": {"decay": 0.99, "shadow": average.state_dict()},
    }
    for name in ("ema", "ema.shadow"):
        assert load(tmp_path, content, name).fingerprint == fingerprint(average)
    assert load(tmp_path, content).fingerprint == fingerprint(plain)


def test_the_averaged_model_of_rebuffi_et_al(tmp_path, plain, average):
    content = {
        "model_state_dict": under("module.", average),
        "unaveraged_model_state_dict": under("module.", plain),
    }
    first = load(tmp_path, content)
    assert first.fingerprint == fingerprint(average)
    assert "beside 'unaveraged_model_state_dict'" in first.origin
    other = load(tmp_path, content, "unaveraged_model_state_dict")
    assert other.fingerprint == fingerprint(plain)


def test_a_file_that_holds_one_dict_over_and_over_is_soon_refused(tmp_path):
    held = {"a": torch.zeros(1)}
    for _ in range(3):
        held = {f"{'name' * 20}{i}": held for i in range(300)}
    began = time.monotonic()
    with pytest.raises(InputError, match="several state dicts") as caught:
        load(tmp_path, held)
    assert time.monotonic() - began < 10
    assert len(str(caught.value)) < 5000


def test_a_lone_copy_is_taken_and_named(tmp_path, average):
    model = load(tmp_path, {"ema": average.state_dict(), "epoch": 3})
    assert model.fingerprint == fingerprint(average)
    assert "(ema)" in model.origin


@pytest.mark.parametrize(
    ("content", "wanted", "message"),
    [
        ({"model": 1, "ema": 2}, "swa", "no state dict 'swa': there is 'model', 'ema'"),
        (
            {"teacher": 1, "student": 2},
            None,
            "several state dicts, so choose its weights: 'teacher', 'student'",
        ),
        ({"model": 1}, "ema", "no state dict 'ema': there is 'model'"),
        ({"ema": {"a": 1, "b": 2}}, "ema", "no state dict 'ema': there is 'ema.a', 'ema.b'"),
        (1, "ema", "no state dict 'ema': there is one state dict without a name"),
    ],
)
def test_a_choice_that_cannot_be_made(tmp_path, content, wanted, message, plain):
    def filled(part):
        if isinstance(part, dict):
            return {name: filled(value) for name, value in part.items()}
        return plain.state_dict()

    with pytest.raises(InputError, match=message) as caught:
        load(tmp_path, filled(content), wanted)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "net."])
def test_prefixes_in_any_order(tmp_path, plain, prefix):
    model = load(tmp_path, under(prefix, plain))
    assert model.fingerprint == fingerprint(plain)
    assert f"prefix {prefix} stripped" in model.origin

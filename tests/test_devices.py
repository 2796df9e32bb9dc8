"""Devices: named, refused when they are not there, and threads for small nets."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from workbench.devices import device_name, device_of, full_precision, limit_threads
from workbench.errors import InputError


def test_auto_is_a_device_of_this_machine() -> None:
    assert torch.zeros(1, device=device_of("auto")).item() == 0


@pytest.mark.parametrize("name", ["abacus", "meta", "cuda:99", ""])
def test_what_is_not_there_is_refused(name) -> None:
    with pytest.raises(InputError, match="--device cpu"):
        device_of(name)


def test_the_cpu_is_called_cpu() -> None:
    assert device_name(torch.device("cpu")) == "cpu"


def test_full_precision_is_without_tf32_and_leaves_settings_as_they_were() -> None:
    conv, matmul = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = conv.fp32_precision
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        with full_precision():
            assert (conv.fp32_precision, matmul.fp32_precision) == ("none", "ieee")
            with torch.backends.cudnn.flags(enabled=True):  # as a model may say
                pass
        assert torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.allow_tf32
        assert conv.fp32_precision == before
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


def test_full_precision_where_tf32_is_asked_for_by_its_new_name() -> None:
    code = """
import torch
from workbench.devices import full_precision
torch.backends.fp32_precision = "tf32"
with full_precision():
    conv, matmul = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    print(conv.fp32_precision, matmul.fp32_precision)
print(conv.fp32_precision, matmul.fp32_precision)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["ieee", "ieee", "tf32", "tf32"]


def test_small_nets_use_at_most_two_threads_and_large_ones_all() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        limit_threads(nn.Linear(2000, 1000))
        assert torch.get_num_threads() == 4
        limit_threads(nn.Linear(10, 10))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_waiting_threads_spin_briefly() -> None:
    import workbench  # noqa: F401

    assert os.environ["GOMP_SPINCOUNT"]

"""Where tensors live."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from workbench.errors import InputError

SMALL = 1_000_000  # weights


def device_of(name: str) -> str:
    """The device to use: "auto" takes CUDA, then MPS, then the CPU.

    Raises InputError where this machine lacks the device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        if torch.device(name).type not in ("cpu", "cuda", "mps"):
            raise RuntimeError
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InputError(f"device {name!r} is not there; use --device cpu or auto") from None
    return name


def device_name(device: torch.device) -> str:
    """The device as a record tells it: "cpu", "mps", or the name of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


@contextmanager
def full_precision() -> Iterator[None]:
    """Meanwhile float32 is IEEE's, on GPUs as on the CPU; torch's convolutions use TF32 there.

    A setting is changed and restored by its old name where that was in use, since torch refuses to
    read it once both names were: a model may do so.
    """
    cudnn: Any = torch.backends.cudnn  # gets parts as torch starts
    by_old_name = _old_setting()
    if by_old_name:
        cudnn.allow_tf32 = False
    parts = [p for p in (cudnn.conv, cudnn.rnn, torch.backends.cuda.matmul) if _is_coarse(p)]
    before = [part.fp32_precision for part in parts]
    try:
        for part in parts:
            part.fp32_precision = "ieee"
        yield
    finally:
        for part, precision in zip(parts, before, strict=True):
            part.fp32_precision = precision
        if by_old_name:
            cudnn.allow_tf32 = True


def _old_setting() -> bool:
    """Whether cuDNN may use TF32 by the setting's old name; False where that cannot be read."""
    try:
        return torch.backends.cudnn.allow_tf32
    except RuntimeError:
        return False


def _is_coarse(part: Any) -> bool:
    return bool(part.fp32_precision == "tf32")


def limit_threads(model: nn.Module) -> None:
    """Run small nets on at most two CPU threads.

    On two idle cores the 166,000-weight net gains a factor of 1.3 to 1.7 from the second thread
    (measured on PGD, AutoAttack and critics); its operations are too short to feed more.
    """
    if sum(weights.numel() for weights in model.parameters()) < SMALL:
        torch.set_num_threads(min(2, torch.get_num_threads()))

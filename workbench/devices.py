"""Where tensors live."""

import torch

from workbench.errors import InputError


def device_of(name: str) -> str:
    """The device to use: "auto" takes CUDA, then MPS, then the CPU.

    Raises InputError where this machine lacks the device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InputError(f"device {name!r} is not there; use --device cpu or auto") from None
    return name

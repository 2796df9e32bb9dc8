"""Nets that log their forwards, or fail, in whichever process they run; found by --arch."""

import multiprocessing
import os
import signal
from pathlib import Path

import torch
from torch import nn

LOG = "WORKBENCH_TEST_FORWARDS"  # environment variable: a file that grows by a byte per forward


class Logged(nn.Sequential):
    """A linear classifier of 8×8 digits, as nets.digits, that logs its forwards."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with Path(os.environ[LOG]).open("ab") as file:
            file.write(b".")
        return super().forward(x)


class Broken(nn.Sequential):
    """It gives NaN for any picture that is not black."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + torch.where(x.amax() > 0, torch.nan, 0.0)


class Deadly(nn.Sequential):
    """It ends a worker process, and only that."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)


def logged() -> nn.Module:
    return Logged(nn.Flatten(), nn.Linear(64, 10))


def broken() -> nn.Module:
    return Broken(nn.Flatten(), nn.Linear(64, 10))

"""The state of a training after an epoch: written whole, and restored exactly."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from workbench.errors import InputError
from workbench.files import whole_file

Weights = dict[str, torch.Tensor]  # a net's state


@dataclass(frozen=True)
class Checkpoint:
    """A file with the state of a training.

    identity: all that decides the weights; a file of another one is refused. parts: what has a
    state (nets, optimizers), by name.
    """

    path: Path
    identity: dict[str, Any]
    parts: dict[str, nn.Module | torch.optim.Optimizer]

    def save(self, history: list[dict[str, float]], kept: Mapping[int, Weights]) -> None:
        """Write the state whole: to a temporary file, synced, renamed.

        history: a line per epoch that was done. kept: weights of some of them.
        Raises InputError where it cannot be written.
        """
        states = {name: part.state_dict() for name, part in self.parts.items()}
        state = {"identity": self.identity, "history": history, "parts": states, "kept": {**kept}}
        try:
            with whole_file(self.path) as part:
                torch.save(state, part)
        except (OSError, RuntimeError) as error:  # torch tells a full disk as RuntimeError
            raise InputError(
                f"the checkpoint {self.path} cannot be written ({error}); make room, or name "
                "another folder"
            ) from None

    def restore(self, device: str) -> tuple[list[dict[str, float]], dict[int, Weights]]:
        """Load the state into the parts; returns history and kept weights, empty without a file.

        Raises InputError where the file is no checkpoint, or that of another training.
        """
        if not self.path.exists():
            return [], {}
        try:
            state = torch.load(self.path, weights_only=True, map_location=device)
            same = state["identity"] == self.identity
            history: list[dict[str, float]] = state["history"]
            kept: dict[int, Weights] = state["kept"]
        except (RuntimeError, EOFError, OSError, KeyError, TypeError, pickle.UnpicklingError):
            raise InputError(f"{self.path} is no checkpoint; remove it to train anew") from None
        if not same:
            raise InputError(f"{self.path} belongs to another recipe or other data; remove it")
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"][name])
        return history, kept

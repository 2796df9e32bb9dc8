"""Fitted critics, as a unit of the store has them."""

import torch

from workbench.evaluation.store import Stored
from workbench.information import Critic, Fit, image_critic


def loaded(stored: Stored, fit: Fit) -> dict[str, Critic]:
    """The critics of a unit by name, for images of one channel and four classes."""
    states: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in stored.tensors().items():
        name, _, part = key.partition(".")
        states.setdefault(name, {})[part] = torch.from_numpy(value)
    found = {name: image_critic(1, 4, fit.units, seed=0) for name in states}
    for name, critic in found.items():
        critic.load_state_dict(states[name])
    return found

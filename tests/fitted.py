"""Fitted critics, as units of the store have them."""

from collections.abc import Sequence

import torch

from workbench.evaluation.store import Stored
from workbench.information import Critic, Fit, image_critic


def loaded(stored: Sequence[Stored], fit: Fit) -> dict[str, Critic]:
    """The critics of units by name, for images of one channel and four classes."""
    found = {unit.info["spec"]["critic"]: image_critic(1, 4, fit.units, seed=0) for unit in stored}
    for unit, critic in zip(stored, found.values(), strict=True):
        critic.load_state_dict({k: torch.from_numpy(v) for k, v in unit.tensors().items()})
    return found

"""The one training loop: every defense is a loss that it minimises."""

import copy
import math
import os
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from workbench import seeds
from workbench.data import Dataset
from workbench.defenses import DEFENSES
from workbench.errors import InputError
from workbench.models import Classifier, build, check_fits
from workbench.progress import Progress, no_progress
from workbench.threat import ThreatModel


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights, besides the machine's arithmetic.

    The defaults follow the paper: SGD with momentum 0.9, the rate divided by 10 after 75 % and
    90 % of the epochs, training attack PGD-10 with step ε/4.
    """

    defense: str
    data: str
    arch: str
    norm: str = "Linf"
    eps: str = "0.1"
    epochs: int = 20
    batch: int = 128
    lr: float = 0.05
    weight_decay: float = 2e-4
    attack_steps: int = 10
    attack_step: float = 0.25  # in units of ε
    seed: int = 0

    def __post_init__(self) -> None:
        if self.defense not in DEFENSES:
            known = ", ".join(sorted(DEFENSES))
            raise InputError(f"defense {self.defense!r} is not known; use one of {known}")
        if min(self.epochs, self.batch, self.attack_steps) < 1 or not self.lr > 0:
            raise InputError("epochs, batch and attack steps must be at least 1, lr above 0")
        if not self.weight_decay >= 0:
            raise InputError("weight decay must be at least 0")
        _ = self.threat  # refuses a wrong norm or ε at once

    @property
    def threat(self) -> ThreatModel:
        """The threat model that the training attack stays in."""
        return ThreatModel(self.norm, self.eps)


def train(
    recipe: Recipe,
    data: Dataset,
    checkpoint: Path,
    device: str = "cpu",
    progress: Progress = no_progress,
) -> nn.Module:
    """Train a net by the recipe; stopped and started again, it ends with the same weights.

    data: the training split. checkpoint: the file that keeps the state after each epoch.
    progress: called with (steps done, steps in all, epoch and loss as text).
    Returns the net in eval mode. Raises InputError when the loss is not finite, or when the
    checkpoint belongs to another recipe.
    """
    with seeds.forked(seeds.derive(recipe.seed, "weights")):
        net = build(recipe.arch, data.shape, len(data.classes)).to(device)
    check_fits(Classifier(copy.deepcopy(net), recipe.arch), data.shape, len(data.classes))
    optimizer = torch.optim.SGD(
        net.parameters(), recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay
    )
    identity = asdict(recipe) | {"fingerprint": data.fingerprint}
    steps = math.ceil(len(data) / recipe.batch)
    for epoch in range(_restore(checkpoint, identity, net, optimizer), recipe.epochs):
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr * decay(epoch / recipe.epochs)
        order = torch.randperm(len(data), generator=seeds.generator(recipe.seed, "order", epoch))
        for step, rows in enumerate(order.split(recipe.batch)):
            noise = seeds.Noise(seeds.derive(recipe.seed, "start", epoch), tuple(rows.tolist()))
            x, y = data.rows(rows.numpy(), device)
            loss = _step(recipe, net, optimizer, x, y, noise)
            if not math.isfinite(loss):
                raise InputError(f"the loss became {loss} in epoch {epoch + 1}; use a lower lr")
            doing = f"epoch {epoch + 1}, loss {loss:.3f}"
            progress(epoch * steps + step + 1, recipe.epochs * steps, doing)
        _save(checkpoint, identity, net, optimizer, epoch + 1)
    return net.eval()


def decay(done: float) -> float:
    """The factor on the learning rate after a share of the epochs: 1, 0.1 at 75 %, 0.01 at 90 %.

    >>> decay(0.0), decay(0.75), decay(0.9)
    (1.0, 0.1, 0.01)
    """
    return 1.0 if done < 0.75 else 0.1 if done < 0.9 else 0.01


def perturb(
    recipe: Recipe, net: nn.Module, x: torch.Tensor, y: torch.Tensor, noise: seeds.Noise
) -> torch.Tensor:
    """PGD on the cross-entropy, every step for every sample, the net in eval mode meanwhile."""
    threat = recipe.threat
    net.eval()
    x_adv = threat.random_start(x, noise, "train")
    for _ in range(recipe.attack_steps):
        x_adv.requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(net(x_adv), y, reduction="sum"), x_adv)
        step = recipe.attack_step * threat.epsilon * threat.ascent(gradient)
        x_adv = threat.project(x_adv.detach() + step, x)
    net.train()
    return x_adv


def _step(
    recipe: Recipe,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: torch.Tensor,
    y: torch.Tensor,
    noise: seeds.Noise,
) -> float:
    """One step of the optimizer; returns its loss."""
    net.train()
    loss = DEFENSES[recipe.defense](net, x, y, lambda: perturb(recipe, net, x, y, noise))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


def _save(
    checkpoint: Path,
    identity: dict[str, Any],
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    epoch: int,
) -> None:
    """Write the state whole: to a temporary file, synced, renamed."""
    state = {
        "identity": identity,
        "epoch": epoch,
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    part = checkpoint.with_name(f".{checkpoint.name}.{os.getpid()}")
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, checkpoint)
    except (OSError, RuntimeError) as error:  # torch tells a full disk as RuntimeError
        raise InputError(f"the checkpoint {checkpoint} cannot be written ({error})") from None
    finally:
        part.unlink(missing_ok=True)


def _restore(
    checkpoint: Path, identity: dict[str, Any], net: nn.Module, optimizer: torch.optim.Optimizer
) -> int:
    """Load the state of an earlier run of this recipe; returns the number of epochs it did."""
    if not checkpoint.exists():
        return 0
    try:
        device = next(net.parameters()).device
        state: dict[str, Any] = torch.load(checkpoint, weights_only=True, map_location=device)
        same = state["identity"] == identity
    except (RuntimeError, EOFError, OSError, KeyError, TypeError, pickle.UnpicklingError):
        raise InputError(f"{checkpoint} is no checkpoint; remove it to train anew") from None
    if not same:
        raise InputError(
            f"{checkpoint} belongs to another recipe or other data; remove it or name another --out"
        )
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["epoch"])

"""The one training loop: every defense is a loss that it minimises."""

import copy
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
from torch import nn

from workbench import seeds
from workbench.data import Dataset
from workbench.defenses.augment import crop_flip
from workbench.defenses.checkpoint import Checkpoint, Weights
from workbench.defenses.defense import Ascended, Batch, frozen
from workbench.defenses.recipe import Recipe
from workbench.errors import InputError
from workbench.information import Reference, image_critic
from workbench.models import Classifier, build, check_fits
from workbench.models.quick import quick, twin
from workbench.progress import Progress, no_progress

CRITIC_LR = 1e-3  # of critics that are trained along, by Adam


@dataclass(frozen=True)
class Trained:
    """A net in eval mode, and what happened in each epoch: means over the steps that tell of it.

    kept: the weights after those epochs that the recipe keeps.
    """

    net: nn.Module
    history: list[dict[str, float]]
    kept: Mapping[int, Weights]


@dataclass(frozen=True)
class _Parts:
    """What a training step works with.

    net: as it is stored. computed: the same in the recipe's precision. attacked: a twin that
    shares its weights, in eval mode.
    """

    recipe: Recipe
    device: str
    net: nn.Module
    computed: nn.Module
    attacked: nn.Module
    critics: Mapping[str, Reference]
    optimizers: list[torch.optim.Optimizer]


def train(
    recipe: Recipe,
    data: Dataset,
    checkpoint: Path,
    device: str = "cpu",
    progress: Progress = no_progress,
    base: Classifier | None = None,
    critics: Mapping[str, Reference] | None = None,
    critics_key: str = "",
) -> Trained:
    """Train a net by the recipe; stopped and started again, it ends with the same weights.

    data: the training split. checkpoint: the file that keeps the state after each epoch.
    progress: called with (steps done, steps in all, epoch and loss as text). base: the model h_θ0,
    for recipes that start from it. critics: fitted to its outputs, for defenses that need them,
    with the key of their fit.
    Raises InputError when the loss is not finite, when the checkpoint belongs to another recipe,
    when the recipe starts from a base of other weights, or when a batch would have one sample.
    """
    if recipe.batch > 1 and len(data) % recipe.batch == 1:
        raise InputError(
            f"the last batch of {len(data)} samples would have one, which batch norm and MI have "
            f"no use for; use batch {recipe.batch + 1}"
        )
    parts = _parts(recipe, data, device, base, critics or {})
    identity = {**recipe.settings(), "fingerprint": data.fingerprint, "critics": critics_key}
    state = Checkpoint(checkpoint, identity, _stateful(parts))
    history, kept = state.restore(device)
    steps = math.ceil(len(data) / recipe.batch)
    for epoch in range(len(history), recipe.epochs):
        with seeds.forked(seeds.derive(recipe.seed, "net", epoch)):  # dropout of one's own net
            means = _epoch(parts, data, epoch, steps, progress)
        history.append({"epoch": epoch + 1, **means})
        if epoch + 1 in recipe.keep:
            kept[epoch + 1] = {k: v.clone() for k, v in parts.net.state_dict().items()}
        state.save(history, kept)
    return Trained(parts.net.eval(), history, kept)


def _epoch(
    parts: _Parts, data: Dataset, epoch: int, steps: int, progress: Progress
) -> dict[str, float]:
    """One pass over the samples, in so many steps; returns the means of what they tell."""
    recipe, noted = parts.recipe, defaultdict[str, list[float]](list)
    order = torch.randperm(len(data), generator=seeds.generator(recipe.seed, "order", epoch))
    for step, rows in enumerate(order.split(recipe.batch), epoch * steps):
        x, y = data.rows(rows.numpy(), parts.device)
        notes = _step(parts, x, y, step, recipe.epochs * steps)
        if not math.isfinite(notes["loss"]):
            raise InputError(
                f"the loss became {notes['loss']} in epoch {epoch + 1}; use a lower lr"
            )
        for name, value in notes.items():
            noted[name].append(value)
        doing = f"epoch {epoch + 1}, loss {notes['loss']:.3f}"
        progress(step + 1, recipe.epochs * steps, doing)
    return {name: fmean(values) for name, values in noted.items()}


def perturb(
    recipe: Recipe, attacked: nn.Module, x: torch.Tensor, loss: Ascended, noise: seeds.Stream
) -> torch.Tensor:
    """PGD on a loss that is a sum over samples: every step for every sample, no early stop.

    attacked: in eval mode; its weights get no gradient.
    """
    threat = recipe.threat
    x_adv = threat.random_start(x, noise, "start")
    with frozen(attacked):
        for _ in range(recipe.attack_steps):
            x_adv.requires_grad_()
            (gradient,) = torch.autograd.grad(loss(attacked(x_adv)), x_adv)
            step = recipe.attack_step * threat.epsilon * threat.ascent(gradient)
            x_adv = threat.project(x_adv.detach() + step, x)
    return x_adv


def _step(
    parts: _Parts, x: torch.Tensor, y: torch.Tensor, step: int, steps: int
) -> dict[str, float]:
    """One step of the optimizers; returns its loss and the defense's notes."""
    recipe, done = parts.recipe, step / steps
    noise = seeds.Stream(seeds.derive(recipe.seed, "step", step))
    if recipe.augment == "crop-flip":
        x = crop_flip(x, seeds.generator(recipe.seed, "augment", step))
    batch = Batch(
        parts.computed.train(),
        parts.attacked,
        x,
        y,
        lambda loss: perturb(recipe, parts.attacked, x, loss, noise),
        done,
        parts.critics,
    )
    loss = recipe.objective(batch)
    for optimizer in parts.optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()
    for group in parts.optimizers[0].param_groups:
        group["lr"] = recipe.rate(done)
    for optimizer in parts.optimizers:
        optimizer.step()
    noted = {"loss": loss.detach(), **batch.notes}
    return dict(zip(noted, torch.stack([*noted.values()]).tolist(), strict=True))  # one wait


class _Mixed(nn.Module):
    """A net in bfloat16 wherever that is safe. Logits are float32, and so is all that a loss makes
    of them: MART's log(1 − p) and NAMID's cosines end where bfloat16 has steps of 2⁻⁸."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> (n, classes)."""
        with torch.autocast(x.device.type, torch.bfloat16):
            logits: torch.Tensor = self.net(x)
        return logits.float()


def _parts(
    recipe: Recipe,
    data: Dataset,
    device: str,
    base: Classifier | None,
    critics: Mapping[str, Reference],
) -> _Parts:
    """The net and the critics with the weights they start from, and their optimizers."""
    defense = recipe.objective
    missing = set(defense.fitted) - set(critics)
    if missing:
        raise InputError(f"{recipe.defense} needs fitted critics: {', '.join(sorted(missing))}")
    with seeds.forked(seeds.derive(recipe.seed, "weights")):
        net = build(recipe.arch, data.shape, len(data.classes)).to(device)
    if recipe.start == "base":
        _start_from(base, net, recipe.arch)
    check_fits(Classifier(copy.deepcopy(net), recipe.arch), data.shape, len(data.classes))
    used = {
        name: _critic(name, recipe, data, device, critics)
        for name in dict.fromkeys([*defense.fitted, *defense.trained])
    }
    optimizers = [_optimizer(recipe, net)]
    weights = [w for name in defense.trained for w in used[name].critic.parameters()]
    if weights:
        optimizers.append(torch.optim.Adam(weights, CRITIC_LR))
    mixed, other = recipe.precision == "bfloat16", twin(net).eval()
    computed, attacked = (_Mixed(net), _Mixed(other)) if mixed else (net, quick(other))
    return _Parts(recipe, device, net, computed, attacked, used, optimizers)


def _start_from(base: Classifier | None, net: nn.Module, arch: str) -> None:
    """Give the net the weights of the base. Raises InputError for none, or those of another net."""
    if base is None:
        raise InputError("a training that starts from its base needs that model; name one")
    try:
        net.load_state_dict(base.net.state_dict())
    except RuntimeError:
        raise InputError(
            f"{base.origin} does not have the weights of {arch}; start fresh"
        ) from None


def _critic(
    name: str, recipe: Recipe, data: Dataset, device: str, critics: Mapping[str, Reference]
) -> Reference:
    """A critic of its own for this training: a copy of the fitted one, or a new one."""
    if name in critics:
        given = critics[name]
        critic = copy.deepcopy(given.critic).to(device)
        critic.requires_grad_(name in recipe.objective.trained)
        return Reference(critic, given.vectors.to(device))
    seed = seeds.derive(recipe.seed, "critic", name)
    critic = image_critic(data.shape[0], len(data.classes), seed=seed).to(device)
    return Reference(critic, torch.empty(0, device=device))


def _optimizer(recipe: Recipe, net: nn.Module) -> torch.optim.Optimizer:
    if recipe.optimizer == "adam":
        return torch.optim.Adam(net.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        net.parameters(), recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay
    )


def _stateful(parts: _Parts) -> dict[str, nn.Module | torch.optim.Optimizer]:
    """All whose state a checkpoint keeps, by name."""
    critics = {f"critic {name}": used.critic for name, used in parts.critics.items()}
    optimizers = {f"optimizer {i}": used for i, used in enumerate(parts.optimizers)}
    return {"net": parts.net, **critics, **optimizers}

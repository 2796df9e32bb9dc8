"""A NAMID step against an AT step, and AT against a plain loop, in one process run.

Both train on from the zoo's AT model, so that as many pairs are selected as in earnest. Time is
processor time of one thread, the least of several epochs of ten steps.
Usage: python tests/benchmarks/bench_training.py [rounds]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from workbench.data import Dataset, load_data
from workbench.defenses.recipe import Recipe
from workbench.defenses.training import train
from workbench.information import Reference, image_critic
from workbench.models import Classifier, build, load_model

STEPS, BATCH = 10, 128


def samples(count: int) -> Dataset:
    """The first training images of Fashion-MNIST."""
    data = load_data("fashion-mnist", "train")
    return Dataset("some", "train", data.images[:count], data.labels[:count], data.classes)


def colourful(data: Dataset) -> Dataset:
    """The same images as 3×32×32."""
    images = np.pad(data.images, ((0, 0), (0, 0), (2, 2), (2, 2))).repeat(3, 1)
    return Dataset("colourful", "train", images, data.labels, data.classes)


def critics(data: Dataset, units: int) -> dict[str, Reference]:
    """Critics as they start: their cost does not depend on their weights."""
    x, _ = data.batch(0, min(4000, len(data)))
    noise = 0.2 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) - 0.1
    logits = torch.randn(len(x), len(data.classes), generator=torch.Generator().manual_seed(1))
    found = {}
    for name, patterns in (("natural", x), ("adversarial", noise)):
        critic = image_critic(x.shape[1], logits.shape[1], units, seed=0)
        critic.calibrate(patterns, logits)
        found[name] = Reference.of(critic, patterns)
    return found


def ours(
    defense: str, arch: str, base: Classifier, data: Dataset, references: dict[str, Reference]
) -> Callable[[], None]:
    """An epoch of the training loop."""
    recipe = Recipe(defense, data.name, arch, epochs=1, batch=BATCH, base="given", start="base")

    def epoch() -> None:
        with tempfile.TemporaryDirectory() as folder:
            train(recipe, data, Path(folder) / "state", base=base, critics=references)

    return epoch


def plain(base: Classifier, data: Dataset) -> Callable[[], None]:
    """AT as one would write it by hand."""
    x_all, y_all = data.batch(0, len(data))

    def epoch() -> None:
        net = build("small-cnn", data.shape, len(data.classes))
        net.load_state_dict(base.net.state_dict())
        optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=2e-4)
        for rows in torch.randperm(len(data)).split(BATCH):
            x, y = x_all[rows], y_all[rows]
            x_adv = (x + 0.2 * torch.rand_like(x) - 0.1).clamp(0, 1)
            for _ in range(10):
                x_adv.requires_grad_()
                loss = nn.functional.cross_entropy(net(x_adv), y)
                (gradient,) = torch.autograd.grad(loss, x_adv)
                x_adv = x_adv.detach() + 0.025 * gradient.sign()
                x_adv = torch.min(torch.max(x_adv, x - 0.1), x + 0.1).clamp(0, 1)
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x_adv), y).backward()
            optimizer.step()

    return epoch


def compared(sides: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """The least seconds of each side, whose epochs take turns."""
    least = dict.fromkeys(sides, float("inf"))
    for _ in range(rounds + 1):
        for name, epoch in sides.items():
            began = time.process_time()
            epoch()
            least[name] = min(least[name], time.process_time() - began)
    return least


def main(rounds: int = 5) -> None:
    """Print the ratios."""
    torch.set_num_threads(1)
    data, base = samples(STEPS * BATCH), load_model("zoo:fashion-mnist/standard-at")
    common = "small-cnn", base, data
    sides = {"plain AT": plain(base, data), "AT": ours("standard-at", *common, {})}
    for units in (128, 512, 2048):
        sides[f"NAMID {units}"] = ours("namid:alpha=1e-6", *common, critics(data, units))
    report(compared(sides, rounds), STEPS * BATCH)
    large = colourful(samples(BATCH))
    net = Classifier(build("resnet18", large.shape, 10), "resnet18")
    sides = {
        "AT": ours("standard-at", "resnet18", net, large, {}),
        "NAMID 128": ours("namid:alpha=1e-6", "resnet18", net, large, critics(large, 128)),
    }
    report(compared(sides, 1), BATCH)


def report(seconds: dict[str, float], images: int) -> None:
    """A line per side: time per image, and its ratio to AT."""
    for name, value in seconds.items():
        milliseconds = 1e3 * value / images
        print(f"{name:12} {milliseconds:7.3f} ms per image, {value / seconds['AT']:.2f} × AT")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

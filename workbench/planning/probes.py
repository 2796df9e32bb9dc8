"""A few steps of each kind of work, timed: seconds that a whole unit would take."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from workbench.attacks import Attack
from workbench.data import Dataset
from workbench.defenses.recipe import Recipe
from workbench.defenses.training import train
from workbench.evaluation.measure import measure
from workbench.evaluation.verify import logits_of
from workbench.information import Fit, Reference, fit_critic, image_critic, with_null
from workbench.information.attacks import critic_attack
from workbench.models import Classifier
from workbench.seeds import generator
from workbench.specs import Experiment
from workbench.threat import ThreatModel

FEW, MORE = 4, 12  # samples of an attack: two sizes, as a pass has a cost that no sample has
QUICK = 1.0  # seconds: an attack that takes less is tried on all samples
STEPS = 5  # of a training
FIT_STEPS = 10, 20  # of fits: two numbers, as the checks of a fit are as many for each
PAIRS = 2000  # that a fit is tried on


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def attack(
    model: Classifier, data: Dataset, threat: ThreatModel, chosen: Attack, samples: int
) -> float:
    """Seconds of an attack on so many samples, by a straight line through two smaller numbers."""

    def on(n: int) -> float:
        x, y = data.batch(0, n, model.device)
        return seconds(lambda: measure(model, x, y, 0, chosen, threat, 0))

    on(1)  # what is done once is no part of it
    few, more = on(FEW), on(MORE)
    if more < QUICK:
        return on(min(samples, len(data)))
    return more + max(0.0, more - few) / (MORE - FEW) * (samples - MORE)


def knowing(
    model: Classifier, data: Dataset, threat: ThreatModel, name: str, samples: int
) -> float:
    """Seconds of an attack that knows the critics."""
    chosen = critic_attack(name)
    found = _reference(data, Fit().units, str(model.device))
    references = dict.fromkeys(chosen.needs, found)
    return attack(model, data, threat, replace(chosen, references=references), samples)


def verdicts(model: Classifier, data: Dataset, samples: int) -> float:
    """Seconds of judging a unit of another model's samples: four looks at each."""
    x, _ = data.batch(0, FEW, model.device)
    return 4 * samples / FEW * seconds(lambda: logits_of(model, x))


def fit(model: Classifier, data: Dataset, chosen: Fit) -> float:
    """Seconds of fitting a critic of a model."""
    x, _ = data.batch(0, max(PAIRS, 2 * chosen.batch), model.device)
    outputs = torch.randn(len(x), len(data.classes), device=model.device)
    critic = image_critic(x.shape[1], outputs.shape[1], chosen.units, seed=0).to(model.device)

    def of(steps: int) -> float:
        short = replace(chosen, steps=steps, objective="mim")
        return seconds(lambda: fit_critic(critic, x, outputs, short, generator(0)))

    of(FIT_STEPS[0])  # what is done once is no part of it
    few, more = map(of, FIT_STEPS)
    step = max(0.0, more - few) / (FIT_STEPS[1] - FIT_STEPS[0])
    return more + step * (chosen.steps - FIT_STEPS[1])


def scores(model: Classifier, data: Dataset, units: int, samples: int) -> float:
    """Seconds of scoring a unit: two outputs by two critics, and one by the natural."""
    reference = _reference(data, units, str(model.device))
    x, _ = data.batch(0, samples, model.device)
    outputs = torch.randn(len(x), len(data.classes), device=model.device)
    partner = torch.arange(len(x), device=model.device).roll(1)

    def of(*names: str) -> float:
        given = dict.fromkeys(names, outputs)
        return seconds(lambda: with_null(reference, x, given, partner))

    return 2 * of("natural", "adversarial") + of("received")


def training(recipe: Recipe, data: Dataset, device: str) -> float:
    """Seconds of a training: a few of its steps, as often as it has them."""
    rows = np.arange(min(len(data), STEPS * recipe.batch))
    few = Dataset(data.name, data.split, data.images[rows], data.labels[rows], data.classes)
    critics = {name: _reference(data, recipe.units, device) for name in recipe.objective.fitted}
    short = replace(recipe, epochs=1, start="fresh", keep=())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint"
        taken = seconds(lambda: train(short, few, path, device, critics=critics))
    return taken * recipe.epochs * len(data) / len(few)


def experiment(chosen: Experiment, seed: int) -> float:
    """Seconds of an experiment, which is done as a whole."""
    return seconds(lambda: chosen(seed))


def _reference(data: Dataset, units: int, device: str) -> Reference:
    """A critic that was fitted to nothing, with a reference set."""
    x, _ = data.batch(0, min(len(data), 4000), device)
    critic = image_critic(x.shape[1], len(data.classes), units, seed=0).to(device)
    critic.calibrate(x, torch.randn(len(x), len(data.classes), device=device))
    return Reference.of(critic, x)

"""The cascades against AutoAttack `standard` by its authors' package, in one process run.

For each model it prints AutoAttack's robust accuracy and cost, and for each cascade how many
verdicts are equal, how many points its robust accuracy lies above, what is proved, and the ratios
of time and of forward passes (above 1: the cascade is cheaper). Time is processor time of one
thread, so that other work on the machine hardly counts.
It fails where a verdict of cascade-exact differs, or an attack breaks what a bound had proved.

Usage: python tests/benchmarks/bench_cascade.py [samples] [batch] [model ...]
"""

import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from pyautoattack import AutoAttack

from workbench.attacks import attack
from workbench.data import Dataset, load_data
from workbench.evaluation.measure import measure
from workbench.models import Classifier, load_model
from workbench.models.counted import Counted
from workbench.seeds import forked
from workbench.specs import ranges
from workbench.threat import ThreatModel

TESTS = Path(__file__).resolve().parents[1]
SHARED = TESTS.parents[1] / "shared"
CASES = {  # model: data, norm, ε
    "natural": ("fashion-mnist", "Linf", "0.1"),
    "standard-at": ("fashion-mnist", "Linf", "0.1"),
    "fashion_wong_01": ("fashion-mnist", "Linf", "0.1"),
    "cifar10_wong_small_8px": ("cifar10_jpeg_20k", "Linf", "8/255"),
    "cifar10_cnn_a_adv": ("cifar10_jpeg_20k", "Linf", "2/255"),
    "cifar10_resnet2b": ("cifar10_jpeg_20k", "Linf", "2/255"),
    "mnist_madry_tiny": ("mnist", "Linf", "0.3"),
    "standard-at-l2": ("fashion-mnist", "L2", "1.5"),
    "mart-l2": ("fashion-mnist", "L2", "1.5"),
    "namid-l2": ("fashion-mnist", "L2", "1.5"),
}
CASCADES = ("cascade-exact", "cascade", "cascade-fast")
SEED = 0


def model_of(name: str) -> Classifier:
    """A model of the zoo, or one that other groups trained."""
    if "_" not in name:
        return load_model(f"zoo:fashion-mnist/{name}")
    weights = SHARED / "models" / name / "weights.safetensors"
    return load_model(str(weights), f"{TESTS / 'recipes.py'}:{name}")


def data_of(name: str) -> Dataset:
    """Test images: by name, or of the shared folder."""
    if name == "fashion-mnist":
        return load_data(name)
    with np.load(SHARED / "data" / f"{name}.npz") as file:
        x, y = file["test_x"], file["test_y"]
    images = np.ascontiguousarray(x.reshape(*x.shape[:3], -1).transpose(0, 3, 1, 2))
    return Dataset(name, "test", images, y.astype(np.int64), tuple("0123456789"))


def authors(model: Classifier, x: torch.Tensor, y: torch.Tensor, threat: ThreatModel):
    """AutoAttack's verdicts (n,), its forward passes and its seconds."""
    counted = Counted(model)
    adversary = AutoAttack(counted, norm=threat.norm, eps=threat.epsilon, seed=SEED, device="cpu")
    adversary.verbose = False
    began = time.process_time()
    with forked(SEED):
        x_adv, _ = adversary.run_standard_evaluation(x, y, batch_size=len(x))
    seconds = time.process_time() - began
    with torch.no_grad():
        robust = (model(x_adv).argmax(1) == y).numpy()
    return robust, counted.forward_passes, seconds


def compare(name: str, samples: int, size: int) -> list[str]:
    """Print a model's lines, and return what went wrong."""
    data, norm, eps = CASES[name]
    model, images, threat = model_of(name), data_of(data), ThreatModel(norm, eps)
    verdicts: dict[str, list[np.ndarray]] = {}
    proofs: dict[str, list[np.ndarray]] = {}
    passes, seconds = Counter[str](), Counter[str]()
    for start, stop in ranges(0, samples, size):
        x, y = images.batch(start, stop)
        robust, forwards, spent = authors(model, x, y, threat)
        verdicts.setdefault("autoattack", []).append(robust)
        passes["autoattack"] += forwards
        seconds["autoattack"] += spent
        for cascade in CASCADES:
            began = time.process_time()
            found = measure(model, x, y, start, attack(cascade), threat, SEED)
            seconds[cascade] += time.process_time() - began
            passes[cascade] += found.forward_passes
            verdicts.setdefault(cascade, []).append(found.rows["robust"].to_numpy())
            proofs.setdefault(cascade, []).append(found.rows["certified"].to_numpy())
    robust = {key: np.concatenate(parts) for key, parts in verdicts.items()}
    proved = {key: np.concatenate(parts) for key, parts in proofs.items()}
    theirs = robust["autoattack"]
    print(
        f"{name} {threat}, {samples} images: autoattack robust {100 * theirs.mean():.1f} %, "
        f"{1000 * seconds['autoattack'] / samples:.1f} ms and "
        f"{passes['autoattack'] / samples:.0f} forwards per image"
    )
    for key in CASCADES:
        print(
            f"  {key:14} equal {(robust[key] == theirs).sum()} of {samples}, "
            f"{100 * (robust[key].mean() - theirs.mean()):+.1f} points, "
            f"proved {100 * proved[key].mean():.1f} %, "
            f"time ratio {seconds['autoattack'] / seconds[key]:.2f}, "
            f"forwards ratio {passes['autoattack'] / passes[key]:.1f}",
            flush=True,
        )
    broken = sum(
        int((proved[key] & ~np.logical_and.reduce([*robust.values()])).sum()) for key in proved
    )
    differing = int((robust["cascade-exact"] != theirs).sum())
    wrong = [f"{name}: {differing} verdicts of cascade-exact differ"] if differing else []
    return wrong + ([f"{name}: {broken} proofs are broken"] if broken else [])


def main(samples: int, size: int, names: list[str]) -> None:
    """Compare on every model that is there."""
    torch.set_num_threads(1)
    there = [name for name in CASES if "_" not in name or (SHARED / "models" / name).is_dir()]
    wrong = [flaw for name in names or there for flaw in compare(name, samples, size)]
    if wrong:
        sys.exit("; ".join(wrong))


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:3]]
    main(*(numbers + [500, 250][len(numbers) :]), sys.argv[3:])

"""How long the explorer takes to answer, with 10000 samples of 8 models: milliseconds per change.

MI values are drawn at random; images are those of Fashion-MNIST, from a store. What the browser
then draws is not counted.

Usage: python tests/benchmarks/bench_explore.py [samples] [models]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.data import Dataset, load_data
from workbench.evaluation.records import MI_COLUMNS
from workbench.evaluation.store import Store, Stored
from workbench.explore import Explorer, View
from workbench.models import Classifier, load_model
from workbench.specs import ranges
from workbench.threat import ThreatModel

BUDGETS = ("0.05", "0.1")


def rows_of(data: Dataset, samples: int, seed: int) -> pd.DataFrame:
    """Records with random MI."""
    noise = np.random.default_rng(seed)
    labels = data.labels[:samples]
    wrong = noise.random(samples) < 0.5
    values = {name: noise.normal(size=samples) for name in MI_COLUMNS}
    return pd.DataFrame(
        {
            "index": np.arange(samples),
            "label": labels,
            "clean_prediction": labels,
            "adversarial_prediction": np.where(wrong, (labels + 1) % 10, labels),
            "clean_margin": np.abs(noise.normal(size=samples)),
            "adversarial_margin": np.where(wrong, -1.0, 1.0),
            "clean_confidence": noise.random(samples),
            "adversarial_confidence": noise.random(samples),
            "robust": ~wrong,
            **values,
        }
    )


def units_of(store: Store, data: Dataset, samples: int) -> list[Stored]:
    """Units that hold x̃."""
    noise = np.random.default_rng(0)
    units = []
    for start, stop in ranges(0, samples):
        x, _ = data.batch(start, stop)
        x_adv = (x.numpy() + noise.uniform(-0.1, 0.1, x.shape)).clip(0, 1).astype(np.float32)
        spec = {"start": start, "stop": stop}
        units.append(store.write(f"{start:032x}", spec, None, {"x_adv": x_adv}, {}))
    return units


def explorer(samples: int, models: int, store: Store) -> Explorer:
    """An explorer of so many models, all one net under many names."""
    data = load_data("fashion-mnist", "test")
    net = load_model("zoo:fashion-mnist/natural").net
    units = units_of(store, data, samples)
    attack = "pgd-40:stop_at_success=false"
    return Explorer(
        [
            View(
                *(Classifier(net, f"model {i}"), data, ThreatModel("Linf", eps), attack, 0),
                rows_of(data, samples, 10 * i + j),
                units,
            )
            for i in range(models)
            for j, eps in enumerate(BUDGETS)
        ]
    )


def timed(name: str, act: Callable[[], None]) -> None:
    """Print how long it took."""
    began = time.perf_counter()
    act()
    print(f"  {name:28}{1000 * (time.perf_counter() - began):6.0f} ms")


def main(samples: int, models: int) -> None:
    """Make each kind of change twice: a first look at a model, and one at what was seen already."""
    with tempfile.TemporaryDirectory() as folder:
        shown = explorer(samples, models, Store(Path(folder)))
        print(f"{samples} samples of {models} models")
        for again in ("", ", again"):
            for i in (1, 2, 0):
                timed(f"model {i}{again}", lambda i=i: shown.model.set_trait("value", f"model {i}"))
            timed(f"ε{again}", lambda: shown.eps.set_trait("value", BUDGETS[not shown.eps.index]))
            timed(f"beside it{again}", lambda: shown.second.set_trait("value", "model 1"))
            timed(f"brush of 3000{again}", lambda: shown.brush(np.arange(3000)))
            timed(f"class{again}", lambda: shown.label.set_trait("value", shown.label.options[3]))
            timed(f"all classes{again}", lambda: shown.label.set_trait("value", "all"))
            timed(f"colour{again}", lambda: shown.colour.set_trait("value", "class"))
            timed(f"ranges{again}", lambda: shown.ranges[0].slider.set_trait("value", (-1.0, 1.0)))
            timed(f"order{again}", lambda: shown.order.set_trait("value", "margin, x̃"))
            timed(f"axes{again}", lambda: shown.across.set_trait("value", "margin"))
            timed(f"density{again}", lambda: shown.density.set_trait("value", True))
            timed(f"two samples closely{again}", lambda: shown.gallery.set_trait("chosen", 7))
            shown.gallery.chosen = -1
            shown.across.value, shown.density.value = "natural MI", False
            shown.order.value = "sample"
            shown.clear.click()
            shown.colour.value, shown.second.value = "output", "–"


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:3]]
    main(*(numbers + [10000, 8][len(numbers) :]))

"""From names to an explorer."""

from collections.abc import Sequence
from pathlib import Path

from workbench.data import load_data
from workbench.devices import device_of
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.information import ATTACK
from workbench.evaluation.store import Store
from workbench.explore.explorer import Explorer
from workbench.explore.views import views
from workbench.models import Classifier, load_model
from workbench.models.load import ZOO
from workbench.options import DEFAULT_SAMPLES, DEFAULT_STORE
from workbench.progress import Progress, no_progress
from workbench.screen import say
from workbench.threat import ThreatModel

MODELS = ("natural", "standard-at")  # of the zoo, where no model is named
FIT_SAMPLES = 10000


def explore(
    models: Sequence[str | Classifier] = (),
    data: str = "fashion-mnist",
    norm: str = "Linf",
    eps: Sequence[str] = ("0.1",),
    attacks: Sequence[str] = (ATTACK,),
    *,
    arch: str | None = None,
    samples: int | None = None,
    fit_samples: int = FIT_SAMPLES,
    seed: int = 0,
    store: Path | str = DEFAULT_STORE,
    device: str = "auto",
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> Explorer:
    """The explorer of models under attacks at budgets ε; what the store lacks is computed first.

    models: references or classifiers; without any, two of the zoo for the data. arch: of the
    references that are weights files. samples: 1000, or all where there are fewer.
    Raises InputError as `mutual_information` says.
    """
    train, test = load_data(data, "train", say), load_data(data, "test", say)
    device, shape, classes = device_of(device), test.shape, len(test.classes)
    names = models or [f"{ZOO}{test.name}/{kind}" for kind in MODELS]
    loaded = [
        load_model(one, arch, device, shape, classes) if isinstance(one, str) else one
        for one in names
    ]
    made, warnings = views(
        loaded,
        train,
        test,
        [ThreatModel(norm, budget) for budget in eps],
        attacks,
        Store(store, say),
        samples=samples or min(DEFAULT_SAMPLES, len(test)),
        fit_samples=fit_samples,
        seed=seed,
        progress=progress,
        executor=executor,
    )
    return Explorer(made, warnings)

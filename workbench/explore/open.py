"""From what a user has to an explorer."""

from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

from torch import nn

from workbench.errors import InputError
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.information import ATTACK, usual_fit_samples
from workbench.explore.explorer import Explorer
from workbench.explore.views import views
from workbench.inputs import (
    Data,
    Model,
    Where,
    archs_of,
    as_attacks,
    as_data,
    as_model,
    as_store,
)
from workbench.models import Classifier, zoo
from workbench.models.load import ZOO
from workbench.options import DEFAULT_STORE, chosen_samples
from workbench.progress import Progress, no_progress
from workbench.threat import ThreatModel

MODELS = ("natural", "standard-at")  # of the zoo, where no model is named
MODEL = (str, Path, nn.Module)  # what is one model


def explore(
    models: Sequence[Model] | Model = (),
    data: Data = "fashion-mnist",
    norm: str = "Linf",
    eps: Sequence[str] | str = ("0.1",),
    attacks: Sequence[str] | str = (ATTACK,),
    *,
    arch: str | None = None,
    samples: int | None = None,
    fit_samples: int | None = None,
    seed: int = 0,
    store: Where = DEFAULT_STORE,
    device: str = "auto",
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> Explorer:
    """The explorer of models under attacks at budgets ε; what the store lacks is computed first.

    models: references, modules or classifiers, or one; without any, two of the zoo for the data.
    arch: of the references that are weights files. samples, fit_samples: as `mutual_information`.
    Raises InputError as `mutual_information` says, and for a model, an ε or an attack named twice.
    """
    train, test = as_data(data, "train"), as_data(data)
    budgets = [eps] if isinstance(eps, str) else list(eps)
    wanted = [models] if isinstance(models, MODEL) else list(models)
    named = wanted or _of_the_zoo(test.name)
    archs = archs_of(named, [arch] if arch else [])
    loaded = _told_apart(
        [as_model(one, test, device, its) for one, its in zip(named, archs, strict=True)]
    )
    looked_at = chosen_samples(samples, test)
    made, warnings = views(
        loaded,
        train,
        test,
        [ThreatModel(norm, budget) for budget in budgets],
        as_attacks(attacks),
        as_store(store),
        samples=looked_at,
        fit_samples=usual_fit_samples(train, test, looked_at, fit_samples),
        seed=seed,
        progress=progress,
        executor=executor,
    )
    return Explorer(made, warnings)


def _of_the_zoo(data: str) -> list[str]:
    """The models that are looked at where none is named. Raises InputError without any."""
    names = [f"{data}/{kind}" for kind in MODELS]
    if not all(map(zoo.has, names)):
        raise InputError(f"the zoo has no models for {data}; name one to look at")
    return [f"{ZOO}{name}" for name in names]


def _told_apart(models: list[Classifier]) -> list[Classifier]:
    """The models, where those of one origin are numbered. Raises InputError for one that is twice.

    A classifier of the caller's keeps its name: a copy has the number.
    """
    found: dict[str, Classifier] = {}
    for model in models:
        if any(model.fingerprint == other.fingerprint for other in found.values()):
            raise InputError(f"{model.origin} is there twice; name each model once")
        names = chain([model.origin], (f"{model.origin} {number}" for number in count(2)))
        name = next(each for each in names if each not in found)
        found[name] = model if name == model.origin else Classifier(model.net, name)
    return list(found.values())

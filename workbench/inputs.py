"""What a user has at hand, as what the battery takes: models, data, threat models, stores."""

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from workbench.attacks import names
from workbench.data import Dataset, from_arrays, load_data
from workbench.devices import device_of
from workbench.errors import InputError
from workbench.evaluation.store import Store
from workbench.models import Classifier, Loading, load_model, needs_arch
from workbench.models.load import AS_IS, BROKEN
from workbench.models.scripted import scripted
from workbench.screen import say
from workbench.threat import ThreatModel

Model = Classifier | nn.Module | Path | str
Images = np.ndarray | torch.Tensor
Data = Dataset | Path | str | tuple[Images, Images]
Threat = ThreatModel | str
Where = Store | Path | str


def as_model(
    model: Model,
    data: Dataset,
    device: str = "auto",
    arch: str | None = None,
    loading: Loading = AS_IS,
) -> Classifier:
    """A classifier for the data. A module is copied first, since a classifier freezes its net.

    model: a reference as `load_model` takes it or broken:NAME, a module, or a classifier. arch: of
    a weights file. loading: as `load_model` has it. Raises InputError for what is no model.
    """
    where = device_of(device)
    if isinstance(model, Classifier):  # whose net may have changed since it was wrapped
        return Classifier(model.net, model.origin, model.filled)
    if isinstance(model, nn.Module):
        if isinstance(model, torch.jit.ScriptModule):
            net: nn.Module = scripted(model)
        else:
            net = copy.deepcopy(model)
        return Classifier(net.to(where), type(model).__name__)
    if not isinstance(model, str | Path):
        raise InputError(f"a model is a reference, a module or a classifier, not {_kind(model)}")
    reference = str(model)
    if reference.startswith(BROKEN):
        if arch is not None or loading != AS_IS:
            raise InputError(
                f"{reference} comes as it is; leave off --arch and what goes around a model"
            )
        from workbench.audit import broken_model  # loads what only audits need

        return broken_model(reference.removeprefix(BROKEN), where)
    return load_model(reference, arch, where, data.shape, len(data.classes), loading)


def archs_of(models: Sequence[Model], given: Sequence[str]) -> list[str | None]:
    """The architecture of each model: of weights files those given, one for all or one for each.

    Raises InputError where their numbers do not fit, and for a file that is not there.
    """
    weights = [_takes_arch(model) for model in models]
    if given and not any(weights):
        raise InputError(f"no model here is a weights file; leave the architecture {given[0]} out")
    if len(given) not in (0, 1, sum(weights)):
        raise InputError(
            f"{sum(weights)} weights files and {len(given)} architectures: name one, or one for "
            "each"
        )
    each = iter([*given] * sum(weights) if len(given) == 1 else given)
    return [next(each, None) if takes else None for takes in weights]


def _takes_arch(model: Model) -> bool:
    """Whether a model is a file of weights alone, whose architecture must be named."""
    named = isinstance(model, str | Path) and not str(model).startswith(BROKEN)
    return named and needs_arch(str(model))


def as_data(data: Data, split: str = "test") -> Dataset:
    """A data set. Images as numbers are one split, whatever is asked for.

    Raises InputError for what is no data set.
    """
    if isinstance(data, str | Path):
        return load_data(str(data), split, say)
    if isinstance(data, Dataset):
        return data
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise InputError(
            f"data is {_kind(data)}; give a name, a path, a Dataset, or images and labels"
        )
    try:
        images, labels = (
            np.array(part.detach().cpu() if isinstance(part, torch.Tensor) else part)
            for part in data  # copies: a Dataset's arrays are read-only
        )
    except ValueError:
        raise InputError("images and labels are no arrays: their rows differ in length") from None
    return Dataset("own", "test", *from_arrays(images, labels, "own data"), counted=True)


def as_threat(threat: Threat) -> ThreatModel:
    """A threat model, from its norm and ε with a space between.

    Raises InputError for anything else.
    """
    if isinstance(threat, ThreatModel):
        return threat
    parts = threat.split() if isinstance(threat, str) else []
    if len(parts) != 2:
        raise InputError(f"the threat model {threat!r} is not like 'Linf 8/255' or 'L2 0.5'")
    return ThreatModel(*parts)


def as_store(store: Where) -> Store:
    """A store, from its folder."""
    return store if isinstance(store, Store) else Store(store, say)


def as_attacks(attacks: Sequence[str] | str) -> list[str]:
    """Names of attacks, from a list, or from a text with commas between as `--attacks` has it."""
    return names(attacks) if isinstance(attacks, str) else list(attacks)


def _kind(thing: object) -> str:
    return f"a {type(thing).__name__}"

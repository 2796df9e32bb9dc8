"""One function from a reference to a classifier, whatever the format."""

from pathlib import Path

import torch
from torch import nn

from workbench.errors import InputError
from workbench.models import zoo
from workbench.models.architectures import Shape
from workbench.models.classifier import Classifier
from workbench.models.factories import HOW, build, in_one_line, path_of
from workbench.models.formats import NETS, kind_of
from workbench.models.libraries import LIBRARIES, from_library
from workbench.models.memory import believable_memory
from workbench.models.weights import fill, read_weights, without_prefix
from workbench.models.wrapped import Loading

ZOO, BROKEN = "zoo:", "broken:"  # before names of shipped models, and of audits' planted flaws
AS_IS = Loading()


def load_model(
    reference: str,
    arch: str | None = None,
    device: str | torch.device = "cpu",
    shape: Shape | None = None,
    classes: int | None = None,
    loading: Loading = AS_IS,
) -> Classifier:
    """A frozen classifier, ready to be attacked.

    ``reference`` is one of

    - ``zoo:<data>/<name>``, ``robustbench:<data>/<norm>/<name>``, ``timm:<name>``, ``hf:<name>``;
    - the path of a TorchScript, torch.export (.pt2) or ONNX file;
    - the path of a weights file: safetensors, or a state dict saved by torch, perhaps inside a
      checkpoint. It needs ``arch``: a short name from ``ARCHITECTURES``,
      ``"package.module:factory"`` or ``"path/to/file.py:factory"``, where the factory takes no
      arguments. A short name is built for images of ``shape`` (c, h, w) and for ``classes``
      classes, where given.

    The content tells a file's format. ``loading`` chooses among several state dicts, and puts a
    normalisation and an order of channels and classes around the model. Raises ``InputError``,
    one line, for everything that is wrong with file or architecture.
    """
    net, origin, filled = _net(reference, arch, shape, classes, loading.weights)
    net, around = loading.around(net, shape)
    return Classifier(_moved(net, device), origin + around, filled)


def needs_arch(reference: str) -> bool:
    """Whether a reference names weights alone. Raises InputError for a file that is not there."""
    return not reference.startswith((ZOO, *LIBRARIES)) and kind_of(path_of(reference)) not in NETS


def _net(
    reference: str,
    arch: str | None,
    shape: Shape | None,
    classes: int | None,
    wanted: str | None,
) -> tuple[nn.Module, str, int]:
    """The net, what to call it, and how many tensors of its file filled it (Classifier.filled)."""
    if reference.startswith((ZOO, *LIBRARIES)):
        if wanted is not None:
            raise InputError(f"{reference} has weights of its own: leave weights={wanted!r} out")
        if arch is not None:
            raise InputError(f"{reference} names its own architecture: leave {arch!r} out")
        if reference.startswith(ZOO):
            net = _from_zoo(reference)
            return net, reference, len(net.state_dict())
        return from_library(reference), reference, 0
    path = path_of(reference)
    kind = kind_of(path)
    if kind not in NETS:
        net, origin = _from_weights(path, kind, arch, shape, classes, wanted)
        return net, origin, len(net.state_dict())
    if arch is not None or wanted is not None:
        raise InputError(f"{reference} holds a whole net: leave {arch or wanted!r} out")
    with believable_memory(path):
        net, note = NETS[kind](path, shape)
    return net, f"{reference} ({note})", 0


def _from_zoo(reference: str) -> nn.Module:
    name = reference.removeprefix(ZOO)
    weights, _ = read_weights(zoo.path(name), "safetensors")
    card = zoo.card(name)
    shape = tuple(card["shape"]) if "shape" in card else None
    net = build(card["architecture"], shape, card.get("classes"))
    fill(net, weights, reference)
    return net


def _from_weights(
    path: Path,
    kind: str,
    arch: str | None,
    shape: Shape | None,
    classes: int | None,
    wanted: str | None,
) -> tuple[nn.Module, str]:
    with believable_memory(path):
        weights, chosen = read_weights(path, kind, wanted)
    if arch is None:
        raise InputError(f"{path} holds weights only, so name its architecture: {HOW}")
    net = build(arch, shape, classes)
    weights, dropped = without_prefix(weights, net.state_dict())
    fill(net, weights, str(path))
    stripped = f" (prefix {dropped} stripped)" if dropped else ""
    return net, f"{path}{chosen} as {arch}{stripped}"


def _moved(net: nn.Module, device: str | torch.device) -> nn.Module:
    try:
        return net.to(device)
    # torch without CUDA raises an AssertionError, MPS a TypeError for double precision
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InputError(f"cannot use device {str(device)!r}: {in_one_line(error)}") from error


def check_fits(model: Classifier, shape: Shape, classes: int) -> None:
    """Check that the model takes images of ``shape`` (c, h, w) and knows ``classes`` classes.

    One forward pass of two black images: one alone would hide a model that drops the batch axis.
    Raises ``InputError`` where it fails, or gives another shape, too few logits or NaN.
    """
    images = f"images of {shape[0]}x{shape[1]}x{shape[2]}"
    with torch.no_grad():
        logits = model(torch.zeros(2, *shape, device=model.device))
    if logits.shape[1] < classes:
        raise InputError(
            f"{model.origin} gives outputs of shape {tuple(logits.shape)} for two {images}, "
            f"but the data with its {classes} classes needs (2, {classes})"
        )
    if not torch.isfinite(logits).all():
        raise InputError(f"{model.origin} gives NaN or infinite outputs for black {images}")

"""One function from a reference to a classifier, whatever the format."""

from pathlib import Path

import torch
from torch import Tensor, nn

from workbench.errors import InputError
from workbench.models import zoo
from workbench.models.architectures import Shape
from workbench.models.classifier import Classifier
from workbench.models.factories import HOW, build, in_one_line
from workbench.models.weights import fill, read_weights, without_prefix

ZOO = "zoo:"


def load_model(
    reference: str,
    arch: str | None = None,
    device: str | torch.device = "cpu",
    shape: Shape | None = None,
    classes: int | None = None,
) -> Classifier:
    """A frozen classifier, ready to be attacked.

    ``reference`` is ``zoo:<data>/<name>`` or the path of a weights file: safetensors, or a state
    dict saved by torch, at most one level deep in a checkpoint. A weights file needs ``arch``:
    a short name from ``ARCHITECTURES``, ``"package.module:factory"`` or
    ``"path/to/file.py:factory"``, where the factory takes no arguments. A short name is built for
    images of ``shape`` (c, h, w) and for ``classes`` classes, where given. Models of the zoo name
    architecture, shape and classes themselves.

    Raises ``InputError``, one line, for everything that is wrong with file or architecture.
    """
    if reference.startswith(ZOO):
        net, origin = _from_zoo(reference, arch), reference
    else:
        net, origin = _from_file(reference, arch, shape, classes)
    return Classifier(_moved(net, device), origin)


def _from_zoo(reference: str, arch: str | None) -> nn.Module:
    if arch is not None:
        raise InputError(f"{reference} names its own architecture: leave {arch!r} out")
    name = reference.removeprefix(ZOO)
    weights = read_weights(zoo.path(name))
    card = zoo.card(name)
    shape = tuple(card["shape"]) if "shape" in card else None
    net = build(card["architecture"], shape, card.get("classes"))
    fill(net, weights, reference)
    return net


def _from_file(
    reference: str, arch: str | None, shape: Shape | None, classes: int | None
) -> tuple[nn.Module, str]:
    weights = read_weights(Path(reference).expanduser())
    if arch is None:
        raise InputError(f"{reference} holds weights only, so name its architecture: {HOW}")
    net = build(arch, shape, classes)
    weights, dropped = without_prefix(weights, net.state_dict())
    fill(net, weights, reference)
    note = f" (prefix {dropped} stripped)" if dropped else ""
    return net, f"{reference} as {arch}{note}"


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
    logits = _logits_of_black(model, shape, images)
    if logits.ndim != 2 or len(logits) != 2 or logits.shape[1] < classes:
        raise InputError(
            f"{model.origin} gives outputs of shape {tuple(logits.shape)} for two {images}, "
            f"but the data with its {classes} classes needs (2, {classes})"
        )
    if not torch.isfinite(logits).all():
        raise InputError(f"{model.origin} gives NaN or infinite outputs for black {images}")


def _logits_of_black(model: Classifier, shape: Shape, images: str) -> Tensor:
    try:
        with torch.no_grad():
            logits = model(torch.zeros(2, *shape, device=model.device))
    except Exception as error:  # the user's forward may raise anything
        raise InputError(f"{model.origin} does not take {images}: {in_one_line(error)}") from error
    if not isinstance(logits, Tensor):
        raise InputError(f"{model.origin} gives a {type(logits).__name__}, not a tensor of logits")
    return logits

"""Models of other packages, by name: RobustBench, timm, transformers. None of them is required."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from torch import Tensor, nn

from workbench.errors import InputError
from workbench.models.architectures import Normalize
from workbench.models.factories import in_one_line

THREATS = ("Linf", "L2", "corruptions", "corruptions_3d")


class Logits(nn.Module):
    """A net of transformers, whose outputs are more than logits."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, classes)."""
        return self.net(pixel_values=x).logits


def from_robustbench(name: str) -> nn.Module:
    """``NAME``, ``Linf/NAME`` or ``cifar10/Linf/NAME``: these are data set and norm by default."""
    package = _package("robustbench.utils", "git+https://github.com/RobustBench/robustbench")
    *where, title = name.split("/")
    data, threat = [*("cifar10", "Linf")[: 2 - len(where)], *where][:2]
    if len(where) > 2 or threat not in THREATS:
        raise InputError(f"robustbench:{name} is not like robustbench:cifar10/Linf/NAME")
    try:
        return package.load_model(model_name=title, dataset=data, threat_model=threat)
    except KeyError as error:
        raise InputError(f"RobustBench has no model {title!r} for {data} and {threat}") from error


def from_timm(name: str) -> nn.Module:
    """With its pretrained weights, behind the normalisation that they were trained with."""
    net = _package("timm", "timm").create_model(name, pretrained=True)
    told = getattr(net, "pretrained_cfg", None) or {}
    return _normalized(net, told.get("mean"), told.get("std"))


def from_transformers(name: str) -> nn.Module:
    """An image classifier of the Hugging Face Hub, without code or pickles from there."""
    package = _package("transformers", "transformers")
    settings: dict[str, Any] = {"trust_remote_code": False}
    net = package.AutoModelForImageClassification.from_pretrained(
        name, use_safetensors=True, **settings
    )
    told = package.AutoImageProcessor.from_pretrained(name, **settings)
    normal = getattr(told, "do_normalize", True)
    mean, std = (getattr(told, f"image_{what}", None) for what in ("mean", "std"))
    return _normalized(Logits(net), mean if normal else None, std if normal else None)


LIBRARIES: dict[str, Callable[[str], nn.Module]] = {
    "robustbench:": from_robustbench,
    "timm:": from_timm,
    "hf:": from_transformers,
}


def from_library(reference: str) -> nn.Module:
    """A model whose reference starts as a line of ``LIBRARIES`` says.

    Raises ``InputError`` where the package is missing, or fails for whatever reason.
    """
    prefix = next(prefix for prefix in LIBRARIES if reference.startswith(prefix))
    try:
        return LIBRARIES[prefix](reference.removeprefix(prefix))
    except InputError:
        raise
    except Exception as error:  # these packages download, and raise anything
        raise InputError(f"cannot load {reference}: {in_one_line(error)}") from error


def _package(name: str, source: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        missing = (error.name or name).partition(".")[0]  # or what the package itself needs
        raise InputError(f"this needs the package {missing}: pip install {source}") from error


def _normalized(
    net: nn.Module, mean: Sequence[float] | None, std: Sequence[float] | None
) -> nn.Module:
    if mean is None or std is None:
        return net
    return nn.Sequential(Normalize(tuple(mean), tuple(std)), net)

"""The models that come with the package: weights and a card each, ``zoo/<data>/<name>.*``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from workbench.errors import InputError
from workbench.files import whole_file

ROOT = Path(__file__).parent / "zoo"

Card = dict[str, Any]


def names() -> list[str]:
    """All models of the zoo, as ``<data>/<name>``, sorted."""
    return sorted(f"{file.parent.name}/{file.stem}" for file in ROOT.glob("*/*.safetensors"))


def has(name: str) -> bool:
    """Whether the zoo has a model, as ``path`` takes its name."""
    return not {name, f"{name}@0"}.isdisjoint(names())


def path(name: str) -> Path:
    """The weights of a model, a safetensors file; ``NAME`` without ``@seed`` is that of seed 0.

    Raises ``InputError`` for an unknown name.
    """
    known = names()
    for found in (name, f"{name}@0"):
        if found in known:
            return ROOT / f"{found}.safetensors"
    raise InputError(f"no model {name!r} in the zoo: there are {', '.join(known) or 'none'}")


def card(name: str) -> Card:
    """What is known of a model: its ``architecture``, data, recipe, seed and accuracies.

    ``shape`` [c, h, w] and ``classes`` stand in it where they are not the architecture's own.
    """
    return json.loads(path(name).with_suffix(".json").read_text(encoding="utf-8"))


def save(
    name: str,
    net: nn.Module,
    card: Card,
    root: Path | None = None,
    dtype: torch.dtype | None = None,
) -> Path:
    """Write ``<root>/<name>.safetensors`` and its card beside it; returns the path of the weights.

    ``root`` is the zoo itself unless given. ``card["architecture"]`` names the factory as
    ``build`` takes it; ``card["shape"]`` and ``card["classes"]`` are needed where they are not the
    architecture's own. ``dtype`` is that of the file's real numbers, the net's unless given. Each
    file is written whole or not at all. Raises ``InputError`` where the card lacks the architecture
    or the folder cannot be written.
    """
    if "architecture" not in card:
        raise InputError(f"the card of {name!r} does not say its architecture")
    target = (ROOT if root is None else root) / f"{name}.safetensors"
    tensors = {
        key: value.detach().cpu().to(dtype if value.is_floating_point() else None, copy=True)
        for key, value in net.state_dict().items()
    }
    return write(target, tensors, card)


def write(target: Path, tensors: Mapping[str, Tensor], card: Card) -> Path:
    """Write weights of any kind and a card beside them; each file whole or not at all.

    Raises ``InputError`` where the folder cannot be written.
    """
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    try:
        with whole_file(target.with_suffix(".json")) as part:
            part.write_text(text, encoding="utf-8")
        with whole_file(target) as part:
            part.write_bytes(safetensors.torch.save(dict(tensors)))
    except OSError as error:
        raise InputError(f"cannot write model {target}: {error.strerror}") from error
    return target

"""What every operator is called with beside its tensors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

MOST_NUMBERS = 1 << 28  # in one tensor: a shape in a hostile file may ask for any


class UnsupportedError(Exception):
    """An operator, or a setting of one, that has no differentiable form here."""


@dataclass(frozen=True)
class Settings:
    """The attributes of a node, the version of its operator set, and the batch it was made for.

    batch: the number of images that the file's shapes are written for; None where any.
    """

    attributes: dict[str, Any]
    opset: int = 23
    batch: int | None = None

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or its default."""
        return self.attributes.get(name, default)

    def only(self, name: str, *values: Any) -> None:
        """Raise UnsupportedError where an attribute is there with another value."""
        if self.attributes.get(name, values[0]) not in values:
            raise UnsupportedError(f"{name}={self.attributes[name]!r}")


def integers(tensor: Tensor | Sequence[int]) -> list[int]:
    """A tensor of shapes, axes or indices as a list."""
    return [int(v) for v in (tensor.reshape(-1).tolist() if isinstance(tensor, Tensor) else tensor)]


def affordable(shape: Sequence[int]) -> list[int]:
    """The shape itself. Raises ValueError for one of more numbers than any small net has."""
    if math.prod(shape) > MOST_NUMBERS:
        raise ValueError(f"a tensor of shape {tuple(shape)} is asked for")
    return list(shape)

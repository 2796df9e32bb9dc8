"""What the pickles of a TorchScript archive claim, looked at without any code of theirs.

torch's reader takes a tensor's sizes as they are told, and reads beyond the end of its bytes.
"""

import io
import pickle
import pickletools
from collections.abc import Mapping, Sequence
from typing import Any

ITEM_BYTES = {
    **dict.fromkeys(("Byte", "Char", "Bool", "QUInt8", "QInt8"), 1),
    **dict.fromkeys(("Short", "Half", "BFloat16"), 2),
    **dict.fromkeys(("Int", "Float", "QInt32"), 4),
    **dict.fromkeys(("Long", "Double", "ComplexFloat"), 8),
    "ComplexDouble": 16,
}


def check_claims(content: bytes, tensors: Mapping[str, int]) -> None:
    """Raise an exception where a pickle claims more than there is.

    tensors: the number of bytes of each storage that it may name.
    """
    _check_places(content)
    _Reader(content, tensors).load()


def _check_places(pickled: bytes) -> None:
    """Raise ValueError where a pickle counts beyond its end, which torch makes room for."""
    for code, argument, _ in pickletools.genops(pickled):
        if "PUT" in code.name and int(argument or 0) > len(pickled):
            raise ValueError("a place beyond the end")


class _Stub:
    """Stands for whatever a pickle makes."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _Reader(pickle.Unpickler):
    """Builds stubs, and checks the tensors."""

    def __init__(self, content: bytes, tensors: Mapping[str, int]) -> None:
        super().__init__(io.BytesIO(content))
        self.tensors = tensors

    def find_class(self, _module: str, name: str) -> Any:
        """A stub for every name; a check for what makes tensors; an item's bytes for storages."""
        if name.startswith("_rebuild_"):
            return self._check_tensor
        kind = name.removesuffix("Storage")
        return ITEM_BYTES[kind] if kind != name else _Stub

    def persistent_load(self, told: Any) -> Any:
        """Where the bytes of a tensor lie: ("storage", an item's bytes, name, device, length)."""
        return told

    def _check_tensor(
        self,
        storage: tuple[str, int, str, str, int],
        offset: int,
        sizes: Sequence[int],
        strides: Sequence[int],
        *_: Any,
    ) -> None:
        item, name, length = storage[1], storage[2], storage[4]
        last = offset + sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))
        there = self.tensors[name]
        lowest = min([offset, *sizes, *strides])
        if lowest < 0 or item * length > there or (0 not in sizes and item * (last + 1) > there):
            raise ValueError("a tensor of more numbers than there are")

"""How long the code of a TorchScript graph may run, told from the graph alone."""

import math
from collections.abc import Callable, Sequence
from typing import Any

LARGEST_SIZE = 1000.0  # what an axis of a tensor, or a list of its parts, is taken to have
DEEPEST = 100  # blocks in blocks
PARTS = {"aten::unbind", "aten::chunk", "aten::split", "aten::tensor_split"}
OF_LISTS = {"aten::len", "aten::__getitem__"}
FROM_PARTS: dict[str, Callable[[Sequence[float]], float]] = {
    "aten::add": sum,
    "aten::sub": sum,  # one of them may be below zero
    "aten::mul": math.prod,
    "aten::floordiv": max,
    "aten::__range_length": sum,  # start, stop, step
    "prim::min": min,
    "prim::max": max,
}


def steps(graph: Any) -> float:
    """The most operations that a graph runs; infinite where values of tensors decide."""
    return _Bounds().steps(graph)


class _Bounds:
    """Upper bounds of whole numbers' sizes, and the numbers in lists, by their names in a graph.

    A name that is not there may be anything. Values are told before they are used, so one walk
    through the graph is enough.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, float] = {}
        self.lists: dict[str, list[float]] = {}
        self.parts: set[str] = set()  # lists of an axis of a tensor, or as long as one

    def steps(self, block: Any, depth: int = 0) -> float:
        """The most operations that a block of a graph runs."""
        if depth > DEEPEST:
            return math.inf
        total = 0.0
        for node in block.nodes():
            inside = sum(self.steps(inner, depth + 1) for inner in node.blocks())
            if node.kind() == "prim::Loop":
                inside = self._of(node.inputsAt(0)) * max(inside, 1.0)
            total += 1 + inside
            self._note(node)
        return total

    def _of(self, value: Any) -> float:
        return self.numbers.get(value.debugName(), math.inf)

    def _note(self, node: Any) -> None:
        """What is known of the one value that a node makes."""
        if node.outputsSize() != 1:
            return
        kind, name, inputs = node.kind(), node.output().debugName(), list(node.inputs())
        first = inputs[0].debugName() if inputs else ""
        if kind == "prim::Constant" and str(node.output().type()) == "int":
            self.numbers[name] = float(abs(node.output().toIValue()))
        elif kind == "prim::ListConstruct":
            self.lists[name] = [self._of(value) for value in inputs]
        elif kind in PARTS or (kind == "aten::size" and len(inputs) == 1):
            self.parts.add(name)
        elif kind in ("aten::size", "aten::dim") or (kind in OF_LISTS and first in self.parts):
            self.numbers[name] = LARGEST_SIZE
        elif kind == "aten::len" and first in self.lists:
            self.numbers[name] = max(LARGEST_SIZE, len(self.lists[first]))
        elif kind in FROM_PARTS:
            found = self.lists.get(first) or [self._of(value) for value in inputs]
            self.numbers[name] = FROM_PARTS[kind](found)

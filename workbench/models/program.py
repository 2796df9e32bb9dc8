"""A net as a list of steps over named values: what files that hold graphs are read into."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import InputError
from workbench.models.factories import in_one_line
from workbench.models.logits import flaw_of_logits

DEVICE = "the device of the images"  # the name of a value, as steps that make tensors need it


@dataclass(frozen=True)
class Name:
    """Stands in a step's arguments for the value of that name."""

    name: str


@dataclass(frozen=True)
class Step:
    """One operation: a function, its arguments with Names for values, its results' names.

    A function of several results gives a tuple or a list, of which one without a name is dropped; a
    name without a result, as of a mask that nobody uses, has no value.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    outputs: tuple[str, ...]
    keywords: dict[str, Any] = field(default_factory=dict)

    def uses(self) -> set[str]:
        """The names of the values that it needs."""
        return set(names_in((self.arguments, self.keywords)))

    def run(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Its results by name."""
        arguments, keywords = _filled((self.arguments, self.keywords), values)
        results = self.function(*arguments, **keywords)
        if not isinstance(results, tuple | list):
            results = (results,)
        return dict(zip(self.outputs, results, strict=False))


class Program(nn.Module):
    """Steps that run one after the other, from images to logits.

    weights: tensors by name that move to another device with the net; held: those that stay on
    the CPU, such as shapes. A value is let go after its last use, so that no gradient costs no
    memory.
    """

    def __init__(
        self,
        image: str,
        steps: Sequence[Step],
        output: str,
        weights: Mapping[str, Tensor],
        held: Mapping[str, Tensor],
    ) -> None:
        super().__init__()
        self.image, self.steps, self.output = image, tuple(steps), output
        self.names = tuple(weights)
        self.weights = nn.ParameterList(
            nn.Parameter(tensor, requires_grad=False) for tensor in weights.values()
        )
        self.held = dict(held)
        self.last_uses = _last_uses(steps, {output, *weights, *held})

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, classes)."""
        values: dict[str, Any] = {**self.held, self.image: x, DEVICE: x.device}
        values.update(zip(self.names, self.weights, strict=True))
        for step, done in zip(self.steps, self.last_uses, strict=True):
            values.update(step.run(values))
            for name in done:
                values.pop(name, None)
        return values[self.output]


def names_in(tree: Any) -> Iterable[str]:
    """The names of all values in arguments, however nested."""
    if isinstance(tree, Name):
        yield tree.name
    elif isinstance(tree, list | tuple):
        for branch in tree:
            yield from names_in(branch)
    elif isinstance(tree, dict):
        yield from names_in(list(tree.values()))


def _filled(tree: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(tree, Name):
        return values[tree.name]
    if isinstance(tree, list | tuple):
        return type(tree)(_filled(branch, values) for branch in tree)
    if isinstance(tree, dict):
        return {key: _filled(branch, values) for key, branch in tree.items()}
    return tree


def _last_uses(steps: Sequence[Step], kept: set[str]) -> tuple[tuple[str, ...], ...]:
    last = {name: i for i, step in enumerate(steps) for name in (*step.outputs, *step.uses())}
    done: list[list[str]] = [[] for _ in steps]
    for name, i in last.items():
        if name not in kept and name != DEVICE:
            done[i].append(name)
    return tuple(tuple(sorted(names)) for names in done)


def check_order(steps: Sequence[Step], known: Iterable[str], output: str, where: str) -> None:
    """Raise ``InputError`` where a step uses what no step before it made, or makes it again."""
    there = {*known, DEVICE, ""}
    for step in steps:
        if missing := sorted(step.uses() - there):
            raise InputError(
                f"{where} is no valid graph: nothing makes {missing[0]!r} before its use"
            )
        there |= set(step.outputs)
    made = Counter(name for step in steps for name in step.outputs if name)
    if again := [name for name, times in made.items() if times > 1]:
        raise InputError(f"{where} is no valid graph: {again[0]!r} is made twice")
    if output not in there:
        raise InputError(f"{where} is no valid graph: nothing makes its output {output!r}")


@torch.no_grad()
def check_alone(net: nn.Module, shape: tuple[int, ...], where: str, advice: str) -> None:
    """Check that an image's logits do not depend on the images beside it, or on chance.

    shape: (c, h, w). A net that was exported in train mode, or for one batch size only, fails.
    Raises ``InputError`` that ends with the advice.
    """
    x = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([_logits(net, x[i : i + 1], where, advice) for i in range(len(x))])
    together = _logits(net, x, where, advice)
    if not torch.isfinite(torch.cat([alone.flatten(), together.flatten()])).all():
        raise InputError(f"{where} gives NaN or infinite logits for images in [0, 1]")
    tolerance = 1e-4 * (1 + alone.abs().max().item())
    if alone.shape != together.shape or (alone - together).abs().max() > tolerance:
        raise InputError(f"{where} gives an image other logits in another batch: {advice}")


def _logits(net: nn.Module, x: Tensor, where: str, advice: str) -> Tensor:
    try:
        logits = net(x)
    except Exception as error:  # the steps of a file may raise anything
        raise InputError(
            f"{where} does not run on {len(x)} images of {tuple(x.shape[1:])} "
            f"({in_one_line(error)}): {advice}"
        ) from error
    if flaw := flaw_of_logits(logits, x):
        raise InputError(f"{where} gives {flaw} for {len(x)} images: {advice}")
    return logits.float()

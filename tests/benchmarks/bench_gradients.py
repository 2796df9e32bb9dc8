"""The quick form of a model (models.quick) against the model: a forward and a backward pass.

Usage: python tests/benchmarks/bench_gradients.py [batch]
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from workbench.models import build
from workbench.models.quick import quick

ARCHITECTURES = {"small-cnn": (1, 28, 28), "medium-cnn": (1, 28, 28), "resnet18": (3, 32, 32)}


def seconds(work: Callable[[], object], times: int) -> float:
    """Median processor time of a call."""
    work()
    spent = []
    for _ in range(times):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return statistics.median(spent)


def gradient(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A forward and a backward pass to the images."""
    return torch.autograd.grad(model(x).sum(), x)[0]


def main(batch: int = 200) -> None:
    """Compare on nets whose first convolution has few input channels."""
    torch.set_num_threads(1)
    for name, shape in ARCHITECTURES.items():
        model = build(name, shape, 10).eval().requires_grad_(False)
        size = batch if name != "resnet18" else max(batch // 20, 1)
        x = torch.rand(size, *shape, requires_grad=True)
        plain, faster = (
            1e6 / size * seconds(partial(gradient, net, x), 15) for net in (model, quick(model))
        )
        print(
            f"{name}: {plain:.0f} µs per image, quick {faster:.0f} µs, ratio {plain / faster:.2f}"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

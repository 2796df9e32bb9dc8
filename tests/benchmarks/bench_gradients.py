"""The quick form of a model (models.quick) against the model: a forward and a backward pass.

First of whole nets, then of single convolutions: the gradient alone, by torch and by a matrix
product, whether models.quick chooses that or not.

Usage: python tests/benchmarks/bench_gradients.py [batch]
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn import grad

from workbench.models import build
from workbench.models.quick import quick

ARCHITECTURES = {"small-cnn": (1, 28, 28), "medium-cnn": (1, 28, 28), "resnet18": (3, 32, 32)}


CONVOLUTIONS = (  # input channels, output channels, side, kernel, stride, padding
    *((1, 16, 28, 4, 2, 1), (1, 16, 28, 3, 1, 1), (1, 20, 28, 5, 1, 0), (1, 4, 28, 5, 2, 2)),
    *((3, 16, 32, 4, 2, 1), (3, 8, 32, 3, 2, 1), (3, 16, 32, 3, 1, 1), (4, 8, 14, 5, 2, 2)),
    *((8, 16, 16, 3, 2, 1), (8, 32, 32, 4, 2, 1), (8, 16, 16, 3, 1, 1), (16, 16, 8, 3, 1, 1)),
)


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
    for shape in CONVOLUTIONS:
        convolution(shape, batch)


def convolution(shape: tuple[int, ...], batch: int) -> None:
    """Both gradients of one convolution to its input."""
    inputs, outputs, side, kernel, stride, padding = shape
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding).requires_grad_(False)
    x = torch.rand(batch, inputs, side, side)
    rows = torch.randn_like(conv(x))
    columns = conv.weight.flatten(1).t()
    geometry = {"stride": stride, "padding": padding}
    plain = seconds(partial(grad.conv2d_input, x.shape, conv.weight, rows, **geometry), 15)
    folded = seconds(
        lambda: F.fold(columns @ rows.flatten(2), (side, side), kernel, **geometry), 15
    )
    chosen = "chosen" if quick(conv) is not conv else "not chosen"
    print(
        f"{shape}: torch {1e6 * plain / batch:.1f} µs, product {1e6 * folded / batch:.1f} µs, "
        f"ratio {plain / folded:.2f}, {chosen}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

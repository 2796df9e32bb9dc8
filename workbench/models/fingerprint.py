"""What a model computes, as 16 hex digits: results are stored under it."""

import hashlib

from torch import nn

from workbench.errors import InputError
from workbench.models.description import describe


def fingerprint(net: nn.Module) -> str:
    """16 hex digits that change when the weights, the settings or the code of the net change.

    sha256 over the tree of modules: of each its class, its parameters and buffers, its attributes
    (numbers, texts, tensors, arrays, functions, containers of these) and, where the class is not
    torch's, its normalised source. File format, device, file name, comments and docstrings have
    no part in it; nor have functions that no attribute holds, so an edit to a helper that
    ``forward`` calls goes unseen: where results are stored under a fingerprint and the net's
    outputs are not theirs, they are refused (evaluation.battery). Raises ``InputError`` for a net
    with hooks.
    """
    if any(map(_has_hooks, net.modules())):
        raise InputError("the net has hooks, which a fingerprint cannot cover; remove them")
    return hashlib.sha256(describe(net).encode()).hexdigest()[:16]


def _has_hooks(module: nn.Module) -> bool:
    # Hooks on the backward pass change the gradients, and with them every attack.
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )

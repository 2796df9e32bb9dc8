"""What a classifier's output must be."""

import torch
from torch import Tensor


def flaw_of_logits(logits: object, x: Tensor) -> str | None:
    """What makes an output for images x (n, c, h, w) no logits (n, classes), in words, or None."""
    if not isinstance(logits, Tensor):
        return f"a {type(logits).__name__}, not a tensor of logits,"
    if logits.layout != torch.strided or logits.device.type != x.device.type:
        return f"a tensor that is {logits.layout} on {logits.device}, not dense beside the images,"
    if not logits.is_floating_point():
        return f"{logits.dtype}, where logits are floating-point numbers,"
    if logits.ndim != 2 or len(logits) != len(x) or logits.shape[1] == 0:
        return f"outputs of shape {tuple(logits.shape)}, not a row of logits for each,"
    return None

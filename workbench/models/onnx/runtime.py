"""What onnxruntime computes: the truth for our own form, and the model where we have none."""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from workbench.models.onnx.file import package

# Not in the nets: a session can be neither sent to a worker nor told in a fingerprint.
_SESSIONS: "WeakKeyDictionary[ForwardOnly, Any]" = WeakKeyDictionary()


class ForwardOnly(nn.Module):
    """An ONNX file that onnxruntime runs on the CPU: logits without gradients.

    batch: the number of images that the file takes at a time; None where any.
    """

    content: Tensor

    def __init__(self, content: bytes, batch: int | None) -> None:
        super().__init__()
        self.register_buffer("content", torch.frombuffer(bytearray(content), dtype=torch.uint8))
        self.batch = batch
        self.session()

    def session(self) -> Any:
        """onnxruntime's, made once in each process; raises what onnxruntime raises."""
        if self not in _SESSIONS:
            runtime = package("onnxruntime")
            options = runtime.SessionOptions()
            options.log_severity_level = 4
            options.intra_op_num_threads = torch.get_num_threads()
            content = bytes(self.content.cpu().numpy())
            _SESSIONS[self] = runtime.InferenceSession(content, options, ["CPUExecutionProvider"])
        return _SESSIONS[self]

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, classes); no gradient flows back."""
        images = x.detach().cpu().numpy()
        if self.batch is None:
            logits = self._run(images)
        else:
            spare = np.zeros((-len(images) % self.batch, *images.shape[1:]), images.dtype)
            parts = np.split(filled := np.concatenate([images, spare]), len(filled) // self.batch)
            logits = np.concatenate([self._run(part) for part in parts])[: len(images)]
        return torch.from_numpy(logits).to(x.device)

    def _run(self, images: np.ndarray) -> np.ndarray:
        session = self.session()
        return session.run(None, {session.get_inputs()[0].name: images})[0]


def largest_difference(net: nn.Module, truth: ForwardOnly, shape: tuple[int, ...]) -> float:
    """Between two nets' logits for random images of a shape (c, h, w), as a share of the largest.

    Infinite where one is not finite or the shapes differ. Raises what the nets raise.
    """
    x = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, expected = net(x), truth(x)
    if found.shape != expected.shape or not torch.isfinite(expected - found).all():
        return float("inf")
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-6))

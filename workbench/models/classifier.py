"""The one kind of model that attacks, critics and evaluations see."""

from typing import Self

import torch
from torch import Tensor, nn

from workbench.errors import InputError, out_of_memory
from workbench.models.factories import in_one_line
from workbench.models.fingerprint import fingerprint
from workbench.models.logits import flaw_of_logits
from workbench.models.onnx import ForwardOnly


class Classifier(nn.Module):
    """A frozen classifier in eval mode: [0, 1] (n, c, h, w) float32 in, (n, classes) logits out.

    It takes ``net`` over, which is set to eval mode and frozen in place: wrap a copy of a net that
    is still in training. ``origin`` says where the net came from, for people; ``fingerprint``
    (16 hex digits) says what it computes, for the store of results; ``differentiable`` whether
    gradients flow back to the images, which is False of what runs in onnxruntime; ``filled``
    how many tensors loading found in a file of weights, each one of the net's and no other; 0
    where no such file was read.
    """

    def __init__(self, net: nn.Module, origin: str, filled: int = 0) -> None:
        super().__init__()
        self.net = net
        self.origin = origin
        self.filled = filled
        self.fingerprint = fingerprint(net)
        self.differentiable = not any(isinstance(part, ForwardOnly) for part in net.modules())
        self.requires_grad_(False)
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the parameters are, and so where images must be; the CPU where there are none."""
        return next((p.device for p in self.parameters()), torch.device("cpu"))

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) in [0, 1] -> (n, classes) logits, of whatever precision, as float32.

        Raises ``InputError`` where the net fails, or gives anything but numbers for each image, and
        where a gradient to the images is wanted that the net does not give.
        """
        images = f"images of {'x'.join(map(str, x.shape[1:]))}"
        try:
            logits = self.net(x)
        except (Exception, SystemExit) as error:  # the user's forward may raise anything
            if out_of_memory(error):
                raise
            raise InputError(
                f"{self.origin} does not take {images}: {in_one_line(error)}"
            ) from error
        if flaw := flaw_of_logits(logits, x):
            raise InputError(f"{self.origin} gives {flaw} for {len(x)} {images}")
        if torch.is_grad_enabled() and x.requires_grad and not logits.requires_grad:
            raise InputError(
                f"{self.origin} gives no gradient to its images; use square or random-noise, or "
                "workbench transfer from a model that has one"
            )
        return logits.float()

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002
        """Stay in eval mode whatever is asked.

        Batch norm and dropout in train mode corrupt every number, without an error: predictions
        depend on the batch, running statistics drift, gradients become noise.
        """
        return super().train(False)

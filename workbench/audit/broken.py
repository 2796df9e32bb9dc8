"""Broken defenses to learn from: one planted flaw each, around an honest net.

`workbench audit broken:NAME` shows what its red flag looks like.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from workbench.errors import InputError
from workbench.models import Classifier, load_model
from workbench.models.load import BROKEN

HONEST = "zoo:fashion-mnist/natural"
LEVELS = 16  # of a quantised pixel
QUALITY = 75  # of JPEG
SCALE = 1e4  # of saturated logits
KEPT = 0.1  # of each layer's units, by k-winners-take-all
MEAN, VARIANCE = 0.286, 0.1246  # of Fashion-MNIST's pixels
SURE = 0.5  # probability below which an image is rejected
PURIFIED, STEP = 2, 0.02  # steps of the inner loop, and their size in pixels


class _Around(nn.Module):
    """A net with something in front of it or behind it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net


class Saturated(_Around):
    """Logits so large that the softmax is exactly one-hot: the cross-entropy has no gradient."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return SCALE * self.net(x)


class Quantised(_Around):
    """Pixels rounded to a few levels: the gradient is zero everywhere."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net((x * (LEVELS - 1)).round() / (LEVELS - 1))


class Jpeg(_Around):
    """Images compressed as JPEG and read again, outside of autograd."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pixels = (x.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
        read = np.stack([_compressed(image) for image in pixels])
        return self.net(torch.from_numpy(read).to(x) / 255)


def _compressed(image: np.ndarray) -> np.ndarray:
    """An image (c, h, w) uint8 through JPEG."""
    file = BytesIO()
    grey = len(image) == 1
    Image.fromarray(image[0] if grey else image.transpose(1, 2, 0)).save(
        file, "JPEG", quality=QUALITY
    )
    read = np.asarray(Image.open(file))
    return read[None] if grey else read.transpose(2, 0, 1)


class Resized(_Around):
    """Images shrunk by a random amount and padded at a random place, anew for each look."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[2:]
        small = height - int(torch.randint(0, 4, ()))
        shrunk = F.interpolate(x, size=(small, small * width // height), mode="bilinear")
        top = int(torch.randint(0, height - shrunk.shape[2] + 1, ()))
        left = int(torch.randint(0, width - shrunk.shape[3] + 1, ()))
        rest = width - left - shrunk.shape[3], height - top - shrunk.shape[2]
        return self.net(F.pad(shrunk, (left, rest[0], top, rest[1])))


class _Winners(nn.Module):
    """Only the largest units of a layer stay; which they are, jumps with the image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(1)
        kept = flat.topk(max(1, int(KEPT * flat.shape[1])), dim=1)
        return torch.zeros_like(flat).scatter(1, kept.indices, kept.values).view_as(x)


class WinnersTakeAll(_Around):
    """k-winners-take-all in the place of every ReLU (Xiao et al., ICLR 2020)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(net)
        for module in list(net.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.ReLU):
                    setattr(module, name, _Winners())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


class _StuckBatchNorm(nn.BatchNorm2d):
    """A layer that stays in train mode, whatever it is told."""

    def train(self, mode: bool = True) -> Self:
        del mode
        return super().train(True)


class LeftInTraining(_Around):
    """Batch normalisation left in train mode; in eval mode it would change nothing."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(net)
        channels = next(module for module in net.modules() if isinstance(module, nn.Conv2d))
        self.norm = _StuckBatchNorm(channels.in_channels)
        nn.init.constant_(self.norm.bias, MEAN)
        nn.init.constant_(self.norm.weight, VARIANCE**0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(self.norm(x))


class Probabilities(_Around):
    """A softmax behind the logits."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x).softmax(1)


class ByteRange(_Around):
    """A net that expects pixels in 0..255."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x / 255)


class Rejecting(_Around):
    """A further output, which wins where the net is not sure: a detector."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.net(x)
        sure = logits.softmax(1).amax(1)
        rejected = logits.amax(1) + 100 * (SURE - sure)
        return torch.cat([logits, rejected[:, None]], 1)


class Purifying(_Around):
    """Images moved towards a surer prediction before they are classified, by its own gradient."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        moved = x.detach()
        with torch.enable_grad():
            for _ in range(PURIFIED):
                moved.requires_grad_()
                sure = self.net(moved).logsumexp(1).sum()
                (gradient,) = torch.autograd.grad(sure, moved)
                moved = (moved + STEP * gradient.sign()).clamp(0, 1).detach()
        return self.net(x + (moved - x).detach())


class OneHot(_Around):
    """Only the predicted class is told."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.net(x)
        return F.one_hot(logits.argmax(1), logits.shape[1]).to(logits)


@dataclass(frozen=True)
class Broken:
    """A planted flaw: the defense around an honest net, and the check that is meant for it."""

    defense: Callable[[nn.Module], nn.Module]
    check: str


GALLERY = {
    "saturated": Broken(Saturated, "AA3/I1"),
    "quantised": Broken(Quantised, "AA3/I1"),
    "jpeg": Broken(Jpeg, "AA3/I1"),
    "resized": Broken(Resized, "AA1"),
    "winners-take-all": Broken(WinnersTakeAll, "I2"),
    "left-in-training": Broken(LeftInTraining, "P1"),
    "probabilities": Broken(Probabilities, "AA2"),
    "byte-range": Broken(ByteRange, "P3"),
    "rejecting": Broken(Rejecting, "AA6"),
    "purifying": Broken(Purifying, "AA5"),
    "one-hot": Broken(OneHot, "AA3/I1"),
}


def broken_model(name: str, device: str = "cpu") -> Classifier:
    """A broken defense of the gallery, around the natural net of Fashion-MNIST.

    Raises InputError for an unknown name.
    """
    if name not in GALLERY:
        raise InputError(f"no broken defense {name!r}; there are {', '.join(GALLERY)}")
    net = load_model(HONEST, device=device).net
    return Classifier(GALLERY[name].defense(net).to(device), f"{BROKEN}{name}")

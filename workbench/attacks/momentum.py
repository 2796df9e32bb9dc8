"""MI-FGSM (Dong et al., CVPR 2018), and its translation-invariant, input-diverse form TI-DIM
(Dong et al. and Xie et al., CVPR 2019): the attacks that are meant to transfer."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from workbench.attacks.attempt import Attempt
from workbench.attacks.walk import Walk
from workbench.errors import InputError
from workbench.seeds import Noise
from workbench.threat import NORMS, ThreatModel


@dataclass(frozen=True)
class MomentumIterative:
    """Steepest ascent along a running sum of gradients, from the natural sample.

    steps, step: gradient steps and their length in units of ε (the paper: 10 of 1/steps).
    decay: μ, what the sum keeps of itself in a step.
    diversity_probability: how often the gradient is taken at a copy that is resized and padded.
    resize_rate: the smallest size of such a copy, relative to the image.
    kernel: odd side of the Gaussian that smooths the gradient, cut at 3σ as in the authors' code
        (they: 15, for images of 299 pixels); 1 leaves the gradient as it is.
    stop_at_success: see Attack. False, for a transfer to other models, keeps per sample the last
        misclassified point of the path, or the last point where there is none.

    With diversity a step costs a second forward: the verdict belongs to the point itself.
    The copy is shrunk, bilinearly, and padded to the image's own size, since a net may take no
    other; the authors enlarge 299 pixels to 299-329 by the nearest one, and pad to 330.
    "ti-dim" has kernel 5 because that transferred best between the zoo's models of 28 pixels (400
    images, adversarially trained to natural, left with kernels 1, 3, 5, 7, 15: 61, 60, 57, 63,
    73 %); its probability is within the papers' 0.4-0.7.
    """

    steps: int = 10
    step: float = 0.1
    decay: float = 1.0
    diversity_probability: float = 0.0
    resize_rate: float = 0.9
    kernel: int = 1
    stop_at_success: bool = True
    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = False
    norms: ClassVar[tuple[str, ...]] = NORMS
    gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 < self.step < float("inf") or not 0 <= self.decay < float("inf"):
            raise InputError("MI-FGSM needs steps ≥ 1, a finite step > 0 (in ε) and decay ≥ 0")
        if not 0 <= self.diversity_probability <= 1 or not 0 < self.resize_rate <= 1:
            raise InputError("TI-DIM needs diversity_probability in [0, 1], resize_rate in (0, 1]")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise InputError(f"TI-DIM's kernel is an odd side in pixels, not {self.kernel}")

    def __call__(
        self,
        model: nn.Module,
        x: torch.Tensor,
        y: torch.Tensor,
        threat: ThreatModel,
        noise: Noise,
    ) -> Attempt:
        """Attack x (n, c, h, w) with labels y (n,)."""
        walk = Walk(model, x, y, self.steps + 1, self.stop_at_success)
        at, momentum = x, torch.zeros_like(x)
        for step in range(self.steps):
            gradient = self._gradient(walk, at, noise, step)
            at, momentum, gradient = walk.leave(at, momentum, gradient)
            if walk.is_over:
                return walk.attempt()
            momentum = self.decay * momentum + _unit_l1(smoothed(gradient, self.kernel))
            at = threat.project(at + self.step * threat.epsilon * threat.ascent(momentum), walk.x)
        walk.look_last(at)
        return walk.attempt()

    def _gradient(self, walk: Walk, at: torch.Tensor, noise: Noise, step: int) -> torch.Tensor:
        """The loss's gradient at `at`, or through a transformed copy of it."""
        if self.diversity_probability == 0:
            return walk.look(at)
        walk.look_last(at)
        at = at.detach().requires_grad_()
        drawn = noise.take(walk.rows).uniform(at.new_empty(len(at), 4), "input-diversity", step)
        copy = diverse(at, drawn, self.resize_rate)
        chosen = drawn[:, 0] < self.diversity_probability
        return walk.gradient(at, torch.where(chosen[:, None, None, None], copy, at))


def smoothed(gradient: torch.Tensor, kernel: int) -> torch.Tensor:
    """Each channel convolved with a Gaussian of odd side `kernel`, zeros around: shape kept."""
    if kernel == 1:
        return gradient
    channels = gradient.shape[1]
    sigmas = torch.linspace(-3, 3, kernel, dtype=gradient.dtype, device=gradient.device)
    line = (-(sigmas**2) / 2).softmax(0).expand(channels, 1, -1)
    rows = F.conv2d(gradient, line[:, :, :, None], padding=(kernel // 2, 0), groups=channels)
    return F.conv2d(rows, line[:, :, None, :], padding=(0, kernel // 2), groups=channels)


def diverse(x: torch.Tensor, drawn: torch.Tensor, resize_rate: float) -> torch.Tensor:
    """Each image shrunk bilinearly and put at a random place of a black one of its old size.

    x: (n, c, h, w). drawn: numbers in [0, 1): (n, 4), where columns 1-3 say the size, from
    ⌊resize_rate · size⌋ to the size itself, and the place from the top and from the left.
    """
    top = _resizing(x.shape[2], drawn[:, 1], drawn[:, 2], resize_rate)
    left = _resizing(x.shape[3], drawn[:, 1], drawn[:, 3], resize_rate)
    return top[:, None] @ x @ left[:, None].transpose(2, 3)


def _resizing(
    size: int, scale: torch.Tensor, place: torch.Tensor, resize_rate: float
) -> torch.Tensor:
    """Bilinear weights that take lines of `size` pixels to shrunk and padded ones.

    scale, place: (n,) in [0, 1) -> (n, size, size), from a pixel of the copy to pixels of x.
    Outside the shrunk image, all weights are zero.
    """
    smallest = max(1, int(resize_rate * size))
    small = smallest + (scale * (size + 1 - smallest)).floor().clamp_max(size - smallest)
    start = (place * (size + 1 - small)).floor().minimum(size - small)
    pixels = torch.arange(size, dtype=scale.dtype, device=scale.device)
    source = (pixels - start[:, None] + 0.5) * (size / small)[:, None] - 0.5
    return (1 - (source[:, :, None] - pixels).abs()).clamp_min(0)


def _unit_l1(gradient: torch.Tensor) -> torch.Tensor:
    """Gradients of length 1 in L1 (n, c, h, w); a zero gradient stays zero."""
    length = gradient.abs().flatten(1).sum(1).view(-1, 1, 1, 1)
    return gradient / length.clamp_min(torch.finfo(gradient.dtype).tiny)

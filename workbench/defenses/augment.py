"""Augmentation of training images."""

import torch
from torch.nn.functional import pad

PADDING = 8  # an image is padded by its height and width divided by this


def crop_flip(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random crops of the padded images, half of them mirrored: (n, c, h, w) kept.

    The padding is 0, an eighth of the size on each side: 4 pixels of 32, as usual for CIFAR-10.
    generator: a CPU one.
    """
    n, _, height, width = x.shape
    down, right = height // PADDING, width // PADDING
    padded = pad(x, (right, right, down, down))
    rows = torch.randint(2 * down + 1, (n, 1), generator=generator) + torch.arange(height)
    columns = torch.randint(2 * right + 1, (n, 1), generator=generator) + torch.arange(width)
    mirrored = torch.rand(n, 1, generator=generator) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    rows, columns = rows.to(x.device), columns.to(x.device)
    sample = torch.arange(n, device=x.device)[:, None, None]
    # indexing by three lists around a slice puts the channels last
    return padded[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()

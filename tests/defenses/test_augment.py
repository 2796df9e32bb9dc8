"""Augmentation: every image is a shifted, perhaps mirrored, piece of its padded self."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import pad

from workbench.defenses.augment import crop_flip


@given(st.integers(0, 2**32), st.sampled_from([(1, 8, 8), (3, 16, 24), (1, 28, 28), (2, 5, 7)]))
def test_crop_flip_gives_a_piece_of_the_padded_image(seed, shape) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(3, *shape, generator=generator)
    found = crop_flip(x, torch.Generator().manual_seed(seed))
    assert found.shape == x.shape
    assert found.is_contiguous()
    down, right = shape[1] // 8, shape[2] // 8
    padded = pad(x, (right, right, down, down))
    for image, whole in zip(found, padded, strict=True):
        pieces = [
            whole[:, i : i + shape[1], j : j + shape[2]]
            for i in range(2 * down + 1)
            for j in range(2 * right + 1)
        ]
        assert any(torch.equal(image, p) or torch.equal(image, p.flip(2)) for p in pieces)


def test_crop_flip_reaches_all_shifts_and_both_sides() -> None:
    x = torch.arange(1.0, 65.0).view(1, 1, 8, 8).repeat(400, 1, 1, 1)
    found = crop_flip(x, torch.Generator().manual_seed(0))
    assert len({image.numpy().tobytes() for image in found}) == 3 * 3 * 2

"""Critics: orientation of scores, standardisation, seeds, and no look across the batch."""

import pytest
import torch
from torch import nn

from workbench.errors import InputError
from workbench.information import Critic, image_critic, vector_critic


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_rows_are_outputs_and_columns_patterns() -> None:
    critic = Critic(nn.Identity(), nn.Identity(), 4)
    x, z = rand(3, 4), rand(5, 4, seed=1)
    scores = critic(x, z)
    assert scores.shape == (5, 3)
    assert scores[4, 2].item() == pytest.approx((x[2] * z[4]).sum().item() / 2)  # √4 units


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)])
def test_images_of_any_size(shape: tuple[int, int, int]) -> None:
    critic = image_critic(shape[0], 7, 16, seed=0)
    assert critic.local(rand(2, *shape)).shape == (2, 16)
    assert critic(rand(2, *shape), rand(3, 7)).shape == (3, 2)


def test_a_score_belongs_to_its_pair_alone() -> None:
    critic = image_critic(1, 10, 16, seed=0).train()
    x, z = rand(6, 1, 28, 28), rand(6, 10)
    torch.testing.assert_close(critic(x, z)[:2, :2], critic(x[:2], z[:2]))


def test_the_seed_decides_the_weights_and_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = (image_critic(1, 10, 16, seed=s).state_dict() for s in (5, 5, 6))
    assert torch.equal(before, torch.get_rng_state())
    weight = "local_net.0.weight"
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first[weight], other[weight])


@pytest.mark.parametrize("scale", [0.01, 30.0])
def test_scale_and_offset_of_inputs_do_not_matter(scale: float) -> None:
    x, z = rand(50, 1, 28, 28), rand(50, 10)
    plain, scaled = image_critic(1, 10, 16, seed=0), image_critic(1, 10, 16, seed=0)
    plain.calibrate(x, z)
    scaled.calibrate(scale * x - 1, scale * z + 2)
    expected = plain(x, z)
    torch.testing.assert_close(scaled(scale * x - 1, scale * z + 2), expected, atol=1e-3, rtol=1e-3)


def test_an_output_that_never_changes_says_nothing_and_breaks_nothing() -> None:
    critic = vector_critic(3, 2, 8, seed=0)
    x, z = rand(20, 3), rand(20, 2)
    z[:, 1] = 4.0
    critic.calibrate(x, z)
    assert critic(x, z).isfinite().all()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    critic, x, z = vector_critic(3, 2, 8, seed=0), rand(20, 3), rand(20, 2)
    z[3, 1] = value
    with pytest.raises(InputError, match="not finite"):
        critic.calibrate(x, z)


def test_patterns_without_any_difference_are_refused() -> None:
    with pytest.raises(InputError, match="all patterns are equal"):
        vector_critic(3, 2, 8, seed=0).calibrate(torch.zeros(20, 3), rand(20, 2))

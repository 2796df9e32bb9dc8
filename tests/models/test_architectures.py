import pytest
import torch

from workbench.errors import InputError
from workbench.models import ARCHITECTURES, build
from workbench.models.architectures import (
    CIFAR_MEAN,
    CIFAR_STD,
    Normalize,
    PreactivationBlock,
    ResidualBlock,
    medium_cnn,
    resnet18,
    small_cnn,
    vgg19,
    wide_resnet_28_10,
    wide_resnet_34_10,
)


def numbers(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


# small_cnn: RECIPE.md of fashion_wong_01 and cifar10_cnn_a_adv. resnet18 and vgg19 with batch
# norm: github.com/kuangliu/pytorch-cifar (11.17 M, 20.04 M). WRN-28-10: 36.48 M (arXiv
# 1605.07146 rounds to 36.5 M), WRN-34-10: 46.16 M (github.com/yaodongyu/TRADES).
@pytest.mark.parametrize(
    ("factory", "settings", "published"),
    [
        (small_cnn, {}, 166_406),
        (small_cnn, {"shape": (3, 32, 32)}, 214_918),
        (resnet18, {}, 11_173_962),
        (vgg19, {}, 20_040_522),
        (wide_resnet_28_10, {}, 36_479_194),
        (wide_resnet_34_10, {}, 46_160_474),
    ],
)
def test_number_of_parameters_as_published(factory, settings, published):
    with torch.device("meta"):
        assert numbers(factory(**settings)) == published


def test_surrogate_is_small_and_another_net():
    assert numbers(medium_cnn()) <= 250_000
    assert repr(medium_cnn()) != repr(small_cnn())


DIGITS, FASHION, CIFAR, TINY = (1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize(
    ("shape", "classes"),
    [(DIGITS, 10), (FASHION, 10), (CIFAR, 100), (TINY, 200), ((1, 33, 46), 2), ((4, 32, 32), 10)],
)
def test_logits_for_every_shape(name, shape, classes):
    if name == "vgg19" and min(shape[1:]) < 32:
        pytest.skip("its five poolings leave nothing of such an image")
    with torch.device("meta"):  # shapes without arithmetic
        net = build(name, shape, classes).eval()
        assert net(torch.zeros(2, *shape)).shape == (2, classes)


# By hand: a class more costs 512 weights and a bias; small-cnn's linear layer sees 32 (h/4) (w/4).
@pytest.mark.parametrize(
    ("name", "shape", "classes", "expected"),
    [
        ("resnet18", TINY, 200, 11_173_962 + 190 * 513),
        ("vgg19", TINY, 200, 20_040_522 + 190 * 513),
        ("small-cnn", DIGITS, 10, 166_406 - 100 * 32 * (49 - 4)),
        ("small-cnn", CIFAR, 10, 214_918),
    ],
)
def test_number_of_parameters_for_other_images(name, shape, classes, expected):
    with torch.device("meta"):
        assert numbers(build(name, shape, classes)) == expected


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_own_shape_and_classes_unless_given(name):
    with torch.device("meta"):
        usual = FASHION if name.endswith("-cnn") else CIFAR
        assert repr(build(name)) == repr(build(name, usual, 10))


@pytest.mark.parametrize(
    ("name", "shape", "classes", "message"),
    [
        ("vgg19", FASHION, 10, "vgg19 needs images of at least 32x32 pixels, got 28x28"),
        ("vgg19", (3, 64, 31), 10, "at least 32x32 pixels, got 64x31"),
        ("small-cnn", (1, 3, 28), 10, "small-cnn needs images of at least 4x4 pixels, got 3x28"),
        ("resnet18", (0, 32, 32), 10, r"not \(0, 32, 32\)"),
        ("resnet18", (32, 32), 10, r"\(channels, height, width\), not \(32, 32\)"),
        ("resnet18", CIFAR, 0, "at least one class, got 0"),
    ],
)
def test_a_shape_that_cannot_be(name, shape, classes, message):
    with pytest.raises(InputError, match=message) as caught:
        build(name, shape, classes)
    assert "\n" not in str(caught.value)


def test_smallest_images_pass():
    with torch.no_grad():
        assert build("vgg19", CIFAR).eval()(torch.zeros(1, *CIFAR)).shape == (1, 10)
        assert build("small-cnn", (1, 4, 4))(torch.zeros(1, 1, 4, 4)).shape == (1, 10)


def test_resnet18_sees_a_large_image_at_the_cost_of_a_small_one():
    with torch.device("meta"):
        small, large = resnet18(CIFAR), resnet18(TINY)
        at32 = small.stage1(small.stem(torch.zeros(1, 3, 32, 32)))
        at64 = large.stage1(large.stem(torch.zeros(1, 3, 64, 64)))
    assert at32.shape == at64.shape == (1, 64, 32, 32)
    assert {k: v.shape for k, v in small.state_dict().items()} == {
        k: v.shape for k, v in large.state_dict().items()
    }


def test_normalize_by_hand():
    pixel = torch.tensor([0.5, 0.25, 1.0]).view(1, 3, 1, 1)
    out = Normalize((0.5, 0.5, 0.5), (0.5, 0.25, 0.125))(pixel)
    assert out.flatten().tolist() == [0.0, -1.0, 4.0]


@pytest.mark.parametrize("factory", [resnet18, vgg19, wide_resnet_28_10, wide_resnet_34_10])
def test_colour_nets_normalise_first_and_the_file_carries_it(factory):
    with torch.device("meta"):
        net = factory()
    assert isinstance(net[0], Normalize)
    assert {"normalize.mean", "normalize.std"} <= set(net.state_dict())


def test_cifar_constants_are_the_default():
    normalize = resnet18().normalize
    assert normalize.mean.flatten().tolist() == pytest.approx(CIFAR_MEAN)
    assert normalize.std.flatten().tolist() == pytest.approx(CIFAR_STD)


@pytest.mark.parametrize("factory", [resnet18, vgg19, wide_resnet_28_10])
def test_other_than_colour_images_are_not_normalised(factory):
    x = torch.linspace(0, 1, 32 * 32).view(1, 1, 32, 32)
    assert torch.equal(factory((1, 32, 32)).normalize(x), x)


def zeroed(block: torch.nn.Module) -> torch.nn.Module:
    for parameter in block.residual.parameters():
        torch.nn.init.zeros_(parameter)
    return block.eval()


def test_blocks_without_residual_pass_the_input_on():
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(zeroed(ResidualBlock(4, 4, 1))(x), x.relu())
        assert torch.equal(zeroed(PreactivationBlock(4, 4, 1))(x), x)


def test_blocks_that_change_the_shape_project():
    x = torch.rand(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    for block in (ResidualBlock(4, 8, 2), PreactivationBlock(4, 8, 2)):
        assert block(x).shape == (2, 8, 3, 3)

"""MI-FGSM and TI-DIM: their paths, their transformations, their strength."""

import numpy as np
import pytest
import scipy.signal
import scipy.stats
import torch
from linear import Linear, samples
from torch import nn
from torch.nn import functional as F

from workbench.attacks import NEVER, PGD, attack
from workbench.attacks.momentum import MomentumIterative, diverse, smoothed
from workbench.errors import InputError
from workbench.models import ARCHITECTURES
from workbench.models.counted import Counted
from workbench.seeds import Noise, forked
from workbench.threat import NORMS, ThreatModel

MI, TI_DIM = attack("mi-fgsm"), attack("ti-dim")


def net_and_samples(n: int = 40):
    with forked(3):
        net = ARCHITECTURES["small-cnn"]().eval()
        x = torch.rand(n, 1, 28, 28)
    return net, x, net(x).argmax(1)


def noise_of(x: torch.Tensor) -> Noise:
    return Noise(0, tuple(range(len(x))))


def plain_mi(model, x, y, epsilon, steps, decay) -> torch.Tensor:
    """Algorithm 1 of Dong et al. 2018, sample by sample, in Linf."""
    found = []
    for one, label in zip(x, y, strict=True):
        at, momentum = one[None], torch.zeros_like(one[None])
        for _ in range(steps):
            at = at.detach().requires_grad_()
            F.cross_entropy(model(at), label[None]).backward()
            momentum = decay * momentum + at.grad / at.grad.abs().sum()
            moved = at.detach() + epsilon / steps * momentum.sign()
            at = torch.min(torch.max(moved, one - epsilon), one + epsilon).clamp(0, 1)
        found.append(at)
    return torch.cat(found)


def test_it_is_the_papers_algorithm() -> None:
    net, x, y = net_and_samples(6)
    made = MomentumIterative(steps=5, step=0.2, decay=0.7, stop_at_success=False)
    attempt = made(net, x, y, ThreatModel("Linf", "0.001"), noise_of(x))
    assert (attempt.first_success == NEVER).all()  # so that what is kept is the last point
    assert torch.allclose(attempt.x_adv, plain_mi(net, x, y, 0.001, 5, 0.7), atol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
def test_without_decay_it_is_pgd_from_the_natural_sample(norm) -> None:
    net, x, y = net_and_samples()
    threat = ThreatModel(norm, "0.02" if norm == "Linf" else "0.3")
    plain = MomentumIterative(steps=4, step=0.25, decay=0)(net, x, y, threat, noise_of(x))
    pgd = PGD(steps=4, step=0.25, random_start=False)(net, x, y, threat, noise_of(x))
    assert torch.equal(plain.first_success, pgd.first_success)
    assert torch.allclose(plain.x_adv, pgd.x_adv, atol=1e-6)


@pytest.mark.parametrize(("norm", "eps"), [("Linf", "0.012"), ("L2", "0.2")])
def test_it_is_as_strong_as_foolboxs(norm, eps) -> None:
    foolbox = pytest.importorskip("foolbox")
    net, x, y = net_and_samples(200)
    theirs = getattr(foolbox.attacks, f"{norm}MomentumIterativeFastGradientMethod")(
        rel_stepsize=0.1, steps=10
    )
    bounded = foolbox.PyTorchModel(net, bounds=(0, 1), device="cpu")
    _, _, fallen = theirs(bounded, x, y, epsilons=float(eps))
    ours = MI(net, x, y, ThreatModel(norm, eps), noise_of(x)).first_success != NEVER
    assert 20 < ours.sum() < 180
    assert ours.sum() >= fallen.sum() - 1  # 0.5 points


@pytest.mark.parametrize("norm", NORMS)
def test_on_a_linear_model_it_finds_what_exists_and_nothing_else(norm) -> None:
    model = Linear()
    x, y = samples(model, 32)
    smallest = model.smallest(x, norm)
    threat = ThreatModel(norm, repr(smallest.median().item() * 1.0005))
    for made in (MI, TI_DIM):
        attempt = made(model, x, y, threat, noise_of(x))
        assert threat.contains(attempt.x_adv, x).all()
        assert (attempt.first_success[smallest > threat.epsilon] == NEVER).all()
    found = MI(model, x, y, threat, noise_of(x)).first_success != NEVER
    assert found[smallest * 1.01 < threat.epsilon].all()


@pytest.mark.parametrize("kernel", [3, 7, 15])
def test_smoothing_is_a_convolution_with_the_authors_kernel(kernel) -> None:
    gradient = torch.randn((2, 3, 9, 6), generator=torch.Generator().manual_seed(0))
    line = scipy.stats.norm.pdf(np.linspace(-3, 3, kernel))
    square = np.outer(line, line) / np.outer(line, line).sum()
    smooth = smoothed(gradient, kernel)
    for sample, channel in np.ndindex(2, 3):
        plane = gradient[sample, channel].numpy()
        truth = scipy.signal.convolve2d(plane, square)  # "full": its "same" needs a large image
        reach = kernel // 2
        truth = truth[reach : reach + 9, reach : reach + 6]
        assert np.allclose(smooth[sample, channel].numpy(), truth, atol=1e-6)


def test_no_kernel_leaves_the_gradient() -> None:
    gradient = torch.randn((2, 3, 5, 5), generator=torch.Generator().manual_seed(0))
    assert smoothed(gradient, 1) is gradient


@pytest.mark.parametrize("size", [(8, 8), (28, 20), (1, 5)])
def test_a_diverse_copy_is_resized_and_padded(size) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand((20, 2, *size), generator=generator)
    drawn = torch.rand((20, 4), generator=generator)
    copies = diverse(x, drawn, 0.7)
    for one, numbers, copy in zip(x, drawn.tolist(), copies, strict=True):
        smallest = [max(1, int(0.7 * side)) for side in size]
        small = [
            low + int(numbers[1] * (side + 1 - low))
            for low, side in zip(smallest, size, strict=True)
        ]
        top, left = (
            int(number * (side + 1 - part))
            for number, side, part in zip(numbers[2:], size, small, strict=True)
        )
        resized = F.interpolate(one[None], small, mode="bilinear", align_corners=False)
        right, bottom = size[1] - small[1] - left, size[0] - small[0] - top
        truth = F.pad(resized, (left, right, top, bottom))[0]
        assert torch.allclose(copy, truth, atol=1e-5)


def test_copies_reach_every_size_and_both_borders() -> None:
    drawn = torch.tensor([[0, 0, 0, 0], [0, 0, 0.999, 0.999], [0, 0.999, 0.5, 0.5]])
    first, last, whole = diverse(torch.ones(3, 1, 10, 10), drawn, 0.8)
    assert torch.allclose(first[0], F.pad(torch.ones(8, 8), (0, 2, 0, 2)), atol=1e-6)
    assert torch.allclose(last[0], F.pad(torch.ones(8, 8), (2, 0, 2, 0)), atol=1e-6)
    assert torch.allclose(whole, torch.ones(1, 10, 10), atol=1e-6)


def test_copies_differ_between_samples_and_between_steps() -> None:
    net, x, y = net_and_samples(6)
    seen = []
    net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    made = MomentumIterative(
        steps=2, diversity_probability=1, resize_rate=0.5, stop_at_success=False
    )
    made(net, 0.5 + x / 2, y, ThreatModel("Linf", "0.01"), noise_of(x))
    first, second = ((copy[:, 0] < 0.01).tolist() for copy in (seen[1], seen[3]))
    assert len(seen) == 5
    assert all(a != b for a, b in zip(first, second, strict=True))
    assert len({str(border) for border in first}) == len(x)


@pytest.mark.parametrize("made", [MI, TI_DIM], ids=["mi-fgsm", "ti-dim"])
def test_what_it_reports_is_what_the_model_says_of_its_points(made) -> None:
    net, x, y = net_and_samples()
    counted = Counted(net)
    attempt = made(counted, x, y, ThreatModel("Linf", "0.012"), noise_of(x))
    fell = attempt.first_success != NEVER
    assert 0 < fell.sum() < len(x)
    assert torch.equal(fell, net(attempt.x_adv).argmax(1) != y)
    assert attempt.forwards.sum() == counted.forward_passes
    assert attempt.backwards.sum() == counted.backward_passes
    rows, last = torch.arange(len(x)), (~attempt.losses.isnan()).sum(1) - 1
    assert torch.equal(last[fell], attempt.first_success[fell])
    losses = F.cross_entropy(net(attempt.x_adv), y, reduction="none")
    assert torch.allclose(attempt.losses[rows, last], losses, atol=1e-4)


@pytest.mark.parametrize("stop", [True, False])
def test_a_sample_does_not_depend_on_its_batch(stop) -> None:
    net, x, y = net_and_samples()
    made = MomentumIterative(diversity_probability=0.5, kernel=5, stop_at_success=stop)
    threat = ThreatModel("Linf", "0.012")
    whole = made(net, x, y, threat, Noise(5, tuple(range(len(x)))))
    part = made(net, x[7:12], y[7:12], threat, Noise(5, tuple(range(7, 12))))
    assert torch.equal(part.first_success, whole.first_success[7:12])
    assert torch.allclose(part.x_adv, whole.x_adv[7:12], atol=1e-5)
    other = made(net, x, y, threat, Noise(6, tuple(range(len(x)))))
    assert not torch.equal(other.x_adv, whole.x_adv)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("classes", [2, 3, 1000])
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (2, 3, 7, 5), (1, 4, 1, 1)])
def test_any_shape_and_number_of_classes(shape, classes, norm) -> None:
    generator = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))
    x = torch.rand(shape, generator=generator)
    with forked(0):
        y = net(x).argmax(1)
    threat = ThreatModel(norm, "0.05")
    attempt = TI_DIM(net, x, y, threat, noise_of(x))
    assert threat.contains(attempt.x_adv, x).all()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mi-fgsm:steps=0", "steps ≥ 1"),
        ("mi-fgsm:step=0", "step > 0"),
        ("mi-fgsm:decay=nan", "decay ≥ 0"),
        ("ti-dim:kernel=4", "odd side"),
        ("ti-dim:diversity_probability=1.5", "diversity_probability"),
        ("ti-dim:resize_rate=0", "resize_rate"),
    ],
)
def test_impossible_settings_are_refused(name, hint) -> None:
    with pytest.raises(InputError, match=hint):
        attack(name)

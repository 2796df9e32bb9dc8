from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from workbench.errors import InputError
from workbench.models import Classifier
from workbench.models.architectures import small_cnn
from workbench.screen import guarded


def test_frozen_and_in_eval_mode():
    model = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Dropout()), "test")
    assert not any(p.requires_grad for p in model.parameters())
    assert not any(m.training for m in model.modules())


def test_train_does_not_leave_eval_mode():
    net = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(), nn.Flatten())
    model = Classifier(net, "test")
    before = net[0].running_mean.clone()
    assert model.train() is model
    x = torch.rand(8, 1, 2, 2, generator=torch.Generator().manual_seed(0)) + 1
    assert torch.equal(model(x), model(x))
    assert torch.equal(net[0].running_mean, before)
    assert not any(m.training for m in model.modules())


def test_gradients_reach_the_input():
    model = Classifier(small_cnn(), "test")
    x = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0), requires_grad=True)
    model(x).sum().backward()
    assert x.grad.abs().sum() > 0


def test_device_is_that_of_the_parameters():
    assert Classifier(nn.Linear(2, 2), "here").device == torch.device("cpu")
    assert Classifier(nn.Flatten(), "no parameters").device == torch.device("cpu")
    moved = Classifier(nn.Linear(2, 2), "elsewhere").to("meta")
    assert moved.device == torch.device("meta")


def test_carries_origin_and_fingerprint():
    model = Classifier(small_cnn(), "made here")
    assert model.origin == "made here"
    assert len(model.fingerprint) == 16
    int(model.fingerprint, 16)


class Ends(nn.Module):
    """Three logits for each image, and what is made of them."""

    def __init__(self, end: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.end = end

    def forward(self, x: Tensor) -> object:
        return self.end(self.linear(x.flatten(1)))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 7 TiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.07 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_memory_that_runs_out_is_not_told_as_a_wrong_shape(error):
    def fail(logits: Tensor) -> None:
        raise error

    with pytest.raises(type(error), match=r"memory|allocate"):
        Classifier(Ends(fail), "net")(torch.rand(2, 1, 2, 2))
    assert guarded(lambda: Classifier(Ends(fail), "net")(torch.rand(2, 1, 2, 2))) == 2


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_logits_of_any_precision_become_float32_and_have_gradients(kind):
    x = torch.rand(2, 1, 2, 2, requires_grad=True)
    logits = Classifier(Ends(lambda z: z.to(kind)), "a net")(x)
    assert logits.dtype == torch.float32
    logits.sum().backward()
    assert x.grad.abs().sum() > 0


def raising(error: BaseException) -> Callable[[Tensor], object]:
    def end(logits: Tensor) -> object:
        raise error

    return end


@pytest.mark.parametrize(
    ("end", "what"),
    [
        (lambda z: z.long(), "gives torch.int64, where logits"),
        (lambda z: z > 0, "gives torch.bool"),
        (lambda z: z.to(torch.complex64), "gives torch.complex64"),
        (lambda z: z.to_sparse(), "torch.sparse_coo on cpu"),
        (lambda z: z.to("meta"), "on meta"),
        (lambda z: z[:1], r"shape \(1, 3\), not a row"),
        (lambda z: {"logits": z}, "gives a dict"),
        (raising(ValueError("no\nbright images")), "images of 1x2x2: ValueError: no$"),
        (raising(SystemExit(5)), "SystemExit: 5"),
    ],
)
def test_what_are_no_logits_is_refused_in_one_line(end, what):
    with pytest.raises(InputError, match=what) as caught:
        Classifier(Ends(end), "a net")(torch.rand(2, 1, 2, 2))
    assert "\n" not in str(caught.value)


def test_no_gradient_is_refused_where_one_is_wanted():
    model = Classifier(Ends(lambda z: (255 * z).to(torch.uint8).float()), "rounds")
    x = torch.rand(2, 1, 2, 2)
    with torch.no_grad():
        assert model(x.requires_grad_()).shape == (2, 3)
    assert model(x.detach()).shape == (2, 3)
    with pytest.raises(InputError, match="rounds gives no gradient to its images; use square"):
        model(x)

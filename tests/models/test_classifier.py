import torch
from torch import nn

from workbench.models import Classifier
from workbench.models.architectures import small_cnn


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

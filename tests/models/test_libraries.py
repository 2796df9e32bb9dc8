"""Models of other packages, which stand-ins play where the packages are not installed."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from workbench.errors import InputError
from workbench.models import Loading, load_model

X = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)


def net() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(48, 10))


def normalised(x):
    return (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


@pytest.fixture
def package(monkeypatch):
    def package(name: str, **content):
        parts = name.split(".")
        for i in range(len(parts)):
            monkeypatch.setitem(sys.modules, ".".join(parts[: i + 1]), ModuleType(name))
        vars(sys.modules[name]).update(content)

    return package


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("Wang2023", ("Wang2023", "cifar10", "Linf")),
        ("L2/Wang2023", ("Wang2023", "cifar10", "L2")),
        ("cifar100/Linf/Wang2023", ("Wang2023", "cifar100", "Linf")),
    ],
)
def test_robustbench(package, name, asked):
    calls = []

    def load(model_name, dataset, threat_model):
        calls.append((model_name, dataset, threat_model))
        return net()

    package("robustbench.utils", load_model=load)
    model = load_model(f"robustbench:{name}")
    assert calls == [asked]
    assert model.origin == f"robustbench:{name}"
    assert torch.equal(model(X), net()(X))


@pytest.mark.parametrize("name", ["Linf/a/b/c", "L7/Wang2023"])
def test_robustbench_by_another_order(package, name):
    package("robustbench.utils", load_model=lambda **_: net())
    with pytest.raises(InputError, match="is not like robustbench:cifar10/Linf/NAME"):
        load_model(f"robustbench:{name}")


def test_robustbench_without_such_a_model(package):
    package("robustbench.utils", load_model=lambda model_name, **_: {}[model_name])
    with pytest.raises(InputError, match="has no model 'Nobody2020' for cifar10 and L2"):
        load_model("robustbench:L2/Nobody2020")


@pytest.mark.parametrize("told", [None, {"mean": MEAN, "std": STD}])
def test_timm_with_its_normalisation_inside(package, told):
    def create(name, pretrained):
        assert (name, pretrained) == ("tiny", True)
        found = net()
        found.pretrained_cfg = told
        return found

    package("timm", create_model=create)
    expected = net()(normalised(X) if told else X)
    torch.testing.assert_close(load_model("timm:tiny")(X), expected)


@pytest.mark.parametrize("normalises", [True, False])
def test_transformers_with_its_normalisation_inside(package, normalises):
    class Classifies(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = net()

        def forward(self, pixel_values):
            return SimpleNamespace(logits=self.inner(pixel_values))

    def processor(name, trust_remote_code):
        assert not trust_remote_code
        return SimpleNamespace(do_normalize=normalises, image_mean=list(MEAN), image_std=list(STD))

    def model(name, use_safetensors, trust_remote_code):
        assert (name, use_safetensors, trust_remote_code) == ("org/tiny", True, False)
        return Classifies()

    package(
        "transformers",
        AutoModelForImageClassification=SimpleNamespace(from_pretrained=model),
        AutoImageProcessor=SimpleNamespace(from_pretrained=processor),
    )
    expected = net()(normalised(X) if normalises else X)
    torch.testing.assert_close(load_model("hf:org/tiny")(X), expected)


@pytest.mark.parametrize(
    ("reference", "name"),
    [("robustbench:a", "robustbench"), ("timm:a", "timm"), ("hf:a", "transformers")],
)
def test_a_package_that_is_missing(monkeypatch, reference, name):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, f"{name}.utils", None)
    with pytest.raises(InputError, match=f"needs the package {name}: pip install"):
        load_model(reference)


def test_a_package_that_a_package_needs(tmp_path, monkeypatch):
    (tmp_path / "robustbench").mkdir()
    (tmp_path / "robustbench" / "__init__.py").write_text("import pleasant_attacks")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "robustbench", raising=False)
    monkeypatch.delitem(sys.modules, "robustbench.utils", raising=False)
    with pytest.raises(InputError, match="needs the package pleasant_attacks: pip install"):
        load_model("robustbench:a")


def test_timm_itself(tmp_path):
    timm = pytest.importorskip("timm", reason="timm is not installed")
    net = timm.create_model("resnet18", num_classes=10).eval()
    told = {"mean": MEAN, "std": STD, "input_size": [3, 32, 32]}
    settings = {"architecture": "resnet18", "num_classes": 10, "pretrained_cfg": told}
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(settings))
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(load_model(f"timm:local-dir:{tmp_path}")(x), net(normalised(x)))


def test_transformers_itself(tmp_path):
    hub = pytest.importorskip("transformers", reason="transformers is not installed")
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = hub.ViTConfig(
        image_size=32, patch_size=8, intermediate_size=64, num_labels=10, **small
    )
    net = hub.ViTForImageClassification(config).eval()
    net.save_pretrained(tmp_path)
    hub.ViTImageProcessor(image_mean=MEAN, image_std=STD).save_pretrained(tmp_path)
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(
        load_model(f"hf:{tmp_path}")(x), net(pixel_values=normalised(x)).logits
    )


def test_what_a_package_raises_comes_in_one_line(package):
    def create(name, pretrained):
        raise RuntimeError("unknown model\nsee the list")

    package("timm", create_model=create)
    with pytest.raises(InputError, match=r"cannot load timm:a: RuntimeError: unknown model$"):
        load_model("timm:a")


@pytest.mark.parametrize("reference", ["timm:a", "zoo:fashion-mnist/natural"])
@pytest.mark.parametrize("more", [{"arch": "small-cnn"}, {"loading": Loading(weights="ema")}])
def test_names_take_no_architecture_and_no_choice(reference, more):
    with pytest.raises(InputError, match=r"leave .* out"):
        load_model(reference, **more)

"""A net and its exports compute the same: logits and gradients with respect to the images."""

import exports
import pytest
import torch

from workbench.errors import InputError
from workbench.evaluation.shipping import pack, unpack
from workbench.models import Loading, check_fits, load_model

FORMATS = [
    exports.script,
    exports.trace,
    exports.frozen,
    exports.exported,
    exports.onnx,
    exports.onnx_fixed,
]
SOME = [  # slower to export, or not possible for all
    (exports.exported_fixed, "resnet"),
    (exports.onnx_dynamo, "vit"),
    (exports.onnx_dynamo_fixed, "resnet"),
]


def logits_and_gradient(model, x):
    x = x.clone().requires_grad_()
    logits = model(x)
    return logits, torch.autograd.grad(logits.square().sum(), x)[0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("how", "name"),
    [(how, name) for how in FORMATS for name in exports.NETS if how is not exports.trace] + SOME,
    ids=lambda value: getattr(value, "__name__", value),
)
def test_logits_and_gradients_are_those_of_the_net(how, name, tmp_path):
    net, shape = exports.make(name)
    path = exports.write(how, name, tmp_path / "file")
    model = load_model(str(path), shape=shape)
    check_fits(model, shape, 10)
    assert model.differentiable
    assert model.fingerprint == load_model(str(path)).fingerprint
    x = torch.rand(5, *shape, generator=torch.Generator().manual_seed(0))
    for mine, theirs in zip(
        logits_and_gradient(model, x), logits_and_gradient(net, x), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)
    # as a worker gets it; a script's compiler may round in another way after its first calls
    torch.testing.assert_close(unpack(pack(model, tmp_path))(x), model(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("how", [exports.exported, exports.onnx])
@pytest.mark.parametrize("name", ["resnet", "vit"])
def test_a_graph_moves_to_another_device(how, name, tmp_path):
    _, shape = exports.make(name)
    model = load_model(str(exports.write(how, name, tmp_path / "m"))).to("meta")
    assert model.device.type == "meta"
    assert model(torch.rand(5, *shape, device="meta")).shape == (5, 10)


@pytest.mark.parametrize("how", [exports.script, exports.exported, exports.onnx])
def test_other_weights_have_another_fingerprint(how, tmp_path):
    one = exports.write(how, "small-cnn", tmp_path / "one")
    again = exports.write(how, "small-cnn", tmp_path / "again")
    net, shape = exports.make("small-cnn")
    with torch.no_grad():
        net[0].bias[0] += 1e-3
    how(net, torch.rand(2, *shape), tmp_path / "other")
    prints = [load_model(str(p)).fingerprint for p in (one, again, tmp_path / "other")]
    assert prints[0] == prints[1] != prints[2]


def test_a_trace_computes_what_the_net_does(tmp_path):
    net, shape = exports.make("small-cnn")
    model = load_model(str(exports.write(exports.trace, "small-cnn", tmp_path / "m")), shape=shape)
    x = torch.rand(5, *shape)
    assert torch.equal(model(x), net(x))


@pytest.mark.filterwarnings("ignore")
def test_a_script_of_train_mode_is_evaluated_in_eval_mode(tmp_path):
    net, shape = exports.make("resnet")
    exports.script(net.train(), torch.rand(2, *shape), tmp_path / "script")
    model = load_model(str(tmp_path / "script"), shape=shape)
    x = torch.rand(3, *shape)
    torch.testing.assert_close(model(x), net.eval()(x))
    model.train()
    torch.testing.assert_close(model(x), net(x))


@pytest.mark.filterwarnings("ignore")
def test_a_trace_of_train_mode_is_refused(tmp_path):
    net, shape = exports.make("resnet")
    torch.jit.trace(net.train(), torch.rand(2, *shape), check_trace=False).save(tmp_path / "trace")
    with pytest.raises(InputError, match="save it in eval mode"):
        load_model(str(tmp_path / "trace"), shape=shape)


def test_an_export_of_train_mode_is_refused(tmp_path):
    net, shape = exports.make("resnet")
    program = torch.export.export(net.train(), (torch.rand(2, *shape),))
    torch.export.save(program, tmp_path / "m.pt2")
    with pytest.raises(InputError, match="export it in eval mode"):
        load_model(str(tmp_path / "m.pt2"))


def test_an_export_for_one_batch_size_is_refused_with_advice(tmp_path):
    path = exports.write(exports.exported_fixed, "vit", tmp_path / "m")
    with pytest.raises(InputError, match=r"dynamic_shapes=\(\{0: torch.export.Dim") as caught:
        load_model(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", [exports.script, exports.exported, exports.onnx])
@pytest.mark.parametrize("more", [{"arch": "small-cnn"}, {"weights": "ema"}])
def test_a_whole_net_takes_no_architecture_and_no_choice(how, more, tmp_path):
    path = exports.write(how, "small-cnn", tmp_path / "m")
    loading = Loading(weights=more.get("weights"))
    with pytest.raises(InputError, match="holds a whole net: leave"):
        load_model(str(path), more.get("arch"), loading=loading)

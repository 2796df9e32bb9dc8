"""ONNX files as they come: compared with onnxruntime, forward only, refused."""

import sys
from pathlib import Path

import exports
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from workbench.data import Dataset
from workbench.errors import InputError
from workbench.evaluation.battery import evaluate
from workbench.evaluation.shipping import pack, unpack
from workbench.evaluation.store import Store
from workbench.models import check_fits, load_model
from workbench.models.onnx import load as onnx_load
from workbench.models.onnx.elementwise import unary
from workbench.threat import ThreatModel

SHAPE = (1, 4, 4)


def node(name, inputs, outputs, **attributes):
    return helper.make_node(name, inputs.split(), outputs.split(), **attributes)


def write(path: Path, *nodes, batch="batch", weights=None, opset=21, **more) -> Path:
    """A file with the given nodes from "f", the flat images, to "y", the logits."""
    matrix = np.random.default_rng(0).normal(size=(16, 10)).astype(np.float32)
    tensors = {"w": matrix, **(weights or {})}
    graph = helper.make_graph(
        [node("Flatten", "x", "f"), *nodes],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *SHAPE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 10])],
        [numpy_helper.from_array(tensor, name) for name, tensor in tensors.items()],
    )
    opsets = [helper.make_opsetid("", opset), *more.pop("opsets", [])]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10, **more)
    path.write_bytes(model.SerializeToString())
    return path


UNKNOWN = [node("MatMul", "f w", "z"), node("ThresholdedRelu", "z", "y")]  # no operator of ours


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_model(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_difference_from_onnxruntime_is_in_the_origin(tmp_path):
    model = load_model(str(write(tmp_path / "m.onnx", node("MatMul", "f w", "y"))))
    assert "m.onnx (ONNX, at most " in model.origin
    assert "from onnxruntime)" in model.origin


@pytest.mark.parametrize("batch", ["batch", 1, 3])
def test_an_unknown_operator_only_runs_forward(tmp_path, batch):
    model = load_model(str(write(tmp_path / "m.onnx", *UNKNOWN, batch=batch)))
    check_fits(model, SHAPE, 10)
    assert not model.differentiable
    assert "forward only: the operator 'ThresholdedRelu' is not known" in model.origin
    x = torch.rand(7, *SHAPE)
    logits = x.flatten(1) @ torch.from_numpy(
        np.random.default_rng(0).normal(size=(16, 10)).astype(np.float32)
    )
    expected = torch.where(logits > 1, logits, 0)
    torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(unpack(pack(model, tmp_path))(x), model(x))


def test_what_disagrees_with_onnxruntime_only_runs_forward(tmp_path, monkeypatch):
    wrong = {**onnx_load.convert.__globals__["OPERATORS"], "Relu": unary(torch.tanh)}
    monkeypatch.setitem(onnx_load.convert.__globals__, "OPERATORS", wrong)
    nodes = [node("MatMul", "f w", "z"), node("Relu", "z", "y")]
    model = load_model(str(write(tmp_path / "m.onnx", *nodes)))
    assert not model.differentiable
    assert "forward only: with gradients it is" in model.origin


def test_attacks_on_a_model_without_gradients(tmp_path):
    model = load_model(str(write(tmp_path / "m.onnx", *UNKNOWN)))
    images = np.random.default_rng(0).uniform(size=(20, *SHAPE)).astype(np.float32)
    data = Dataset("noise", "test", images, np.arange(20) % 10, tuple("abcdefghij"))
    threat, store = ThreatModel("Linf", "0.1"), Store(tmp_path / "store")
    for attack in ("fgsm", "cascade", "autoattack", "mi-fgsm"):
        with pytest.raises(InputError, match=r"needs gradients, and .* use square or random-noise"):
            evaluate(model, data, threat, ["square:queries=5", attack], store=store, samples=20)
    quick = ["none", "square:queries=20", "random-noise:draws=5"]
    found = evaluate(model, data, threat, quick, store=store, samples=20)
    assert set(found.rows["attack"]) == set(quick)


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_package_that_is_missing(tmp_path, monkeypatch, missing):
    known = write(tmp_path / "m.onnx", node("MatMul", "f w", "y"))
    unknown = write(tmp_path / "u.onnx", *UNKNOWN)
    monkeypatch.setitem(sys.modules, missing, None)
    assert "pip install 'robustness-workbench[onnx]'" in refusal(unknown)
    if missing == "onnxruntime":
        assert "not compared with onnxruntime" in load_model(str(known)).origin
    else:
        assert "pip install 'robustness-workbench[onnx]'" in refusal(known)


def test_weights_beside_the_file(tmp_path):
    net, shape = exports.make("small-cnn")
    exports.onnx_dynamo(net, torch.rand(2, *shape), tmp_path / "m.onnx")
    assert (tmp_path / "m.onnx.data").exists()
    model = load_model(str(tmp_path / "m.onnx"))
    x = torch.rand(3, *shape)
    torch.testing.assert_close(model(x), net(x), rtol=1e-5, atol=1e-5)
    (tmp_path / "m.onnx.data").unlink()
    assert "needs the file 'm.onnx.data' beside it" in refusal(tmp_path / "m.onnx")


def external(path: Path, **told: str) -> Path:
    model = onnx.load_model_from_string(write(path, node("MatMul", "f w", "y")).read_bytes())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in told.items():
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("where", ["../secret", "/etc/passwd", "folder/secret", "..", "", "link"])
def test_weights_elsewhere_are_refused(tmp_path, where):
    (tmp_path / "secret").write_bytes(bytes(640))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to(tmp_path / "secret")
    message = refusal(external(tmp_path / "folder/m.onnx", location=where))
    assert "takes weights from" in message


@pytest.mark.parametrize("told", [{"offset": "600"}, {"length": "9" * 12}, {"offset": "x"}])
def test_weights_beside_that_are_not_there(tmp_path, told):
    (tmp_path / "data").write_bytes(bytes(641))
    assert "get both files again" in refusal(
        external(tmp_path / "m.onnx", location="data", **{"length": "640", **told})
    )


def test_a_domain_of_its_own_is_refused(tmp_path):
    opsets = [helper.make_opsetid("my.company", 1)]
    nodes = [node("MatMul", "f w", "z"), node("Magic", "z", "y", domain="my.company")]
    message = refusal(write(tmp_path / "m.onnx", *nodes, opsets=opsets))
    assert "the operator 'my.company.Magic' is not known" in message


def test_functions_that_call_themselves_are_refused(tmp_path):
    opsets = [helper.make_opsetid("own", 1)]
    again = [node("Again", "a", "b", domain="own")]
    function = helper.make_function("own", "Again", ["a"], ["b"], again, opsets)
    nodes = [node("MatMul", "f w", "z"), node("Again", "z", "y", domain="own")]
    message = refusal(write(tmp_path / "m.onnx", *nodes, opsets=opsets, functions=[function]))
    assert "functions of its own" in message


def test_a_loop_is_refused(tmp_path):
    body = helper.make_graph([node("Identity", "i", "o")], "b", [], [])
    nodes = [node("Loop", "n c f", "y", body=body)]
    weights = {"n": np.array(2**62), "c": np.array(True)}
    assert "control flow ('Loop')" in refusal(write(tmp_path / "m.onnx", *nodes, weights=weights))


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Add", "a f", "b"), node("Add", "b f", "a"), node("MatMul", "a w", "y")],
        [node("MatMul", "nothing w", "y")],
        [node("Relu", "f", "a"), node("Relu", "f", "a"), node("MatMul", "a w", "y")],
    ],
)
def test_cycles_and_other_impossible_graphs(tmp_path, nodes):
    assert "truncated or corrupt" in refusal(write(tmp_path / "m.onnx", *nodes))


@pytest.mark.parametrize("dims", [[2**40], [2**31, 2**31], [-1, 16]])
def test_a_shape_that_its_bytes_do_not_fill(tmp_path, dims):
    model = onnx.load_model_from_string(
        write(tmp_path / "m.onnx", node("MatMul", "f w", "y")).read_bytes()
    )
    model.graph.initializer[0].dims[:] = dims
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    assert "truncated or corrupt" in refusal(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    "grow",
    [
        [node("ConstantOfShape", "huge", "c")],
        [node("Expand", "one huge", "c")],
        [node("Tile", "w huge", "c")],
        [node("Range", "zero many one_", "c")],
    ],
    ids=lambda nodes: nodes[0].op_type,
)
def test_tensors_that_nobody_could_hold(tmp_path, grow):
    weights = {
        "huge": np.array([2**20, 2**20]),
        "one": np.ones(1, dtype=np.float32),
        "zero": np.array(0.0, dtype=np.float32),
        "one_": np.array(1.0, dtype=np.float32),
        "many": np.array(1e12, dtype=np.float32),
    }
    nodes = [*grow, node("ReduceSum", "c", "s", keepdims=0), node("MatMul", "f w", "z")]
    path = write(tmp_path / "m.onnx", *nodes, node("Add", "z s", "y"), weights=weights)
    refusal(path)


def test_nan_weights(tmp_path):
    weights = {"v": np.full((16, 10), np.nan, dtype=np.float32)}
    path = write(tmp_path / "m.onnx", node("MatMul", "f v", "y"), weights=weights)
    assert "NaN weights in 'v'" in refusal(path)


def test_two_inputs(tmp_path):
    path = write(tmp_path / "m.onnx", node("MatMul", "f w", "y"))
    model = onnx.load_model_from_string(path.read_bytes())
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1]))
    path.write_bytes(model.SerializeToString())
    assert "2 inputs and 1 outputs" in refusal(path)

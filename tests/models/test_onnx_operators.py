"""Every known ONNX operator against onnxruntime, its gradient against differences."""

from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx_cases import CASES, CHAINS, IMAGE, LATEST, f32

from workbench.models.onnx.convert import OPERATORS, convert
from workbench.models.onnx.runtime import ForwardOnly


def model_of(nodes, tensors, shape, opset, given):
    """A model with the input x, the weights, and an output y of a given shape."""
    weights = [numpy_helper.from_array(tensor, name) for name, tensor in tensors.items()]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, given)
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def both(nodes, tensors, shape, opset=LATEST):
    """What our form and onnxruntime give for the same x, and our form."""
    x = torch.from_numpy(f32(*shape))
    program = convert(model_of(nodes, tensors, shape, opset, None), None, Path("m.onnx"))
    found = program(x)
    model = model_of(nodes, tensors, shape, opset, found.shape)
    onnx.checker.check_model(model)
    return found, ForwardOnly(model.SerializeToString(), None)(x), program


def name_of(case) -> str:
    return f"{case[0]}-{case[4]}-{len(case[2])}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_an_operator_computes_what_onnxruntime_does(case):
    name, attributes, inputs, shape, opset = case
    tensors = {f"w{i}": tensor for i, tensor in enumerate(inputs) if tensor is not None}
    names = ["x", *(f"w{i}" if t is not None else "" for i, t in enumerate(inputs))]
    node = helper.make_node(name, names, ["y"], **attributes)
    found, expected, program = both([node], tensors, shape, opset)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    if name not in ("Ceil", "Floor", "Round", "Sign", "Mod", "Cast", "CastLike"):
        x = torch.from_numpy(f32(*shape)).double().requires_grad_()
        assert torch.autograd.gradcheck(program.double(), x, fast_mode=True)


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_computes_what_onnxruntime_does(name):
    nodes, tensors, opset = CHAINS[name]
    found, expected, _ = both(nodes, tensors, IMAGE, opset)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_every_operator_is_tested():
    tested = {case[0] for case in CASES} | {n.op_type for c in CHAINS.values() for n in c[0]}
    assert set(OPERATORS) <= tested

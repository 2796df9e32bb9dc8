"""ONNX nodes and chains of nodes, with the tensors that they need."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

LATEST = 21
RNG = np.random.default_rng(0)


def f32(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def i64(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def scalar(value: float) -> np.ndarray:
    return np.array(value, dtype=np.float32)


IMAGE, ROWS = (2, 4, 7, 6), (3, 4)
K = {"kernel_shape": [3, 2]}
# operator, attributes, further inputs (None: left out), shape of x, operator set
CASES = [
    *[(name, {}, [], IMAGE, LATEST) for name in ("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor")],
    *[(name, {}, [], IMAGE, LATEST) for name in ("Identity", "Neg", "Relu", "Reciprocal", "Round")],
    *[(name, {}, [], IMAGE, LATEST) for name in ("Sigmoid", "Sign", "Sin", "Softplus", "Softsign")],
    *[(name, {}, [], IMAGE, LATEST) for name in ("Tanh", "HardSwish", "Elu", "Selu", "Celu")],
    *[(name, {}, [], IMAGE, LATEST) for name in ("LeakyRelu", "HardSigmoid", "Gelu", "Mish")],
    *[
        (name, {}, [f32(4, 1, 6)], IMAGE, LATEST)
        for name in ("Add", "Sub", "Mul", "Div", "Max", "Min")
    ],
    ("Sum", {}, [f32(*IMAGE), f32(6)], IMAGE, LATEST),
    ("Mod", {"fmod": 1}, [f32(6)], IMAGE, LATEST),
    ("PRelu", {}, [f32(4, 1, 1)], IMAGE, LATEST),
    ("Pow", {}, [scalar(2.0)], IMAGE, LATEST),
    ("Pow", {}, [np.array([3.0], dtype=np.float32)], IMAGE, LATEST),
    ("Pow", {}, [i64(2)], IMAGE, LATEST),
    ("Elu", {"alpha": 0.7}, [], IMAGE, LATEST),
    ("Selu", {"alpha": 1.5, "gamma": 1.2}, [], IMAGE, LATEST),
    ("Celu", {"alpha": 0.7}, [], IMAGE, LATEST),
    ("LeakyRelu", {"alpha": 0.3}, [], IMAGE, LATEST),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}, [], IMAGE, LATEST),
    ("Gelu", {"approximate": "tanh"}, [], IMAGE, LATEST),
    ("Clip", {"min": -0.5, "max": 0.5}, [], IMAGE, 7),
    ("Clip", {}, [scalar(-0.5), scalar(0.5)], IMAGE, LATEST),
    ("Clip", {}, [None, scalar(0.5)], IMAGE, LATEST),
    ("Clip", {}, [], IMAGE, LATEST),
    ("Dropout", {}, [], IMAGE, LATEST),
    ("Dropout", {"ratio": 0.3}, [], IMAGE, 7),
    ("CastLike", {}, [f32(1)], IMAGE, LATEST),
    ("Cast", {"to": TensorProto.FLOAT}, [], IMAGE, LATEST),
    # products
    ("MatMul", {}, [f32(6, 5)], IMAGE, LATEST),
    ("Gemm", {}, [f32(4, 5), f32(5)], ROWS, LATEST),
    (
        "Gemm",
        {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0},
        [f32(5, 3), f32(4, 5)],
        ROWS,
        13,
    ),
    ("Gemm", {"transB": 1}, [f32(5, 4)], ROWS, LATEST),
    # convolutions
    ("Conv", {}, [f32(5, 4, 3, 2)], IMAGE, LATEST),
    ("Conv", {"strides": [2, 1], "pads": [1, 0, 1, 0]}, [f32(5, 4, 3, 2), f32(5)], IMAGE, LATEST),
    ("Conv", {"pads": [0, 1, 2, 0], "dilations": [2, 1]}, [f32(5, 4, 3, 2)], IMAGE, LATEST),
    ("Conv", {"group": 2, "strides": [2, 2]}, [f32(6, 2, 3, 2), f32(6)], IMAGE, LATEST),
    ("Conv", {"group": 4}, [f32(4, 1, 3, 3)], IMAGE, LATEST),
    *[
        ("Conv", {"auto_pad": pad, "strides": [2, 2]}, [f32(5, 4, 3, 2)], IMAGE, LATEST)
        for pad in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ],
    ("Conv", {"pads": [1, 1]}, [f32(5, 4, 3)], (2, 4, 7), LATEST),
    ("Conv", {}, [f32(5, 4, 1, 2, 2)], (2, 4, 2, 3, 3), LATEST),
    ("ConvTranspose", {"strides": [2, 2]}, [f32(4, 3, 2, 2), f32(3)], IMAGE, LATEST),
    (
        "ConvTranspose",
        {"strides": [2, 1], "pads": [1, 0, 1, 0], "output_padding": [1, 0], "group": 2},
        [f32(4, 3, 3, 2)],
        IMAGE,
        LATEST,
    ),
    # pooling
    *[
        (pool, {**K, **more}, [], IMAGE, LATEST)
        for pool in ("MaxPool", "AveragePool")
        for more in (
            {},
            {"strides": [2, 2]},
            {"strides": [2, 2], "pads": [1, 0, 1, 1]},
            {"strides": [2, 2], "pads": [0, 1, 1, 0]},
            {"strides": [2, 2], "ceil_mode": 1},
            {"strides": [3, 2], "ceil_mode": 1, "pads": [1, 1, 1, 1]},
            {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
            {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
            {"strides": [2, 2], "auto_pad": "VALID"},
        )
    ],
    ("MaxPool", {**K, "dilations": [2, 2]}, [], IMAGE, LATEST),
    ("AveragePool", {**K, "pads": [1, 1, 1, 0], "count_include_pad": 1}, [], IMAGE, LATEST),
    (
        "AveragePool",
        {**K, "pads": [1, 0, 1, 1], "count_include_pad": 1, "ceil_mode": 1, "strides": [3, 2]},
        [],
        IMAGE,
        LATEST,
    ),
    ("MaxPool", {"kernel_shape": [3], "pads": [1, 1]}, [], (2, 4, 7), LATEST),
    ("GlobalAveragePool", {}, [], IMAGE, LATEST),
    ("GlobalMaxPool", {}, [], IMAGE, LATEST),
    # normalisation
    (
        "BatchNormalization",
        {"epsilon": 1e-3},
        [f32(4), f32(4), f32(4), np.abs(f32(4)) + 0.1],
        IMAGE,
        LATEST,
    ),
    ("LayerNormalization", {}, [f32(6), f32(6)], IMAGE, LATEST),
    ("LayerNormalization", {"axis": 2, "epsilon": 1e-3}, [f32(7, 6)], IMAGE, LATEST),
    ("InstanceNormalization", {"epsilon": 1e-3}, [f32(4), f32(4)], IMAGE, LATEST),
    ("GroupNormalization", {"num_groups": 2}, [f32(4), f32(4)], IMAGE, 21),
    ("RMSNormalization", {"epsilon": 1e-3}, [f32(6)], IMAGE, 23),
    ("Softmax", {}, [], IMAGE, LATEST),
    ("Softmax", {"axis": 1}, [], IMAGE, 13),
    ("Softmax", {"axis": 2}, [], IMAGE, 11),
    ("LogSoftmax", {"axis": 1}, [], IMAGE, LATEST),
    ("LogSoftmax", {}, [], IMAGE, 11),
    # reductions
    *[
        (name, {"keepdims": keep}, [i64(1, -1)], IMAGE, LATEST)
        for name in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2")
        for keep in (0, 1)
    ],
    *[
        (name, {"axes": [2, 3]}, [], IMAGE, 11)
        for name in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceProd", "ReduceLogSumExp")
    ],
    ("ReduceSumSquare", {"axes": [1]}, [], IMAGE, 13),
    ("ReduceMean", {}, [], IMAGE, LATEST),
    ("ReduceSum", {"noop_with_empty_axes": 1}, [], IMAGE, LATEST),
    # shapes
    ("Reshape", {}, [i64(0, -1)], IMAGE, LATEST),
    ("Reshape", {}, [i64(2, 0, 42)], IMAGE, LATEST),
    ("Flatten", {}, [], IMAGE, LATEST),
    ("Flatten", {"axis": 0}, [], IMAGE, LATEST),
    ("Flatten", {"axis": -2}, [], IMAGE, LATEST),
    ("Transpose", {"perm": [0, 2, 3, 1]}, [], IMAGE, LATEST),
    ("Transpose", {}, [], IMAGE, LATEST),
    ("Squeeze", {}, [i64(1, -1)], (2, 1, 3, 1), LATEST),
    ("Squeeze", {}, [], (2, 1, 3, 1), LATEST),
    ("Squeeze", {"axes": [3]}, [], (2, 1, 3, 1), 11),
    ("Unsqueeze", {}, [i64(0, -1)], ROWS, LATEST),
    ("Unsqueeze", {"axes": [2, 1]}, [], ROWS, 11),
    ("Concat", {"axis": 1}, [f32(2, 3, 7, 6)], IMAGE, LATEST),
    ("Concat", {"axis": -1}, [f32(2, 4, 7, 1)], IMAGE, LATEST),
    ("Slice", {}, [i64(1, 0), i64(3, 2**62), i64(1, 3)], IMAGE, LATEST),
    ("Slice", {}, [i64(-1), i64(-(2**62)), i64(2), i64(-2)], IMAGE, LATEST),
    ("Slice", {}, [i64(-1), i64(-100), i64(-1), i64(-1)], IMAGE, LATEST),
    ("Slice", {}, [i64(0, 1, 0, 1), i64(9, -1, 9, -1), None, i64(1, 2, 3, 1)], IMAGE, LATEST),
    ("Slice", {"starts": [1], "ends": [3], "axes": [2]}, [], IMAGE, 9),
    ("Gather", {"axis": 1}, [i64(0, -1, 2)], IMAGE, LATEST),
    ("Gather", {"axis": 2}, [np.array(3, dtype=np.int64)], IMAGE, LATEST),
    ("Gather", {}, [np.array([[0, 1], [1, 1]], dtype=np.int64)], IMAGE, LATEST),
    ("GatherElements", {"axis": 1}, [np.array([[0, -1], [1, 2], [3, 3]])], ROWS, LATEST),
    ("Pad", {}, [i64(0, 0, 1, 2, 0, 0, 0, 1), scalar(0.5)], IMAGE, LATEST),
    ("Pad", {}, [i64(1, 2), None, i64(-1)], IMAGE, LATEST),
    ("Pad", {}, [i64(0, 0, -1, 0, 0, 1, 0, 2)], IMAGE, LATEST),
    ("Pad", {"mode": "reflect"}, [i64(0, 0, 1, 2, 0, 0, 0, 1)], IMAGE, LATEST),
    ("Pad", {"mode": "edge"}, [i64(0, 0, 1, 2, 0, 0, 0, 1)], IMAGE, LATEST),
    ("Pad", {"mode": "constant", "pads": [0, 0, 1, 1, 0, 0, 1, 1], "value": 2.0}, [], IMAGE, 10),
    ("Expand", {}, [i64(2, 1, 4)], (3, 1), LATEST),
    ("Expand", {}, [i64(1)], ROWS, LATEST),
    ("Tile", {}, [i64(1, 2, 1, 3)], IMAGE, LATEST),
    ("Trilu", {}, [], ROWS, LATEST),
    ("Trilu", {"upper": 0}, [np.array(1, dtype=np.int64)], ROWS, LATEST),
    ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, [], IMAGE, LATEST),
    # resizing
    *[
        ("Resize", settings, [None, scales], (2, 3, 4, 5), LATEST)
        for settings in (
            {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
            {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
            {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
            {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
            {"mode": "cubic", "coordinate_transformation_mode": "half_pixel"},
        )
        for scales in (np.array([1, 1, 2, 3], dtype=np.float32),)
    ],
    (
        "Resize",
        {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
        [None, None, i64(2, 3, 7, 9)],
        (2, 3, 4, 5),
        LATEST,
    ),
    ("Upsample", {"mode": "nearest"}, [np.array([1, 1, 2, 2], dtype=np.float32)], (2, 3, 4, 5), 9),
]


def node(name, inputs, outputs="y", **attributes):
    return helper.make_node(name, inputs.split(), outputs.split(), **attributes)


def tensor(values):
    return numpy_helper.from_array(np.array(values), "")


LIKE_X, THREE = {"w": f32(*IMAGE)}, {"three": np.array(3, dtype=np.int64)}
CHAINS = {
    **{
        name: ([node(name, "x w", "b"), node("Where", "b x w")], LIKE_X, LATEST)
        for name in ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal")
    },
    **{
        name: (
            [
                node("Greater", "x w", "b"),
                node("Less", "x v", "c"),
                node(name, "b c", "d"),
                node("Not", "d", "e"),
                node("Where", "e x w"),
            ],
            {**LIKE_X, "v": f32(6)},
            LATEST,
        )
        for name in ("And", "Or")
    },
    "Split in given parts": (
        [node("Split", "x s", "a b", axis=1), node("Concat", "b a", axis=1)],
        {"s": i64(1, 3)},
        LATEST,
    ),
    "Split as an attribute": (
        [node("Split", "x", "a b", axis=2, split=[5, 2]), node("Concat", "b a", axis=2)],
        {},
        11,
    ),
    "Split in equal parts": (
        [node("Split", "x", "a b", axis=1), node("Concat", "b a", axis=1)],
        {},
        13,
    ),
    "Split with a rest": (
        [node("Split", "x", "a b c", axis=2, num_outputs=3), node("Concat", "c b a", axis=2)],
        {},
        LATEST,
    ),
    "ConstantOfShape": (
        [
            node("Shape", "x", "s"),
            node("ConstantOfShape", "s", "c", value=tensor(np.float32([2.5]))),
            node("Mul", "x c"),
        ],
        {},
        LATEST,
    ),
    "Shape of some axes": (
        [
            node("Shape", "x", "n", start=0, end=1),
            node("Concat", "n rest", "s", axis=0),
            node("Reshape", "x s"),
        ],
        {"rest": i64(-1)},
        LATEST,
    ),
    "an axis of a shape": (
        [
            node("Shape", "x", "s"),
            node("Gather", "s zero", "n"),
            node("Unsqueeze", "n first", "u"),
            node("Concat", "u rest", "t", axis=0),
            node("Reshape", "x t"),
        ],
        {"zero": np.array(0), "first": i64(0), "rest": i64(-1)},
        LATEST,
    ),
    "Size": (
        [node("Size", "x", "s"), node("Cast", "s", "f", to=TensorProto.FLOAT), node("Div", "x f")],
        {},
        LATEST,
    ),
    "whole numbers": (
        [
            node("Shape", "x", "s"),
            node("Div", "s m", "d"),
            node("Mod", "d three", "r"),
            node("ReduceSum", "r", "q", keepdims=0),
            node("Cast", "q", "f", to=TensorProto.FLOAT),
            node("Add", "f x"),
        ],
        {**THREE, "m": np.array(2)},
        LATEST,
    ),
    "Log": (
        [node("Exp", "x", "e"), node("Add", "e x", "a"), node("Abs", "a", "p"), node("Log", "p")],
        {},
        LATEST,
    ),
    "Sqrt": ([node("Exp", "x", "e"), node("Sqrt", "e")], {}, LATEST),
    "Range": (
        [
            node("Range", "zero six one", "r"),
            node("Cast", "r", "f", to=TensorProto.FLOAT),
            node("Add", "f x"),
        ],
        {"zero": np.array(0), "six": np.array(6), "one": np.array(1)},
        LATEST,
    ),
    "ArgMax": (
        [node("ArgMax", "x", "i", axis=1), node("Cast", "i", "f", to=1), node("Mul", "f x")],
        {},
        LATEST,
    ),
    "Constant": (
        [
            node("Constant", "", "a", value=tensor(np.float32(0.3))),
            node("Constant", "", "b", value_float=0.5),
            node("Constant", "", "c", value_ints=[0, -1]),
            node("Add", "x a", "d"),
            node("Mul", "d b", "e"),
            node("Reshape", "e c"),
        ],
        {},
        LATEST,
    ),
    "Dropout with a mask that nobody uses": (
        [node("Dropout", "x", "y mask")],
        {},
        LATEST,
    ),
    "Dropout told not to train": (
        [node("Dropout", "x ratio train")],
        {"ratio": scalar(0.5), "train": np.array(False)},
        LATEST,
    ),
}

"""An ONNX file as a net: with gradients where all its operators are known, else without."""

from pathlib import Path
from typing import Any

from torch import nn

from workbench.errors import InputError
from workbench.models.architectures import Shape
from workbench.models.factories import in_one_line
from workbench.models.onnx.convert import convert, image_names, weights_of
from workbench.models.onnx.file import check_sizes, package, read_proto
from workbench.models.onnx.runtime import ForwardOnly, largest_difference
from workbench.models.onnx.settings import UnsupportedError
from workbench.models.program import Program, check_alone

TOLERANCE = 1e-4  # of the largest logit: float32 in another order of summation
ADVICE = "export it in eval mode and with a dynamic batch (dynamic_axes or dynamic_shapes)"


def read_onnx(path: Path, shape: Shape | None) -> tuple[nn.Module, str]:
    """An ONNX file as a net, and what to call it.

    The whole graph is run once on random images of ``shape``, or of the file's own, and compared
    with onnxruntime where that is there: beyond a relative difference of 1e-4, as for operators
    that are not known, the model is onnxruntime's and has no gradients. Raises ``InputError``.
    """
    model = read_proto(path)
    check_sizes(model, path)
    batch, own = _input(model, path)
    size = shape or own
    try:
        program = convert(model, batch, path)
    except UnsupportedError as error:
        return _forward_only(model, batch, size, path, f"{error} is not known")
    except (ValueError, TypeError, RuntimeError, LookupError, MemoryError) as error:
        raise InputError(f"{path} is truncated or corrupt: get the file again") from error
    for name, tensor in weights_of(program).items():
        if tensor.isnan().any():
            raise InputError(f"{path} has NaN weights in {name!r}: get an intact file")
    if size is None:
        return program, "ONNX, not compared with onnxruntime"
    return _compared(program, model, batch, size, path)


def _input(model: Any, path: Path) -> tuple[int | None, Shape | None]:
    """The batch that the file is for, None for any, and the shape (c, h, w) where it tells."""
    names = image_names(model)
    if len(names) != 1 or len(model.graph.output) != 1:
        raise InputError(
            f"{path} has {len(names)} inputs and {len(model.graph.output)} outputs, "
            "where a classifier has one of each: export the logits alone"
        )
    told = next(value for value in model.graph.input if value.name == names[0]).type.tensor_type
    if told.elem_type != package("onnx").TensorProto.FLOAT:
        raise InputError(f"{path} takes no float32 images: export it in float32")
    sizes = [d.dim_value if d.HasField("dim_value") else 0 for d in told.shape.dim]
    fixed = len(sizes) == 4 and min(sizes[1:]) > 0
    batch = sizes[0] if sizes and sizes[0] > 0 else None
    return batch, (sizes[1], sizes[2], sizes[3]) if fixed else None


def _compared(
    program: Program, model: Any, batch: int | None, size: Shape, path: Path
) -> tuple[nn.Module, str]:
    try:
        truth = ForwardOnly(model.SerializeToString(), batch)
    except Exception as error:  # it is missing, or knows less than we do
        check_alone(program, size, str(path), ADVICE)
        return program, f"ONNX, not compared with onnxruntime ({type(error).__name__})"
    try:
        gap = largest_difference(program, truth, size)
    except UnsupportedError as error:
        return _forward_only(model, batch, size, path, f"{error} is not known")
    except Exception:  # onnxruntime and our operators raise what they like
        gap = float("inf")
    if gap > TOLERANCE:
        why = f"with gradients it is {gap:.0e} from onnxruntime" + f"; {ADVICE}" * bool(batch)
        return _forward_only(model, batch, size, path, why)
    check_alone(program, size, str(path), ADVICE)
    return program, f"ONNX, at most {gap:.0e} from onnxruntime"


def _forward_only(
    model: Any, batch: int | None, size: Shape | None, path: Path, why: str
) -> tuple[nn.Module, str]:
    try:
        net = ForwardOnly(model.SerializeToString(), batch)
    except InputError:
        raise
    except Exception as error:  # onnxruntime raises kinds of its own
        told = in_one_line(error)[:200]
        raise InputError(f"{path} is refused ({why}), by onnxruntime too: {told}") from error
    if size is not None:
        check_alone(net, size, str(path), ADVICE)
    return net, f"ONNX, forward only: {why}"

"""Operators with weights or windows: products, convolutions, pooling, resizing."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from workbench.models.onnx.elementwise import Operator
from workbench.models.onnx.settings import Settings, UnsupportedError, affordable, integers

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
MAXIMA = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
MEANS = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def mat_mul(settings: Settings, x: Tensor, y: Tensor) -> Tensor:
    return x @ y


def gemm(settings: Settings, x: Tensor, y: Tensor, bias: Tensor | None = None) -> Tensor:
    """α x y + β bias, each matrix perhaps transposed."""
    x = x.t() if settings.get("transA", 0) else x
    y = y.t() if settings.get("transB", 0) else y
    product = settings.get("alpha", 1.0) * (x @ y)
    return product if bias is None else product + settings.get("beta", 1.0) * bias


def conv(settings: Settings, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Of one to three dimensions, with whatever padding on either side."""
    dims = x.ndim - 2
    strides, dilations = _steps(settings, dims)
    pads = _pads(settings, x.shape[2:], weight.shape[2:], strides, dilations)
    if pads[:dims] == pads[dims:]:
        padding = pads[:dims]
    else:
        x, padding = _padded(x, pads, 0.0), [0] * dims
    group = settings.get("group", 1)
    return CONVOLUTIONS[dims](x, weight, bias, strides, padding, dilations, group)


def conv_transpose(
    settings: Settings, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """With the same padding on both sides, as torch has it."""
    dims = x.ndim - 2
    settings.only("auto_pad", "NOTSET")
    pads = settings.get("pads", [0] * 2 * dims)
    if "output_shape" in settings.attributes or pads[:dims] != pads[dims:]:
        raise UnsupportedError("ConvTranspose with an output_shape or uneven pads")
    strides, dilations = _steps(settings, dims)
    extra = settings.get("output_padding", [0] * dims)
    group = settings.get("group", 1)
    return TRANSPOSED[dims](x, weight, bias, strides, pads[:dims], extra, group, dilations)


def max_pool(settings: Settings, x: Tensor) -> Tensor:
    settings.only("storage_order", 0)
    kernel, dims = settings.get("kernel_shape"), x.ndim - 2
    strides, dilations = _steps(settings, dims)
    pads = _pads(settings, x.shape[2:], kernel, strides, dilations)
    x = _padded(x, _with_rest(settings, x, kernel, strides, dilations, pads), -math.inf)
    return MAXIMA[dims](x, kernel, strides, 0, dilations)


def average_pool(settings: Settings, x: Tensor) -> Tensor:
    """A window's sum by the number of its pixels that count."""
    kernel, dims = settings.get("kernel_shape"), x.ndim - 2
    settings.only("dilations", [1] * dims)
    strides, dilations = _steps(settings, dims)
    pads = _pads(settings, x.shape[2:], kernel, strides, dilations)
    rest = _with_rest(settings, x, kernel, strides, dilations, pads)
    # what ceil_mode adds behind never counts, what the file pads does where it says so
    padding = pads if settings.get("count_include_pad", 0) else [0] * 2 * dims
    ones = _padded(torch.ones_like(x[:1, :1]), padding, 1.0)
    ones = _padded(ones, [r - p for r, p in zip(rest, padding, strict=True)], 0.0)
    return MEANS[dims](_padded(x, rest, 0.0), kernel, strides) / MEANS[dims](ones, kernel, strides)


def over_image(function: Callable[..., Tensor]) -> Operator:
    """GlobalAveragePool and GlobalMaxPool: over all axes behind the channels."""

    def run(settings: Settings, x: Tensor) -> Tensor:
        return function(x, tuple(range(2, x.ndim)), keepdim=True)

    return run


def resize(
    settings: Settings,
    x: Tensor,
    roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
) -> Tensor:
    """Images (n, c, h, w) where ONNX's many kinds of rounding are torch's."""
    mode, align = _interpolation(settings)
    for name in ("antialias", "exclude_outside"):
        settings.only(name, 0)
    settings.only("keep_aspect_ratio_policy", "stretch")
    if x.ndim != 4 or "axes" in settings.attributes:
        raise UnsupportedError("Resize of other than (n, c, h, w)")
    if sizes is not None and sizes.numel():
        wanted = integers(sizes)[2:]
        return F.interpolate(x, affordable(wanted), mode=mode, align_corners=align)
    factors = [] if scales is None else scales.tolist()
    if len(factors) != 4 or factors[:2] != [1.0, 1.0]:
        raise UnsupportedError("Resize of other axes than height and width")
    affordable([round(size * factor) for size, factor in zip(x.shape, factors, strict=True)])
    return F.interpolate(
        x, scale_factor=factors[2:], mode=mode, align_corners=align, recompute_scale_factor=False
    )


def _interpolation(settings: Settings) -> tuple[str, bool | None]:
    """torch's mode, and whether corners are aligned."""
    mode = settings.get("mode", "nearest")
    how = settings.get("coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        if (how, settings.get("nearest_mode")) == ("asymmetric", "floor"):
            return "nearest", None
    elif mode == "linear" and how in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        return "bilinear", how == "align_corners"
    elif mode == "cubic" and settings.get("cubic_coeff_a", -0.75) == -0.75 and "pixel" in how:
        return "bicubic", False
    raise UnsupportedError(f"Resize with {mode}, {how}")


def upsample(settings: Settings, x: Tensor, scales: Tensor) -> Tensor:
    """Resize as it was until operator set 9, by the nearest pixel."""
    settings.only("mode", "nearest")
    how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return resize(Settings(how), x, None, scales)


def _steps(settings: Settings, dims: int) -> tuple[list[int], list[int]]:
    """Strides and dilations, 1 unless given."""
    ones = [1] * dims
    return list(settings.get("strides") or ones), list(settings.get("dilations") or ones)


def _pads(
    settings: Settings,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> list[int]:
    """The padding before each axis, then after each, as ONNX orders it."""
    auto = settings.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID"):
        given = settings.get("pads") or [0] * 2 * len(sizes)
        return list(given) if auto == "NOTSET" else [0] * 2 * len(sizes)
    less, more = [], []
    for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        windows = math.ceil(size / stride)
        total = max(0, (windows - 1) * stride + dilation * (k - 1) + 1 - size)
        less.append(total // 2)
        more.append(total - total // 2)
    return less + more if auto == "SAME_UPPER" else more + less


def _with_rest(
    settings: Settings,
    x: Tensor,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[int],
) -> list[int]:
    """The padding with what ceil_mode adds behind, for a last window that starts inside."""
    if not settings.get("ceil_mode", 0):
        return list(pads)
    dims, pads = len(kernel), list(pads)
    for axis in range(dims):
        reach = dilations[axis] * (kernel[axis] - 1) + 1
        size = x.shape[2 + axis] + pads[axis]
        windows = math.ceil((size + pads[dims + axis] - reach) / strides[axis]) + 1
        if (windows - 1) * strides[axis] >= size:
            windows -= 1
        pads[dims + axis] = max((windows - 1) * strides[axis] + reach - size, 0)
    return pads


def _padded(x: Tensor, pads: Sequence[int], value: float) -> Tensor:
    if not any(pads):
        return x
    dims = len(pads) // 2
    pairs = [p for axis in reversed(range(dims)) for p in (pads[axis], pads[dims + axis])]
    affordable([*x.shape[:2], *(s + pads[i] + pads[dims + i] for i, s in enumerate(x.shape[2:]))])
    return F.pad(x, pairs, value=value)


LAYERS: dict[str, Operator] = {
    "AveragePool": average_pool,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Gemm": gemm,
    "GlobalAveragePool": over_image(torch.mean),
    "GlobalMaxPool": over_image(torch.amax),
    "MatMul": mat_mul,
    "MaxPool": max_pool,
    "Resize": resize,
    "Upsample": upsample,
}

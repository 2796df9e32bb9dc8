"""Operators that move numbers around, and the arithmetic of shapes, which stays on the CPU."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from workbench.models.onnx.elementwise import Operator, together
from workbench.models.onnx.settings import Settings, UnsupportedError, affordable, integers


def reshape(settings: Settings, x: Tensor, shape: Tensor, image: Tensor | None = None) -> Tensor:
    """0 keeps an axis. In a file for one batch size the first axis becomes that of the images."""
    sizes = integers(settings.get("shape", []) if shape is None else shape)
    sizes = _for_batch(settings, sizes, image)
    if not settings.get("allowzero", 0):
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return x.reshape(sizes)


def expand(settings: Settings, x: Tensor, shape: Tensor, image: Tensor | None = None) -> Tensor:
    """Broadcasting both ways."""
    sizes = _for_batch(settings, integers(shape), image)
    return x.expand(affordable(torch.broadcast_shapes(x.shape, tuple(sizes))))


def _for_batch(settings: Settings, sizes: list[int], image: Tensor | None) -> list[int]:
    if image is None or not sizes or sizes[0] != settings.batch:
        return sizes
    return [len(image), *sizes[1:]]


def concat(settings: Settings, *tensors: Tensor) -> Tensor:
    """In a file for one batch size, constants of that size are repeated for the images."""
    axis = settings.get("axis", 1)
    parts = together(*tensors)
    if settings.batch == 1 and axis % parts[0].ndim != 0:
        most = max(len(part) for part in parts)
        parts = [p.expand(most, *p.shape[1:]) if len(p) == 1 else p for p in parts]
    return torch.cat(parts, axis)


def flatten(settings: Settings, x: Tensor) -> Tensor:
    """To a matrix: the axes before `axis`, and those from it on."""
    axis = settings.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    rows = x.shape[:axis].numel()
    return x.reshape(rows, -1) if x.numel() else x.reshape(rows, x.shape[axis:].numel())


def transpose(settings: Settings, x: Tensor) -> Tensor:
    return x.permute(settings.get("perm") or list(reversed(range(x.ndim))))


def squeeze(settings: Settings, x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Axes as an attribute, or as an input from operator set 13 on; all of size 1 unless given."""
    given = integers(settings.get("axes", []) if axes is None else axes)
    return x.squeeze(tuple(given)) if given else x.squeeze()


def unsqueeze(settings: Settings, x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Axes, counted in the result, as an attribute, or as an input from operator set 13 on."""
    given = integers(settings.get("axes", []) if axes is None else axes)
    rank = x.ndim + len(given)
    for axis in sorted(axis % rank for axis in given):
        x = x.unsqueeze(axis)
    return x


def slice_(
    settings: Settings,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    """Bounds as attributes, or as inputs from operator set 10 on; steps may be negative."""
    first = integers(settings.get("starts") if starts is None else starts)
    last = integers(settings.get("ends") if ends is None else ends)
    given = settings.get("axes") if axes is None else axes
    along = list(range(len(first))) if given is None else integers(given)
    by = [1] * len(first) if steps is None else integers(steps)
    for start, end, axis, step in zip(first, last, along, by, strict=True):
        chosen = range(x.shape[axis])[slice(start, _end(end, step, x.shape[axis]), step)]
        if step > 0:
            index = [slice(None)] * (axis % x.ndim) + [slice(chosen.start, chosen.stop, step)]
            x = x[tuple(index)]
        else:
            x = x.index_select(axis, torch.tensor(list(chosen), dtype=torch.int64, device=x.device))
    return x


def _end(end: int, step: int, size: int) -> int | None:
    # ONNX counts an end below −size as before the first element, where Python has no number
    return None if step < 0 and end < -size else end


def gather(settings: Settings, x: Tensor, indices: Tensor) -> Tensor:
    """Whole slices of x at any indices."""
    axis = settings.get("axis", 0) % x.ndim
    flat = (indices.reshape(-1).long() % x.shape[axis]).to(x.device)
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    return x.index_select(axis, flat).reshape(shape)


def gather_elements(settings: Settings, x: Tensor, indices: Tensor) -> Tensor:
    axis = settings.get("axis", 0)
    return x.gather(axis, (indices.long() % x.shape[axis]).to(x.device))


def split(settings: Settings, x: Tensor, sizes: Tensor | None = None) -> Sequence[Tensor]:
    """Parts as an attribute, or as an input from operator set 13 on; equal parts unless given."""
    axis, given = settings.get("axis", 0), settings.get("split") if sizes is None else sizes
    if given is not None:
        return x.split(integers(given), axis)
    parts = settings.get("num_outputs", settings.get("outputs"))
    return x.split(-(-x.shape[axis] // parts), axis)


def pad(
    settings: Settings,
    x: Tensor,
    pads: Tensor | None = None,
    value: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    """Pads as an attribute, or as an input from operator set 11 on; before all, then behind all."""
    given = integers(settings.get("pads", settings.get("paddings")) if pads is None else pads)
    along = list(range(x.ndim)) if axes is None else [axis % x.ndim for axis in integers(axes)]
    before, after = [0] * x.ndim, [0] * x.ndim
    for place, axis in enumerate(along):
        before[axis], after[axis] = given[place], given[len(along) + place]
    affordable([s + max(b, 0) + max(a, 0) for s, b, a in zip(x.shape, before, after, strict=True)])
    pairs = [size for axis in reversed(range(x.ndim)) for size in (before[axis], after[axis])]
    mode = settings.get("mode", "constant")
    if mode == "constant":
        fill = settings.get("value", 0.0) if value is None else value.item()
        return F.pad(x, pairs, value=fill)
    modes = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    if mode not in modes or any(before[:2] + after[:2]) or x.ndim not in (3, 4, 5):
        raise UnsupportedError(f"Pad of the mode {mode}, or of other axes than an image's")
    return F.pad(x, pairs[: 2 * (x.ndim - 2)], mode=modes[mode])


def shape(settings: Settings, x: Tensor) -> Tensor:
    return torch.tensor(x.shape[settings.get("start", 0) : settings.get("end")], dtype=torch.int64)


def size(settings: Settings, x: Tensor) -> Tensor:
    return torch.tensor(x.numel())


def constant_of_shape(settings: Settings, sizes: Tensor) -> Tensor:
    value = settings.get("value", torch.zeros(1))
    return value.reshape(()).expand(affordable(integers(sizes))).clone()


def range_(settings: Settings, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    first, last, step = start.item(), limit.item(), delta.item()
    affordable([abs(int((last - first) / step))])
    return torch.arange(first, last, step, dtype=start.dtype)


def tile(settings: Settings, x: Tensor, repeats: Tensor) -> Tensor:
    times = integers(repeats)
    affordable([s * t for s, t in zip(x.shape, times, strict=True)])
    return x.repeat(times)


def trilu(settings: Settings, x: Tensor, k: Tensor | None = None) -> Tensor:
    """The upper triangle, or the lower one."""
    diagonal = 0 if k is None else int(k.item())
    return x.triu(diagonal) if settings.get("upper", 1) else x.tril(diagonal)


def depth_to_space(settings: Settings, x: Tensor) -> Tensor:
    settings.only("mode", "CRD")
    return F.pixel_shuffle(x, settings.get("blocksize"))


SHAPES: dict[str, Operator] = {
    "Concat": concat,
    "ConstantOfShape": constant_of_shape,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "Flatten": flatten,
    "Gather": gather,
    "GatherElements": gather_elements,
    "Pad": pad,
    "Range": range_,
    "Reshape": reshape,
    "Shape": shape,
    "Size": size,
    "Slice": slice_,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Trilu": trilu,
    "Unsqueeze": unsqueeze,
}

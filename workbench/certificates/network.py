"""A net as a short list of affine maps, ReLUs and sums: all that the bounds need to know of it."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

Shape = tuple[int, ...]
Pair = tuple[int, int]  # along the height and the width
Margins = tuple[int, int, int, int]  # left, right, above, below
NOTHING: Margins = (0, 0, 0, 0)


def padded(rows: Tensor, margins: Margins) -> Tensor:
    """Zeros around (..., h, w)."""
    return F.pad(rows, margins) if any(margins) else rows


@dataclass(frozen=True)
class Convolution:
    """How a two-dimensional convolution moves over an image; zeros lie around it."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int

    def apply(self, z: Tensor, weight: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c', h', w')."""
        return F.conv2d(z, weight, None, self.stride, self.padding, self.dilation, self.groups)

    def transpose(self, rows: Tensor, weight: Tensor, shape: Shape) -> Tensor:
        """Coefficients of the output -> coefficients of the whole input."""
        if self._thin(weight):
            return self._folded(rows, weight, (shape[1], shape[2]), self.padding)
        # pixels on the far side that no kernel reaches
        left = [
            shape[1 + a]
            + 2 * self.padding[a]
            - (rows.shape[2 + a] - 1) * self.stride[a]
            - self.extent(a)
            for a in (0, 1)
        ]
        return F.conv_transpose2d(
            rows, weight, None, self.stride, self.padding, left, self.groups, self.dilation
        )

    def extent(self, axis: int) -> int:
        """Pixels from the kernel's first to its last, both counted."""
        return (self.kernel[axis] - 1) * self.dilation[axis] + 1

    def spread(self, rows: Tensor, weight: Tensor) -> Tensor:
        """Coefficients of a window of the output -> coefficients of all that it is made of."""
        if self._thin(weight):
            height, width = (
                (rows.shape[2 + a] - 1) * self.stride[a] + self.extent(a) for a in (0, 1)
            )
            return self._folded(rows, weight, (height, width), (0, 0))
        return F.conv_transpose2d(
            rows, weight, stride=self.stride, dilation=self.dilation, groups=self.groups
        )

    def _thin(self, weight: Tensor) -> bool:
        """Whether it takes a picture rather than features: then folding is about twice as fast."""
        return self.groups == 1 and weight.shape[1] <= 3

    def _folded(self, rows: Tensor, weight: Tensor, size: Pair, padding: Pair) -> Tensor:
        columns = weight.flatten(1).T @ rows.flatten(2)
        return F.fold(columns, size, self.kernel, self.dilation, padding, self.stride)


@dataclass(frozen=True)
class Affine:
    """z ↦ A z + b, where A z is ``apply(z, weight)``, linear in both.

    source: the value that it takes (0 is the image, i + 1 what operation i gives).
    transpose: (rows, weight, shape of z) -> rows A, both with a leading batch dimension.
    bias: broadcasts against (n, ...) outputs.
    terms: no less than the longest sums of products in A z and in rows A, added up.
    mixes: whether an output depends on several inputs.
    convolution: its geometry, where it is one.
    """

    source: int
    apply: Callable[[Tensor, Tensor], Tensor]
    transpose: Callable[[Tensor, Tensor, Shape], Tensor]
    weight: Tensor
    bias: Tensor
    terms: int
    mixes: bool
    convolution: Convolution | None = None

    def __call__(self, z: Tensor) -> Tensor:
        """A z + b: (n, ...) -> (n, ...)."""
        return self.apply(z, self.weight) + self.bias


@dataclass(frozen=True)
class Relu:
    """max(z, 0)."""

    source: int


@dataclass(frozen=True)
class Add:
    """The sum of two values of one shape.

    margins: of its coefficients among those of each source, where these hold more of an image.
    """

    left: int
    right: int
    margins: tuple[Margins, Margins] = (NOTHING, NOTHING)


Operation = Affine | Relu | Add


@dataclass(frozen=True)
class Network:
    """Operations in order, and the shapes of the image and of what each gives, without the batch.

    The last operation gives the logits.
    """

    operations: list[Operation]
    shapes: list[Shape]

    def __call__(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, classes), as the net itself."""
        values = [x]
        for operation in self.operations:
            match operation:
                case Affine(source=source):
                    values.append(operation(values[source]))
                case Relu(source):
                    values.append(values[source].relu())
                case Add(left, right):
                    values.append(values[left] + values[right])
        return values[-1]

    def layers(self) -> list[int]:
        """How many mixing operations lie between the image and each value, at most."""
        depth = [0]
        for operation in self.operations:
            match operation:
                case Affine(source=source, mixes=mixes):
                    depth.append(depth[source] + mixes)
                case Relu(source):
                    depth.append(depth[source])
                case Add(left, right):
                    depth.append(max(depth[left], depth[right]) + 1)
        return depth

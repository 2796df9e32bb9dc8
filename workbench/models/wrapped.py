"""What a model needs around it: normalisation, another order of channels or of classes."""

from dataclasses import dataclass

from torch import Tensor, nn

from workbench.errors import InputError
from workbench.models.architectures import Channels, Normalize, Shape

ORDERS = ("rgb", "bgr")
MOST = 1e6  # of a mean or a std: float32 turns larger ones, or their inverse, into a constant


@dataclass(frozen=True)
class Loading:
    """How a model is loaded, beside its reference and architecture; all of it is optional.

    weights: which state dict of a checkpoint that holds several, such as "ema".
    mean, std: the model takes (x − mean) / std; one number, or one for each channel of the image,
        in its order, which is red, green, blue.
    channels: "bgr" turns the channels round, after the normalisation.
    class_map: the model's output for each class of the data.

    Raises ``InputError`` for values that make no sense.
    """

    weights: str | None = None
    mean: Channels = ()
    std: Channels = ()
    channels: str = "rgb"
    class_map: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.channels not in ORDERS:
            raise InputError(f"channels are rgb or bgr, not {self.channels!r}")
        if not all(abs(m) < MOST for m in self.mean) or not all(
            1 / MOST < s < MOST for s in self.std
        ):
            raise InputError(
                f"mean needs finite numbers and std finite ones above 0, of sizes up to {MOST:g}"
            )
        if len({len(self.mean), len(self.std)} - {0, 1}) > 1:
            raise InputError(f"{len(self.mean)} means and {len(self.std)} stds: give as many")
        if min(self.class_map, default=0) < 0 or len(set(self.class_map)) < len(self.class_map):
            raise InputError("the class map needs each output of the model once, counted from 0")

    def around(self, net: nn.Module, shape: Shape | None) -> tuple[nn.Module, str]:
        """The net with all of it around it, and a note; the net itself where nothing is asked.

        Raises ``InputError`` where the numbers do not fit images of ``shape`` (c, h, w).
        """
        most = max(len(self.mean), len(self.std))
        if shape is not None and most not in (0, 1, shape[0]):
            raise InputError(
                f"{most} means or stds for images of {shape[0]} channels: give as many"
            )
        notes = [
            *([f"mean {_listed(self.mean)}"] if self.mean else []),
            *([f"std {_listed(self.std)}"] if self.std else []),
            *([self.channels] if self.channels != "rgb" else []),
            *([f"classes {_listed(self.class_map)}"] if self.class_map else []),
        ]
        return (Wrapped(net, self), "".join(f", {note}" for note in notes)) if notes else (net, "")


class Wrapped(nn.Module):
    """A net behind a normalisation and in front of a choice of its outputs."""

    def __init__(self, net: nn.Module, loading: Loading) -> None:
        super().__init__()
        mean, std = loading.mean or (0.0,), loading.std or (1.0,)
        self.normalize = Normalize(mean, std)
        self.net = net
        self.bgr = loading.channels == "bgr"
        self.class_map = list(loading.class_map)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) in [0, 1] -> (n, classes)."""
        x = self.normalize(x)
        logits = self.net(x.flip(1) if self.bgr else x)
        return logits[:, self.class_map] if self.class_map else logits


def loading(
    weights: str | None, mean: str | None, std: str | None, channels: str, class_map: str | None
) -> Loading:
    """From texts, as the command line has them: numbers with commas between.

    Raises ``InputError`` for a text that is no list of numbers.

    >>> loading("ema", "0.5", None, "rgb", "3,1,2,0")
    Loading(weights='ema', mean=(0.5,), std=(), channels='rgb', class_map=(3, 1, 2, 0))
    """
    return Loading(
        weights, _numbers("mean", mean), _numbers("std", std), channels, _classes(class_map)
    )


def _numbers(what: str, text: str | None) -> Channels:
    try:
        return tuple(map(float, text.split(","))) if text is not None else ()
    except ValueError as error:
        raise InputError(f"{what} takes numbers with commas between, not {text!r}") from error


def _classes(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(map(int, text.split(","))) if text is not None else ()
    except ValueError as error:
        raise InputError(f"a class map is like 3,1,2,0, not {text!r}") from error


def _listed(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)

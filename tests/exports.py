"""Small nets of the kinds that people bring, and the files that torch exports them to."""

import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.models.architectures import ResidualBlock, small_cnn

GREY, COLOUR = (1, 8, 8), (3, 16, 16)


class TinyResNet(nn.Module):
    """Batch norm whose statistics are not 0 and 1, a strided shortcut, dropout, pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(True))
        self.blocks = nn.Sequential(ResidualBlock(8, 8, 1), ResidualBlock(8, 12, 2))
        self.dropout = nn.Dropout()
        self.head = nn.Linear(12, 10)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.running_mean)
                nn.init.uniform_(module.running_var, 0.5, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.blocks(self.stem(x)), 2)
        return self.head(self.dropout(F.adaptive_avg_pool2d(x, 1).flatten(1)))


class TinyViT(nn.Module):
    """Patches, a class token, one block of attention and GELU, layer norm."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 16, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.places = nn.Parameter(torch.randn(1, 5, 16))
        self.norms = nn.ModuleList(nn.LayerNorm(16) for _ in range(3))
        self.qkv, self.mix = nn.Linear(16, 48), nn.Linear(16, 16)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.head = nn.Linear(16, 10)

    def attention(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, 2, 8).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return self.mix(mixed.reshape(n, length, width))

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        x = x + self.attention(self.norms[0](x))
        x = x + self.mlp(self.norms[1](x))
        return self.head(self.norms[2](x)[:, 0])


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    "small-cnn": (lambda: small_cnn(GREY), GREY),
    "small-cnn in colour": (lambda: small_cnn(COLOUR), COLOUR),
    "resnet": (TinyResNet, COLOUR),
    "vit": (TinyViT, GREY),
}


def make(name: str) -> tuple[nn.Module, tuple[int, int, int]]:
    """A net in eval mode, and the shape of its images."""
    factory, shape = NETS[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return factory().eval(), shape


def script(net: nn.Module, x: Tensor, path: Path) -> None:
    torch.jit.script(net).save(str(path))


def trace(net: nn.Module, x: Tensor, path: Path) -> None:
    torch.jit.trace(net, x).save(str(path))


def frozen(net: nn.Module, x: Tensor, path: Path) -> None:
    torch.jit.freeze(torch.jit.script(net)).save(str(path))


def exported(net: nn.Module, x: Tensor, path: Path) -> None:
    shapes = ({0: torch.export.Dim("batch")},)
    torch.export.save(torch.export.export(net, (x,), dynamic_shapes=shapes), path)


def exported_fixed(net: nn.Module, x: Tensor, path: Path) -> None:
    torch.export.save(torch.export.export(net, (x[:1],)), path)


def onnx(net: nn.Module, x: Tensor, path: Path) -> None:
    axes = {"x": {0: "batch"}}
    torch.onnx.export(net, (x,), path, dynamo=False, input_names=["x"], dynamic_axes=axes)


def onnx_fixed(net: nn.Module, x: Tensor, path: Path) -> None:
    torch.onnx.export(net, (x[:1],), path, dynamo=False)


def onnx_dynamo(net: nn.Module, x: Tensor, path: Path) -> None:
    shapes = ({0: torch.export.Dim("batch")},)
    torch.onnx.export(net, (x,), path, dynamo=True, dynamic_shapes=shapes, verbose=False)


def onnx_dynamo_fixed(net: nn.Module, x: Tensor, path: Path) -> None:
    torch.onnx.export(net, (x[:1],), path, dynamo=True, verbose=False)


def write(how: Callable[[nn.Module, Tensor, Path], None], name: str, path: Path) -> Path:
    """Export one of the nets; torch's warnings that its formats are old or new go to nobody."""
    net, shape = make(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        how(net, torch.rand(2, *shape), path)
    return path

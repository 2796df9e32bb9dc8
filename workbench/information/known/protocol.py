"""What every distribution of known mutual information can do."""

from typing import Any, ClassVar, Protocol

import torch


class Known(Protocol):
    """A frozen dataclass, its fields its settings: a joint distribution of patterns and outputs."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str:
        """What tables and figures call it; it tells settings apart."""

    @property
    def mutual_information(self) -> float:
        """I(X; Z) in nats."""

    def sample(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """n independent pairs: x (n, a) and z (n, b)."""

    def pointwise(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Exact pointwise MI log p(x, z) / (p(x) p(z)) in nats: (n,) from (n, a) and (n, b)."""

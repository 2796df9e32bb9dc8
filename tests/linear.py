"""A linear model, whose smallest adversarial perturbation is a closed formula."""

import torch
from torch import nn


class Linear(nn.Module):
    """Four classes of 6×6 images: two told apart by a hyperplane, two that never win."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(36, generator=generator))
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = self.score(x)
        never = torch.full_like(score, -50.0)
        return torch.stack([score, -score, never, never - 1], dim=1)

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """Signed score of class 0: (n, 1, 6, 6) -> (n,)."""
        return (x.flatten(1) - 0.5) @ self.weight

    def smallest(self, x: torch.Tensor, norm: str) -> torch.Tensor:
        """Distance to the hyperplane in a norm, the box left aside: (n,)."""
        dual = self.weight.norm(p=1 if norm == "Linf" else 2)
        return (self.score(x).abs() / dual).detach()


def samples(model: Linear, n: int = 64, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Images far from the faces of the box, and the classes that the model gives them."""
    generator = torch.Generator().manual_seed(seed)
    x = 0.4 + 0.2 * torch.rand((n, 1, 6, 6), generator=generator)
    return x, model(x).argmax(1)

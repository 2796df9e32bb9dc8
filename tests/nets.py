"""Nets that tests write to disk and load again by name."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn

ARCH = f"{Path(__file__)}:digits"


def digits() -> nn.Module:
    """A linear classifier of 8×8 digits."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def write_digits(path: Path, inverse_decay: float = 1.0) -> Path:
    """Weights of `digits`, fitted; accuracy on the test split is about 0.9."""
    images, labels = load_digits(return_X_y=True)
    fitted = LogisticRegression(C=inverse_decay, max_iter=200).fit(
        images[:1437] / 16, labels[:1437]
    )
    weights = {"1.weight": fitted.coef_, "1.bias": fitted.intercept_}
    save_file(
        {k: torch.tensor(v, dtype=torch.float32).contiguous() for k, v in weights.items()}, path
    )
    return path

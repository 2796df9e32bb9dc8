"""Nets as a user's own file has them."""

from torch import nn


def dropping() -> nn.Module:
    """One that draws random numbers in training."""
    layers = nn.Linear(784, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 10)
    return nn.Sequential(nn.Flatten(), *layers)

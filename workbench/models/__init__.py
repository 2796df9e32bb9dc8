"""Models: from a reference to a frozen classifier whose fingerprint says what it computes."""

from workbench.models.architectures import ARCHITECTURES
from workbench.models.classifier import Classifier
from workbench.models.factories import build
from workbench.models.load import check_fits, load_model, needs_arch
from workbench.models.wrapped import Loading, loading

__all__ = [
    "ARCHITECTURES",
    "Classifier",
    "Loading",
    "build",
    "check_fits",
    "load_model",
    "loading",
    "needs_arch",
]

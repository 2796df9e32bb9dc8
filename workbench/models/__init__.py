"""Models: from a reference to a frozen classifier whose fingerprint says what it computes."""

from workbench.models.architectures import ARCHITECTURES
from workbench.models.classifier import Classifier
from workbench.models.factories import build
from workbench.models.load import check_fits, load_model

__all__ = ["ARCHITECTURES", "Classifier", "build", "check_fits", "load_model"]

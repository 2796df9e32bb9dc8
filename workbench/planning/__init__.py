"""What a profile will take: its parts counted, a few steps of each measured, the rest predicted."""

from workbench.planning.parts import Part, parts_of, training_parts
from workbench.planning.prediction import Prediction, predict

__all__ = ["Part", "Prediction", "parts_of", "predict", "training_parts"]

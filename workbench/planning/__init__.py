"""What a profile will take: its parts counted, a few steps of each measured, the rest predicted."""

from workbench.planning.part import Part
from workbench.planning.prediction import Prediction, predict
from workbench.planning.runs import parts_of
from workbench.planning.trainings import training_parts

__all__ = ["Part", "Prediction", "parts_of", "predict", "training_parts"]

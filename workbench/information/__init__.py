"""Mutual information between patterns and outputs: critics, their bounds, fits and scores."""

from workbench.information.bounds import BOUNDS, donsker_varadhan, infonce, jensen_shannon
from workbench.information.critic import Critic, image_critic, vector_critic
from workbench.information.fit import Check, Fit, fit_critic
from workbench.information.known import CorrelatedGaussians
from workbench.information.pointwise import (
    REFERENCE_SIZE,
    SCORING_VERSION,
    Reference,
    four_quantities,
    pointwise,
)

__all__ = [
    "BOUNDS",
    "REFERENCE_SIZE",
    "SCORING_VERSION",
    "Check",
    "CorrelatedGaussians",
    "Critic",
    "Fit",
    "Reference",
    "donsker_varadhan",
    "fit_critic",
    "four_quantities",
    "image_critic",
    "infonce",
    "jensen_shannon",
    "pointwise",
    "vector_critic",
]

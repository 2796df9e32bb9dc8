"""Mutual information between patterns and outputs: critics, their bounds, fits and scores."""

from workbench.information.bounds import (
    BOUNDS,
    donsker_varadhan,
    infonce,
    jensen_shannon,
    nwj,
    smile,
)
from workbench.information.calibration import Calibration
from workbench.information.critic import Critic, image_critic, vector_critic
from workbench.information.fit import Check, Diverged, Fit, check_enough, fit_critic, least_pairs
from workbench.information.known import (
    AdditiveUniform,
    CorrelatedGaussians,
    GaussianMixture,
    Known,
    Padded,
    Spiral,
    Student,
    UniformMargins,
    balls,
    cross,
    inliers,
)
from workbench.information.objectives import (
    OBJECTIVES,
    Pairs,
    objective,
    objective_label,
    selected,
)
from workbench.information.pointwise import (
    REFERENCE_SIZE,
    SCORING_VERSION,
    SIGNS,
    Reference,
    pointwise,
    with_null,
)

__all__ = [
    "BOUNDS",
    "OBJECTIVES",
    "REFERENCE_SIZE",
    "SCORING_VERSION",
    "SIGNS",
    "AdditiveUniform",
    "Calibration",
    "Check",
    "CorrelatedGaussians",
    "Critic",
    "Diverged",
    "Fit",
    "GaussianMixture",
    "Known",
    "Padded",
    "Pairs",
    "Reference",
    "Spiral",
    "Student",
    "UniformMargins",
    "balls",
    "check_enough",
    "cross",
    "donsker_varadhan",
    "fit_critic",
    "image_critic",
    "infonce",
    "least_pairs",
    "inliers",
    "jensen_shannon",
    "nwj",
    "objective",
    "objective_label",
    "pointwise",
    "selected",
    "smile",
    "vector_critic",
    "with_null",
]

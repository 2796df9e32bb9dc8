"""Distributions of pairs whose mutual information is known: what the estimators answer to.

After "Beyond Normal: On the Evaluation of Mutual Information Estimators" (Czyż et al., NeurIPS
2023), and for mixtures "On the Properties and Estimation of Pointwise Mutual Information Profiles"
(Czyż et al. 2023, arXiv 2310.10240).
"""

from workbench.information.known.additive import AdditiveUniform
from workbench.information.known.gaussians import CorrelatedGaussians, Student
from workbench.information.known.mixtures import GaussianMixture, balls, cross, inliers
from workbench.information.known.protocol import Known
from workbench.information.known.transformed import Padded, Spiral, UniformMargins

__all__ = [
    "AdditiveUniform",
    "CorrelatedGaussians",
    "GaussianMixture",
    "Known",
    "Padded",
    "Spiral",
    "Student",
    "UniformMargins",
    "balls",
    "cross",
    "inliers",
]

"""Bounds that hold for every image of a threat model: what they prove, no attack can break."""

from workbench.certificates.certify import certified, certified_margins

__all__ = ["certified", "certified_margins"]

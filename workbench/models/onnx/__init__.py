"""ONNX files: our own differentiable form of their common operators; others only run forward."""

from workbench.models.onnx.load import read_onnx
from workbench.models.onnx.runtime import ForwardOnly

__all__ = ["ForwardOnly", "read_onnx"]

"""Data sets by name or path: where their files come from, and what they must look like."""

from workbench.data.dataset import Dataset
from workbench.data.load import Description, describe, load_data
from workbench.data.own import from_arrays
from workbench.data.sources import cache_folder, fetch

__all__ = [
    "Dataset",
    "Description",
    "cache_folder",
    "describe",
    "fetch",
    "from_arrays",
    "load_data",
]

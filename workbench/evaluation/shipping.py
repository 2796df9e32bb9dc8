"""How a job travels to another process: small, its models and data sets in files beside it.

Those are written once per executor and read once per worker; data sets are mapped, so that workers
share their memory. cloudpickle takes the code of nets along that no worker could import.
"""

import io
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import joblib
import torch

from workbench.data import Dataset
from workbench.devices import device_of
from workbench.errors import InputError
from workbench.models import Classifier

KEPT = 2  # models and data sets that a worker holds, each: as many as an analysis compares


def pack(value: Any, folder: Path) -> bytes:
    """The value as bytes; the classifiers and data sets in it become files of the folder.

    Raises InputError for a model, or an attack, that cannot be pickled.
    """
    packed = io.BytesIO()
    try:
        with _code_along():
            _Packer(packed, folder).dump(value)
    except (pickle.PicklingError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(f"a model cannot be sent to workers ({error}); use --workers 1") from error
    return packed.getvalue()


def unpack(packed: bytes) -> Any:
    """The value again, its models on this process's device of the same type.

    Raises InputError where this process does not see the files, or lacks the device.
    """
    try:
        return _Unpacker(io.BytesIO(packed)).load()
    except FileNotFoundError as error:
        raise InputError(
            f"a worker does not see {error.filename}; the store must be in a folder that all "
            "workers share"
        ) from None
    except ModuleNotFoundError as error:
        raise InputError(
            f"a worker cannot import {error.name}; start the workers in the same folder and "
            "environment as the command"
        ) from None


class _Packer(cloudpickle.Pickler):
    def __init__(self, file: io.BytesIO, folder: Path) -> None:
        super().__init__(file)
        self.folder = folder

    def persistent_id(self, value: Any) -> tuple[str, ...] | None:
        """Where the value is kept, for those that are."""
        if isinstance(value, Classifier):
            return "model", self._kept(value, _save_model), value.device.type
        if isinstance(value, Dataset):
            return "data", self._kept(value, joblib.dump)
        return None

    def _kept(self, value: Classifier | Dataset, save: Callable[[Any, Path], Any]) -> str:
        path = self.folder / value.fingerprint
        if not path.exists():
            save(value, path)
        return str(path)


class _Unpacker(pickle.Unpickler):
    def persistent_load(self, kept: tuple[str, ...]) -> Classifier | Dataset:
        """What persistent_id kept."""
        kind, *where = kept
        return _model(*where) if kind == "model" else _data(*where)


def _save_model(model: Classifier, path: Path) -> None:
    torch.save(model, path, pickle_module=cloudpickle)


@lru_cache(maxsize=KEPT)
def _model(path: str, device: str) -> Classifier:
    # no file of others: the command that sent the job, a pickle itself, wrote it with _save_model
    return torch.load(path, map_location=device_of(device), weights_only=False)


@lru_cache(maxsize=KEPT)
def _data(path: str) -> Dataset:
    return joblib.load(path, mmap_mode="r")


@contextmanager
def _code_along() -> Iterator[None]:
    """Pickle by value what a new process could not import: a module of --arch my_nets.py:f."""
    modules = [module for name, module in sys.modules.items() if _is_lost(name, module)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _is_lost(name: str, module: ModuleType) -> bool:
    """Whether a module, by its own name, came from a file that is on no path any more."""
    if name == "__main__" or name != getattr(module, "__name__", None):
        return False
    return getattr(module, "__file__", None) is not None and not _can_be_found(name.split(".")[0])


@cache
def _can_be_found(name: str) -> bool:
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
    return any(finder.find_spec(name, None) is not None for finder in finders)

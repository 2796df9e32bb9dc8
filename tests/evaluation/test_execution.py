"""Executors: whoever computes, the records are the same bytes, and what goes wrong is one line."""

import multiprocessing
import sys
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import logged
import numpy as np
import pytest
import torch
from linear import Linear
from torch import nn

from workbench.data import Dataset
from workbench.errors import InputError
from workbench.evaluation import cluster
from workbench.evaluation.battery import evaluate
from workbench.evaluation.execution import executor, in_process, usual_workers
from workbench.evaluation.information import mutual_information
from workbench.evaluation.jobs import Job, Result
from workbench.evaluation.shipping import pack, unpack
from workbench.evaluation.store import Store
from workbench.evaluation.workers import Workers
from workbench.information import Fit
from workbench.models import Classifier, build
from workbench.threat import ThreatModel

THREAT = ThreatModel("Linf", "0.02")
EVERY_STEP = "pgd-10:stop_at_success=false"


def data(n: int = 60) -> Dataset:
    rng = np.random.default_rng(0)
    images = rng.uniform(0.3, 0.7, (n, 1, 6, 6)).astype(np.float32)
    return Dataset("noise", "test", images, rng.integers(0, 2, n), tuple("abcd"))


def own_net() -> nn.Module:
    """A net of a class that no other process can import."""

    class Local(Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) + 0.1

    return Local()


def run(net: nn.Module, store: Store, **more):
    model = Classifier(net, "net")
    attacks = ["fgsm", "pgd-10:restarts=3"]
    return evaluate(model, data(), THREAT, attacks, store=store, samples=60, unit_size=7, **more)


def files(root: Path) -> dict[str, bytes]:
    names = ("rows.parquet", "tensors.safetensors")
    found = (path for path in sorted((root / "units").rglob("*")) if path.name in names)
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in found}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_workers_write_the_bytes_that_one_process_writes(tmp_path) -> None:
    steps = []
    run(own_net(), Store(tmp_path / "one"))
    with Workers(2) as workers:
        common = {"store": Store(tmp_path / "two"), "samples": 60, "unit_size": 7}
        common |= {"executor": workers, "progress": lambda *step: steps.append(step[:2])}
        evaluate(Classifier(own_net(), "net"), data(), THREAT, ["fgsm"], **common)
        begun = set(multiprocessing.active_children())
        run(own_net(), Store(tmp_path / "two"), executor=workers)
        assert begun == set(multiprocessing.active_children()), "workers stay between calls"
    assert len(begun) == 2
    assert not set(multiprocessing.active_children()) & begun
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert not list((tmp_path / "two" / "unfinished").iterdir())
    assert steps[-1] == (60, 60)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_mi_by_workers_is_the_same_bytes(tmp_path) -> None:
    model, fit = Classifier(build("small-cnn", (1, 8, 8), 4), "net"), Fit(units=8, steps=3, batch=8)
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (80, 1, 8, 8)).astype(np.uint8)
    samples = Dataset("noise", "test", images, rng.integers(0, 4, 80), tuple("abcd"))
    found = []
    with Workers(2) as workers:
        for name, more in (("one", {}), ("two", {"executor": workers})):
            sizes = {"samples": 20, "fit_samples": 60, "unit_size": 10, "fit": fit}
            common = {"store": Store(tmp_path / name), **sizes, **more}
            found.append(mutual_information(model, samples, samples, THREAT, EVERY_STEP, **common))
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert found[0].keys == found[1].keys
    assert found[0].rows.equals(found[1].rows)


def test_nothing_missing_starts_no_worker(tmp_path) -> None:
    run(Linear(), Store(tmp_path))
    before = set(multiprocessing.active_children())
    with Workers(2) as workers:
        run(Linear(), Store(tmp_path), executor=workers)
        assert set(multiprocessing.active_children()) == before


def test_a_worker_that_dies_idle_is_replaced(tmp_path) -> None:
    before = set(multiprocessing.active_children())
    with Workers(1) as workers:
        store = Store(tmp_path)
        common = {"store": store, "executor": workers, "unit_size": 60, "samples": 60}
        evaluate(Classifier(Linear(), "net"), data(), THREAT, ["fgsm"], **common)
        (process,) = set(multiprocessing.active_children()) - before
        process.kill()
        process.join()
        evaluate(Classifier(Linear(), "net"), data(), THREAT, ["pgd-10"], **common)
    assert len(store.keys()) == 2


def test_a_unit_that_ends_its_worker_again_and_again_is_named(tmp_path) -> None:
    net = logged.Deadly(nn.Flatten(), nn.Linear(36, 4))
    with Workers(1) as workers, pytest.raises(InputError, match=r"fgsm on net: unit \w+ ended"):
        run(net, Store(tmp_path), executor=workers)


def test_a_parcel_is_small_and_holds_the_same_model_and_data(tmp_path) -> None:
    model, images = Classifier(own_net(), "net"), data(5000)
    packed = pack(partial(Result, model, images), tmp_path)
    assert len(packed) < 1000
    again, images_again = unpack(packed).args
    x, y = images.batch(0, 50)
    assert torch.equal(again(x), model(x))
    assert again.fingerprint == model.fingerprint
    assert again.origin == model.origin
    assert not again.training
    assert not any(weights.requires_grad for weights in again.parameters())
    assert all(map(torch.equal, images_again.batch(0, 50), (x, y)))
    assert images_again.fingerprint == images.fingerprint
    assert isinstance(images_again.images, np.memmap)
    assert unpack(packed).args[0] is again, "a process loads a model once"


def test_a_model_that_cannot_travel_is_refused(tmp_path) -> None:
    net = Linear()
    net.file = sys.stdout
    model = Classifier(Linear(), "net")
    model.net = net
    with pytest.raises(InputError, match="--workers 1"):
        pack(model, tmp_path)


def test_a_folder_that_workers_do_not_see_is_named(tmp_path) -> None:
    packed = pack(Classifier(Linear(), "net"), tmp_path)
    next(tmp_path.iterdir()).unlink()
    with pytest.raises(InputError, match="all workers share"):
        unpack(packed)


def test_workers_and_a_scheduler_exclude_each_other() -> None:
    with pytest.raises(InputError, match="--workers"), executor(2, "tcp://127.0.0.1:1", "cpu"):
        pass


def test_no_more_workers_than_units_whatever_is_asked(monkeypatch, tmp_path) -> None:
    def done(workers: Workers, number: int, job: Job, store: Store) -> Future[None]:
        future: Future[None] = Future()
        future.set_result(None)
        return future

    monkeypatch.setattr(Workers, "_submit", done)
    job = Job(None, lambda: None, 1, "a unit")
    assert [*Workers(10**12)([job], Store(tmp_path), lambda job: None)] == [job]


def test_no_workers_are_refused() -> None:
    with pytest.raises(InputError, match="1 or more"):
        Workers(0)


def test_a_missing_dask_is_told_how_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"robustness-workbench\[cluster\]"):
        cluster.Cluster("tcp://127.0.0.1:1")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1"])
def test_a_scheduler_that_does_not_answer_is_named(monkeypatch, address) -> None:
    pytest.importorskip("distributed", reason="dask is not installed")
    monkeypatch.setattr(cluster, "ANSWER", 1)
    with pytest.raises(InputError, match=f"answers at {address}"):
        cluster.Cluster(address)


def test_usual_workers() -> None:
    assert 1 <= usual_workers("cpu") <= 16
    assert usual_workers("mps") == 1
    assert usual_workers("cuda:1") == 1


def test_several_workers_do_not_keep_to_one_gpu() -> None:
    told = pytest.raises(InputError, match="--device cuda:1 names one; use --device cuda,")
    with told, executor(2, None, "cuda:1"):
        pass
    for long in (False, True):
        with executor(None, None, "cuda:1", long) as computing:
            assert computing is in_process

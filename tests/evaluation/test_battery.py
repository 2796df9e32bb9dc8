"""The battery: it computes what is missing, once, and resumes to the same records."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from linear import Linear

from workbench.attacks import ATTACKS as ATTACKS_BY_NAME
from workbench.attacks import PGD
from workbench.data import Dataset
from workbench.errors import InputError
from workbench.evaluation.battery import EvaluationRequest, evaluate, evaluate_all
from workbench.evaluation.execution import in_process
from workbench.evaluation.store import Store
from workbench.models import Classifier
from workbench.threat import ThreatModel

THREAT = ThreatModel("Linf", "0.02")
ATTACKS = ["fgsm", "pgd-10"]


def data(n: int = 50) -> Dataset:
    rng = np.random.default_rng(0)
    images = rng.uniform(0.3, 0.7, (n, 1, 6, 6)).astype(np.float32)
    labels = rng.integers(0, 2, n)
    return Dataset("noise", "test", images, labels, tuple("abcd"))


def run(store: Store, samples: int = 50, attacks: Sequence[str] = ATTACKS, **more):
    model = Classifier(Linear(), "linear")
    return evaluate(
        model, data(), THREAT, attacks, store=store, samples=samples, unit_size=20, **more
    )


class Counter:
    """A progress callback that counts the units begun, and stops at one of them."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.calls = 0
        self.stop_at = stop_at

    def __call__(self, done: int, total: int, doing: str) -> None:
        self.calls += 1
        if self.calls == self.stop_at:
            raise KeyboardInterrupt


def files(store: Store) -> dict[str, bytes]:
    """The contents of all rows and images in a store."""
    names = ("rows.parquet", "tensors.safetensors")
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for path in sorted((store.root / "units").rglob("*"))
        if path.name in names
    }


def test_a_second_call_computes_nothing(tmp_path: Path) -> None:
    first = run(Store(tmp_path))
    again = Counter()
    second = run(Store(tmp_path), progress=again)
    assert again.calls == 0
    pd.testing.assert_frame_equal(first.rows, second.rows)
    assert len(first.rows) == 50 * len(ATTACKS)


def test_a_unit_that_is_asked_for_twice_is_computed_once(tmp_path: Path) -> None:
    model = Classifier(Linear(), "linear")
    request = EvaluationRequest(model, data(), THREAT, ("fgsm",), 50, 0, 20)
    counter = Counter()
    first, second = evaluate_all([request, request], Store(tmp_path), counter)
    assert counter.calls == 2 * 3
    pd.testing.assert_frame_equal(first.rows, second.rows)
    assert len(first.rows) == 50


def test_requests_at_once_are_answered_as_one_by_one(tmp_path: Path) -> None:
    model = Classifier(Linear(), "linear")
    requests = [
        EvaluationRequest(model, data(), THREAT, attacks, 50, seed, 20)
        for attacks, seed in ((("fgsm",), 0), (("pgd-10", "fgsm"), 1))
    ]
    for request, found in zip(requests, evaluate_all(requests, Store(tmp_path)), strict=True):
        names = {"attacks": request.attacks, "seed": request.seed}
        alone = run(Store(tmp_path / "alone"), **names)
        pd.testing.assert_frame_equal(found.rows, alone.rows)
        assert found.keys == alone.keys


def test_requests_are_mixed_each_in_one_piece_so_that_the_slow_ones_do_not_come_last(
    tmp_path: Path,
) -> None:
    model = Classifier(Linear(), "linear")
    epsilons = [f"0.0{i}" for i in range(1, 9)]
    asked = [
        EvaluationRequest(model, data(), ThreatModel(norm, eps), ("fgsm",), 50, 0, 20)
        for norm in ("Linf", "L2")
        for eps in epsilons
    ]
    computed: list[tuple[str, float]] = []

    def noted(jobs, store, begun):
        for job in in_process(jobs, store, begun):
            computed.append((job.unit.norm, job.unit.epsilon))
            yield job

    evaluate_all(asked, Store(tmp_path), executor=noted)
    runs = computed[::3]
    assert computed == [run for run in runs for _ in range(3)]
    assert sorted(runs) == sorted((one.threat.norm, one.threat.epsilon) for one in asked)
    assert 2 <= [norm for norm, _ in runs[:8]].count("L2") <= 6


def test_more_samples_reuse_the_units_that_are_there(tmp_path: Path) -> None:
    run(Store(tmp_path), samples=40)
    counter = Counter()
    run(Store(tmp_path), samples=50, progress=counter)
    assert counter.calls == 2 * len(ATTACKS)  # one unit of ten samples each, begun and done


def test_an_attack_with_a_name_of_its_own_since_it_was_stored(tmp_path, monkeypatch) -> None:
    run(Store(tmp_path), samples=40, attacks=["pgd-10:steps=3"])
    monkeypatch.setitem(ATTACKS_BY_NAME, "pgd-3", PGD(steps=3))
    counter = Counter()
    found = run(Store(tmp_path), samples=50, attacks=["pgd-3"], progress=counter)
    assert counter.calls == 2  # the unit that is missing, begun and done
    assert set(found.rows["attack"]) == set(found.costs["attack"]) == {"pgd-3"}


@pytest.mark.parametrize("stop_at", range(1, 13))
def test_stopped_anywhere_and_resumed_is_uninterrupted(tmp_path: Path, stop_at: int) -> None:
    whole = Store(tmp_path / "whole")
    run(whole)
    stopped = Store(tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        run(stopped, progress=Counter(stop_at))
    run(stopped)
    assert files(stopped) == files(whole)


def test_a_damaged_unit_is_computed_again_to_the_same_bytes(tmp_path: Path) -> None:
    said: list[str] = []
    store = Store(tmp_path, said.append)
    run(store)
    before = files(store)
    next((tmp_path / "units").iterdir()).joinpath("rows.parquet").write_bytes(b"PAR1")
    counter = Counter()
    run(store, progress=counter)
    assert counter.calls == 2
    assert len(said) == 1
    assert files(store) == before


def test_rows_do_not_depend_on_how_attacks_are_written(tmp_path: Path) -> None:
    model = Classifier(Linear(), "linear")
    common = {"store": Store(tmp_path), "samples": 20}
    evaluate(model, data(), THREAT, ["pgd-40:steps=10"], **common)
    counter = Counter()
    found = evaluate(model, data(), THREAT, ["pgd-10"], progress=counter, **common)
    assert counter.calls == 0
    assert set(found.rows["attack"]) == {"pgd-10"}


def test_the_identity_of_every_row_is_in_it(tmp_path: Path) -> None:
    rows = run(Store(tmp_path), seed=3).rows
    model = Classifier(Linear(), "linear")
    assert set(rows["model"]) == {model.fingerprint}
    assert set(rows["data"]) == {data().fingerprint}
    assert set(rows["epsilon"]) == {0.02}
    assert set(rows["seed"]) == {3}
    assert rows.groupby("attack")["index"].apply(list).map(lambda i: i == list(range(50))).all()


def test_another_seed_is_another_unit_with_another_random_start(tmp_path: Path) -> None:
    store = Store(tmp_path)
    images = []
    for seed in (0, 1):
        evaluation = run(store, seed=seed)
        images.append(store.read(evaluation.keys[-1]).tensors()["x_adv"])
    assert not np.array_equal(*images)


def test_too_many_samples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 50"):
        run(Store(tmp_path), samples=51)


def test_costs_are_counted_once_per_unit(tmp_path: Path) -> None:
    costs = run(Store(tmp_path)).costs
    assert costs["samples"].tolist() == [20, 20, 10] * 2
    fgsm = costs[costs["attack"] == "fgsm"]
    assert (fgsm["backward_passes"] <= fgsm["samples"]).all()
    assert (fgsm["forward_passes"] >= fgsm["backward_passes"]).all()


class Helped(Linear):
    """A net whose forward calls a function that its fingerprint does not follow."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(helper(x))


class Noisy(Linear):
    """A net that answers differently each time."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x + 0.5 * torch.rand_like(x))


def helper(x: torch.Tensor) -> torch.Tensor:
    return x


@pytest.mark.parametrize("attacks", [["fgsm"], ["fgsm", "pgd-10"]])
def test_results_of_what_the_fingerprint_takes_for_the_same_net_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attacks: list[str]
) -> None:
    what = data(), THREAT, attacks

    def ask() -> None:
        evaluate(Classifier(Helped(), "mine"), *what, store=Store(tmp_path), samples=50)

    ask()
    ask()
    monkeypatch.setattr(f"{__name__}.helper", lambda x: (2 * x).round() / 2)
    with pytest.raises(InputError, match="mine gives other outputs than when its results"):
        ask()


def test_a_net_that_differs_from_itself_keeps_its_results(tmp_path: Path) -> None:
    what = Classifier(Noisy(), "noisy"), data(), THREAT, ["fgsm"]
    first, second = (evaluate(*what, store=Store(tmp_path), samples=50) for _ in range(2))
    pd.testing.assert_frame_equal(first.rows, second.rows)


class Broken(Linear):
    """The same logits as its base class; the gradient to the image is 0 · ∞."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x + 0 * (x - x.detach()).sqrt())


def test_gradients_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    what = data(), THREAT, ["fgsm", "random-noise"]
    found = evaluate(Classifier(Broken(), "broken"), *what, store=Store(tmp_path), samples=50)
    (warning,) = found.warnings
    (passes,) = found.costs.loc[found.costs["attack"] == "fgsm", "backward_passes"]
    assert passes > 0
    assert warning.startswith(
        f"fgsm was given NaN or infinity as the gradient in {passes} of {passes} backward passes"
    )
    sound = evaluate(Classifier(Linear(), "sound"), *what, store=Store(tmp_path), samples=50)
    assert not sound.warnings

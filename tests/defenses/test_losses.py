"""Each defense's loss against numbers computed by hand, in numpy, from the papers' formulas."""

import math

import numpy as np
import pytest
import torch
from steps import Linear, images, plain_critic, step

from workbench.defenses import DEFENSES, defense, label
from workbench.errors import InputError
from workbench.information import Reference

W = [[1.0, -2.0, 0.5], [0.3, 1.5, -1.0]]
X = images((0.2, 0.9), (0.7, 0.1), (0.5, 0.5), (1.0, 0.2))
X_ADV = images((0.6, 0.5), (0.1, 0.6), (0.1, 0.9), (0.6, 0.6))
Y = torch.tensor([1, 0, 2, 0])


def logits(x: torch.Tensor) -> np.ndarray:
    return x.flatten(1).double().numpy() @ np.array(W)


def softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum(1, keepdims=True)


def cross_entropy(z: np.ndarray) -> float:
    return float(np.mean([-math.log(p[y]) for p, y in zip(softmax(z), Y.tolist(), strict=True)]))


def kl(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return (p * (np.log(p) - np.log(q))).sum(1)


def test_natural_is_the_cross_entropy_on_x_and_crafts_nothing() -> None:
    loss = DEFENSES["natural"](step(Linear(W), X, Y))
    assert loss.item() == pytest.approx(cross_entropy(logits(X)), rel=1e-5)


def test_standard_at_is_the_cross_entropy_on_x_adv_and_runs_the_net_once() -> None:
    net = Linear(W)
    loss = DEFENSES["standard-at"](step(net, X, Y, X_ADV))
    assert loss.item() == pytest.approx(cross_entropy(logits(X_ADV)), rel=1e-5)
    assert net.passes == 1


@pytest.mark.parametrize("beta", [0.0, 1.0, 6.0])
def test_trades_by_hand(beta: float) -> None:
    natural, adversarial = softmax(logits(X)), softmax(logits(X_ADV))
    expected = cross_entropy(logits(X)) + beta * kl(natural, adversarial).mean()
    loss = defense(f"trades:beta={beta}")(step(Linear(W), X, Y, X_ADV))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_trades_ascends_the_divergence_of_predictions() -> None:
    net = Linear(W)
    natural = softmax(logits(X))
    ascended = []

    def craft(loss):
        ascended.append(loss(net(X_ADV)).item())
        return X_ADV

    DEFENSES["trades"](step(net, X, Y, craft=craft))
    assert ascended == pytest.approx([kl(natural, softmax(logits(X_ADV))).sum()], rel=1e-5)


def test_mart_by_hand() -> None:
    natural, adversarial = softmax(logits(X)), softmax(logits(X_ADV))
    rows = np.arange(4)
    others = np.where(np.eye(3, dtype=bool)[Y.numpy()], 0, adversarial).max(1)
    boosted = -np.log(adversarial[rows, Y]) - np.log(1.0001 - others)
    weighted = kl(natural, adversarial) * (1 - natural[rows, Y])
    loss = DEFENSES["mart"](step(Linear(W), X, Y, X_ADV))
    assert loss.item() == pytest.approx((boosted + 5 * weighted).mean(), rel=1e-3)


def test_mart_stays_finite_where_another_class_is_certain() -> None:
    net = Linear([[100.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    y = torch.tensor([1, 1, 1, 1])
    loss = DEFENSES["mart"](step(net, X, y, X_ADV))
    loss.backward()
    assert loss.isfinite()
    assert net.weight.grad is not None
    assert net.weight.grad.isfinite().all()


def test_wmim_by_hand() -> None:
    critic = plain_critic(0, 3)
    reference = {"standard": Reference(critic, torch.empty(0))}
    scores = critic(X_ADV, X_ADV.flatten(1) @ torch.tensor(W)).detach().double().numpy()
    bound = np.mean(np.diag(scores) - np.log(np.exp(scores).sum(1))) + math.log(4)
    loss = defense("wmim:alpha=0.5")(step(Linear(W), X, Y, X_ADV, reference))
    assert loss.item() == pytest.approx(cross_entropy(logits(X_ADV)) - 0.5 * bound, rel=1e-5)


def references(size: int = 5) -> dict[str, Reference]:
    generator = torch.Generator().manual_seed(7)
    return {
        name: Reference.of(plain_critic(seed, 3), torch.rand(size, 1, 1, 2, generator=generator))
        for seed, name in ((1, "natural"), (2, "adversarial"))
    }


def information(reference: Reference, patterns: torch.Tensor, z: np.ndarray) -> np.ndarray:
    """Pointwise MI by its definition, one pair at a time."""
    critic, values = reference.critic, []
    for pattern, output in zip(patterns, z, strict=True):
        globl = critic.globl(torch.tensor(output, dtype=torch.float32)[None])[0].detach()
        own = float(critic.local(pattern[None])[0].detach() @ globl)
        others = [float(vector @ globl) for vector in reference.vectors]
        values.append(own - math.log(np.mean(np.exp(others))))
    return np.array(values)


def cosine_distance(a: np.ndarray, b: np.ndarray) -> float:
    return abs(1 - float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))


@pytest.mark.parametrize("name", ["namid", "namid-t", "namid-m"])
@pytest.mark.parametrize("lam", [0.0, 0.1])
def test_namid_adds_eq_8_of_the_selected_pairs_to_its_base(name: str, lam: float) -> None:
    base = {"namid": "standard-at", "namid-t": "trades", "namid-m": "mart"}[name]
    chosen = (logits(X).argmax(1) == Y.numpy()) & (logits(X_ADV).argmax(1) != Y.numpy())
    assert chosen.sum() >= 2
    critics, noise = references(), (X_ADV - X)[chosen]
    z, z_adv = logits(X)[chosen], logits(X_ADV)[chosen]
    natural = [information(critics["natural"], X[chosen], out) for out in (z, z_adv)]
    adversarial = [information(critics["adversarial"], noise, out) for out in (z, z_adv)]
    difference = (adversarial[1] - natural[1]).mean()
    extra = cosine_distance(*natural) + cosine_distance(*adversarial) + lam * difference
    expected = DEFENSES[base](step(Linear(W), X, Y, X_ADV)).item() + 5 * extra
    net = Linear(W)
    loss = defense(f"{name}:lam={lam}")(step(net, X, Y, X_ADV, critics))
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    crafting = 1 if base == "trades" else 0  # it looks at h(x) to craft x̃
    assert net.passes == crafting + 2


@pytest.mark.parametrize(
    ("without", "used", "sign"), [("natural", "adversarial", 1), ("adversarial", "natural", -1)]
)
def test_namid_without_one_kind_of_mi(without: str, used: str, sign: int) -> None:
    chosen = (logits(X).argmax(1) == Y.numpy()) & (logits(X_ADV).argmax(1) != Y.numpy())
    critics, patterns = references(), {"natural": X, "adversarial": X_ADV - X}
    z, z_adv = logits(X)[chosen], logits(X_ADV)[chosen]
    values = [information(critics[used], patterns[used][chosen], out) for out in (z, z_adv)]
    extra = cosine_distance(*values) + 0.1 * sign * values[1].mean()
    expected = DEFENSES["standard-at"](step(Linear(W), X, Y, X_ADV)).item() + 5 * extra
    loss = defense(f"namid:without={without}")(step(Linear(W), X, Y, X_ADV, critics))
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_namid_of_all_pairs() -> None:
    critics, patterns = references(), {"natural": X, "adversarial": X_ADV - X}
    outputs = logits(X), logits(X_ADV)
    values = {
        name: [information(critics[name], patterns[name], out) for out in outputs]
        for name in patterns
    }
    extra = sum(cosine_distance(*pair) for pair in values.values())
    expected = DEFENSES["standard-at"](step(Linear(W), X, Y, X_ADV)).item() + 5 * extra
    loss = defense("namid:lam=0,selection=all")(step(Linear(W), X, Y, X_ADV, critics))
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    eq6 = defense("namid:lam=0")(step(Linear(W), X, Y, X_ADV, critics))
    assert loss.item() != pytest.approx(eq6.item(), rel=1e-4)


def test_namid_is_its_base_where_nothing_is_selected() -> None:
    loss = DEFENSES["namid"](step(Linear(W), X, Y, X, references()))
    assert loss.item() == DEFENSES["standard-at"](step(Linear(W), X, Y, X)).item()


@pytest.mark.parametrize(("done", "share"), [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.9, 1.0)])
def test_alpha_rises_over_the_warm_up(done: float, share: float) -> None:
    plain, warm = (
        defense(f"namid:warmup={warmup}")(
            step(Linear(W), X, Y, X_ADV, references(), done=done)
        ).item()
        for warmup in (0.0, 0.5)
    )
    base = DEFENSES["standard-at"](step(Linear(W), X, Y, X_ADV)).item()
    assert warm - base == pytest.approx(share * (plain - base), rel=1e-4, abs=1e-6)


def test_fitted_critics_get_no_gradient_and_the_net_does() -> None:
    critics, net = references(), Linear(W)
    DEFENSES["namid"](step(net, X, Y, X_ADV, critics)).backward()
    base = Linear(W)
    DEFENSES["standard-at"](step(base, X, Y, X_ADV)).backward()
    assert all(w.grad is None for used in critics.values() for w in used.critic.parameters())
    assert not torch.allclose(net.weight.grad, base.weight.grad)


def test_refreshed_critics_are_trained_by_infonce_alone() -> None:
    critics = references()
    defense("namid:refresh=true")(step(Linear(W), X, Y, X_ADV, critics)).backward()
    patterns = {"natural": (X, X), "adversarial": (X_ADV - X, X_ADV)}
    for name, (pattern, seen) in patterns.items():
        other = references()[name].critic
        scores = other(pattern, seen.flatten(1) @ torch.tensor(W))
        (-(scores.diagonal() - scores.logsumexp(1)).mean()).backward()
        for ours, theirs in zip(critics[name].critic.parameters(), other.parameters(), strict=True):
            assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)


def test_the_softplus_difference_is_bounded_below() -> None:
    net = Linear(W)
    batch = step(net, X, Y, X_ADV, references())
    base = DEFENSES["standard-at"](step(Linear(W), X, Y, X_ADV)).item()
    loss = defense("namid:difference=softplus,lam=1000")(batch).item()
    assert loss > base


@pytest.mark.parametrize(
    "wrong",
    ["magic", "namid:base=natural", "namid:similarity=none", "namid:warmup=2", "trades:gamma=1"],
)
def test_a_wrong_defense_is_one_line(wrong: str) -> None:
    with pytest.raises(InputError):
        defense(wrong)


def test_every_defense_has_one_name() -> None:
    for name in DEFENSES:
        assert label(defense(name)) == name

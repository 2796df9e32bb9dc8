"""Made-up records of every analysis, as many and as long-named as a profile of the paper's has."""

from collections.abc import Callable
from itertools import product

import made_up
import made_up_scores
import pandas as pd
from scored import made_up as made_up_detection

from analyses import assumption, calibration, critic_attack, evasion
from workbench.information import BOUNDS
from workbench.information.calibration import NUMBERS

EVERY_STEP = ":stop_at_success=false"
PGD = f"pgd-40{EVERY_STEP}"
SAMPLES = 60
WRONG = {"adversarial_prediction": 1}


def white_box() -> pd.DataFrame:
    """Eight defenses under Linf, two under L2."""
    linf = made_up.rows(samples=SAMPLES).assign(norm="Linf", eps="0.1")
    few = {name: made_up.DEFENSES[name][:2] for name in ("standard-at", "namid")}
    l2 = made_up.rows(few, ("cw",), samples=SAMPLES, suffix="-l2").assign(norm="L2", eps="1.5")
    rows = pd.concat([linf, l2], ignore_index=True)
    return rows.assign(name=rows["model"])


def black_box() -> pd.DataFrame:
    """Three defenses shown the samples of one surrogate, under two threat models."""
    few = {name: made_up.DEFENSES[name] for name in ("standard-at", "wmim", "namid")}
    rows = made_up.rows(few, samples=SAMPLES).drop(columns="certified")
    rows = rows.assign(name=rows["model"], source_name="surrogate@0", norm="Linf", eps="0.1")
    return pd.concat([rows, rows.assign(norm="L2", eps="1.5")], ignore_index=True)


def published() -> pd.DataFrame:
    """Published defenses, white-box and by one surrogate."""
    truth = {name: own for name, own in made_up.DEFENSES.items() if name != "natural"}
    white = made_up.rows(truth, samples=SAMPLES)
    rows = pd.concat([white, white.assign(source_name="vgg")], ignore_index=True)
    return rows.assign(name=rows["model"], norm="Linf", eps="0.1")


def compared(defenses: tuple[str, ...]) -> pd.DataFrame:
    """Defenses with standard AT's accuracies under Linf, three seeds."""
    truth = dict.fromkeys(defenses, made_up.DEFENSES["standard-at"][:4])
    attacks = ("pgd-40", "autoattack", "ti-dim")
    rows = made_up.rows(truth, attacks, samples=SAMPLES)
    return rows.assign(name=rows["model"], norm="Linf", eps="0.1")


def ablation() -> pd.DataFrame:
    """NAMID, without its parts, and standard AT."""
    left = ("namid-no-adversarial", "namid-no-natural", "namid-lambda-0")
    return compared(("namid", *left, "standard-at"))


def defense_by_estimator() -> pd.DataFrame:
    """NAMID with either estimator, and standard AT."""
    return compared(("namid", "namid-contrast", "standard-at"))


def sweep() -> pd.DataFrame:
    """A grid of α and λ, other settings, and both standard ATs."""
    grid = [f"namid-a{alpha}-l{lam}" for alpha in (0.1, 0.5, 2) for lam in (0, 0.1)]
    others = ("namid-all-pairs", "namid-no-natural", "namid-contrast-no-adversarial")
    return compared(("standard-at", "standard-at-longer", *grid, *others))


def scores(attacks: tuple[str, ...] = (PGD,), critics: int = 2, **more: object) -> pd.DataFrame:
    """Detectors' scores of two models, each with some critics, under each attack."""
    parts = [
        made_up_detection(
            100, seed, name=f"{model}@0", attack=attack, critic_seed=seed, objective="mim", **more
        )
        for model in ("natural", "standard-at")
        for seed in range(critics)
        for attack in attacks
    ]
    return pd.concat(parts, ignore_index=True).drop(columns="model")


def mi_over_eps() -> pd.DataFrame:
    """Two models at four ε."""
    budgets = ("0.025", "0.05", "0.1", "0.2")
    parts = [scores(critics=1, eps=e, epsilon=float(e), **WRONG) for e in budgets]
    return pd.concat(parts, ignore_index=True)


def mi_over_epochs() -> pd.DataFrame:
    """Two trainings after four epochs."""
    parts = []
    for epoch in (1, 2, 4, 8):
        rows = scores(critics=1, **WRONG)
        names = rows["name"].str.removesuffix("@0") + f"-course after {epoch}"
        parts.append(rows.assign(name=names))
    return pd.concat(parts, ignore_index=True)


def estimators() -> pd.DataFrame:
    """Two defenses, two critics of each objective."""
    parts = [
        made_up_scores.scored(f"{defense}@0", seed, objective, (4.0, 2.5, 2.0, 3.0), samples=100)
        for defense in ("natural", "standard-at")
        for objective in ("mim", "contrast")
        for seed in range(2)
    ]
    return pd.concat(parts, ignore_index=True)


def standard_mi() -> pd.DataFrame:
    """One natural model under the five attacks of Figure 2."""
    attacks = ("pgd-10", "pgd-40", "apgd-ce", "fwa-10", "fwa-40")
    parts = [
        made_up_scores.scored(
            "natural@0", seed, "mim", (4.0, 1.5, 2.0, 3.0), f"{name}{EVERY_STEP}", 3.0, 100
        )
        for seed in range(2)
        for name in attacks
    ]
    return pd.concat(parts, ignore_index=True)


def assumption_terms() -> pd.DataFrame:
    """The small model's terms, which obey Eq. 2, and predictions of a real one."""
    attacks = ("random", "pgd", "pgd from the image", "worst")
    outputs = (assumption.PREDICTED, "quantised logits", assumption.SAMPLED)
    rows = []
    for model, output, radius, attack in product(("natural", "robust"), outputs, range(3), attacks):
        both = 0.1 * radius
        rest = 0.4 if output == assumption.SAMPLED else 0.0
        terms = {"whole": 1.0, "natural": 0.9, "adversarial": 0.1 + both, "interaction": both}
        terms |= {"given_parts": rest, "given_whole": rest, "accuracy": 0.5}
        ends = {"interaction_low": both - 0.5, "interaction_high": 1.0}
        names = {"model": model, "attack": attack, "radius": radius, "output": output}
        rows.append({"name": assumption.SMALL, **names, **terms, **ends})
    real = {"name": "standard-at@0", "norm": "Linf", "eps": "8/255", "label": 0}
    predicted = [real | {"adversarial_prediction": i % 3, "l2": 0.1 * i} for i in range(20)]
    return pd.DataFrame([*rows, *predicted])


def calibrations() -> pd.DataFrame:
    """Every distribution with every bound, three seeds; one bound diverged on the first."""
    rows = []
    for known, bound, seed in product(calibration.DISTRIBUTIONS, BOUNDS, range(3)):
        numbers = dict.fromkeys(NUMBERS, 0.5) | {"estimate": 1.0 + 0.2 * seed, "null": -1.0}
        names = {"distribution": known.name, "bound": bound, "seed": seed}
        rows.append({**names, "status": "ok", "doubt": "", "true_mi": 1.2, **numbers})
    frame = pd.DataFrame(rows)
    lost = (frame["distribution"] == calibration.DISTRIBUTIONS[0].name) & (frame["bound"] == "nwj")
    frame.loc[lost, "status"] = calibration.DIVERGED
    frame.loc[lost, NUMBERS] = float("nan")
    return frame


FRAMES: dict[str, Callable[[], pd.DataFrame]] = {
    "ablation": ablation,
    "assumption": assumption_terms,
    "black_box": black_box,
    "calibration": calibrations,
    "critic_attack": lambda: scores((PGD, *critic_attack.ATTACKS)),
    "defense_by_estimator": defense_by_estimator,
    "detection": lambda: scores((PGD, "noise")),
    "estimators": estimators,
    "evasion": lambda: scores((PGD, *evasion.ATTACKS)),
    "mi_distribution": lambda: scores(**WRONG),
    "mi_over_epochs": mi_over_epochs,
    "mi_over_eps": mi_over_eps,
    "published": published,
    "standard_mi": standard_mi,
    "sweep": sweep,
    "white_box": white_box,
}

"""Red flags that attacks raise: of the model, and of the attacks themselves."""

from itertools import pairwise

import numpy as np
import pandas as pd

from workbench.audit.evidence import (
    CHANCE,
    FAIL,
    LONGER,
    PASS,
    PGD,
    RESTARTED,
    WARN,
    Evidence,
    Finding,
    NotRun,
    Status,
    places,
)
from workbench.statistics import mcnemar, proportion
from workbench.tables import flipped

POINTS = 0.5  # of robust accuracy that a larger budget may change
BLACK_BOX = 0.2  # points of robust accuracy that black-box attacks may add
UNSTABLE = 0.1  # mean relative change of the loss
ROUGH = 0.25  # of it, which smooth nets stay far below (0.11 at most of those measured)
UNFINISHED = 0.05  # of a loss's rise, in the last ten looks
FOUND = 0.95  # of planted adversarial samples


def _points(flags: pd.Series) -> float:
    """A share as percentage points."""
    return 100 * float(flags.mean())


def black_box_wins(found: Evidence) -> Finding:
    """AA4/C7: black-box attacks succeed on samples where gradients find nothing."""
    white = found.robust(found.white_box)
    won = white & ~found.robust([name for name in found.black_box if name != "random-noise"])
    said = (
        f"black-box attacks break {int(won.sum())} of {len(won)} samples that attacks by gradients "
        f"leave, {_points(won):.2f} points"
    )
    status: Status = PASS
    if _points(won) > BLACK_BOX:
        low = 100 * proportion(won).low
        status, said = (FAIL, said) if low > BLACK_BOX else (WARN, f"{said}, which may be chance")
    return Finding(status, said, _points(won), BLACK_BOX, places(won))


def noise_wins(found: Evidence) -> Finding:
    """C10: random noise finds adversarial samples that white-box attacks do not."""
    won = found.robust(found.white_box) & ~found.attack("random-noise")["robust"]
    said = f"random noise breaks {int(won.sum())} samples that attacks by gradients leave"
    return Finding(FAIL if won.any() else PASS, said, float(won.sum()), 0.0, places(won))


def one_step_wins(found: Evidence) -> Finding:
    """C1: FGSM succeeds more often than PGD."""
    one, many = found.attack("fgsm")["robust"], found.attack(PGD)["robust"]
    said = f"FGSM leaves {_points(one):.1f} %, PGD-40 {_points(many):.1f} %"
    gain = _points(many) - _points(one)
    status: Status = WARN if gain > 0 else PASS
    if status == WARN and mcnemar(one.to_numpy(), many.to_numpy()) < CHANCE:
        status = FAIL
    return Finding(status, said, gain, 0.0, places(many & ~one))


def unstable(found: Evidence) -> Finding:
    """I2: the loss changes much under small random changes of the image."""
    rows = found.probe("Smoothness")
    right = rows[rows["correct"]]
    if right.empty:
        raise NotRun("no sample is classified right")
    change = float(right["change"].mean())
    said = f"random changes of ± 4/255 change the loss by {100 * change:.0f} % on average"
    marked = places(rows.set_index("index")["change"] > ROUGH)
    if change > ROUGH:
        return Finding(FAIL, said, change, ROUGH, marked)
    return Finding(WARN if change > UNSTABLE else PASS, said, change, UNSTABLE, marked)


def silent_success(found: Evidence) -> Finding:
    """I3: an attack saw a success on its path, and the point that it ends at is none."""
    marked: set[int] = set()
    for name in (*found.white_box, found.strongest):
        rows = found.attack(name)
        marked |= {*places((rows["first_success"] >= 0) & rows["inside"] & ~rows["verified"])}
    said = f"for {len(marked)} samples an attack saw a success that a second look does not confirm"
    return Finding(FAIL if marked else PASS, said, len(marked), 0.0, tuple(sorted(marked)))


def unfinished(found: Evidence) -> Finding:
    """I4: the attack's loss still rises in its last ten looks."""
    rows = found.attack(PGD)
    left = rows[rows["robust"]]
    if left.empty:
        return Finding(
            PASS, "no sample withstands PGD-40, so none is left unfinished", 0.0, UNFINISHED
        )
    marked = places(left["loss_unfinished"] > UNFINISHED)
    share = float(left["loss_unfinished"].mean())
    said = (
        f"of samples that withstand PGD-40 the last ten looks gain {100 * share:.1f} % of the "
        f"loss's rise on average; {len(marked)} of {len(left)} gain more than 5 %"
    )
    return Finding(WARN if share > UNFINISHED else PASS, said, share, UNFINISHED, marked)


def other_copy(found: Evidence) -> Finding:
    """I5: what fools the copy that was attacked does not fool the model itself."""
    differ = ~found.again.groupby("index")["copy_agrees"].all()
    marked = places(differ)
    said = f"the copy that attacks see and the model disagree on {len(marked)} proposed samples"
    return Finding(FAIL if marked else PASS, said, len(marked), 0.0, marked)


def unbounded(found: Evidence) -> Finding:
    """I6: samples withstand an attack that only the box [0, 1] bounds."""
    left = found.wider("unbounded")["robust"]
    said = f"{int(left.sum())} of {len(left)} samples withstand an attack without a bound"
    return Finding(FAIL if left.any() else PASS, said, float(left.sum()), 0.0, places(left))


def large_epsilon(found: Evidence) -> Finding:
    """C5: Linf 1/2, which can make every image grey, leaves more than chance."""
    left = found.wider("half")["robust"]
    chance = 1 / len(found.data.classes)
    low = proportion(left).low
    said = f"Linf 1/2 leaves {_points(left):.1f} %, where chance is {100 * chance:.1f} %"
    return Finding(FAIL if low > chance else PASS, said, _points(left), 100 * chance, places(left))


def monotone(found: Evidence) -> Finding:
    """C4: robust accuracy rises with ε anywhere on the curve."""
    if len(found.curve) < 2:
        raise NotRun(found.missing.get("curve", "robust accuracy was measured at one ε only"))
    levels = [_points(rows["robust"]) for _, rows in sorted(found.curve.items())]
    rise = max(0.0, float(np.diff(levels).max()))
    curve = [rows.set_index("index")["robust"] for _, rows in sorted(found.curve.items())]
    back = pd.concat([~less & more for less, more in pairwise(curve)], axis=1).any(axis=1)
    said = "over rising ε PGD-40 leaves " + ", ".join(f"{level:.1f}" for level in levels) + " %"
    status: Status = FAIL if rise > POINTS else WARN if rise else PASS
    return Finding(status, said, rise, POINTS, places(back) if rise else ())


def converged(found: Evidence) -> Finding:
    """C2/C3: twice the steps or twice the restarts change robust accuracy."""
    usual = _points(found.attack(PGD)["robust"])
    more = {name: usual - _points(found.attack(name)["robust"]) for name in (LONGER, RESTARTED)}
    most = max(more.values(), key=abs)
    said = (
        f"PGD-40 leaves {usual:.1f} %; twice the steps take {more[LONGER]:.2f} points more, "
        f"twice the restarts {more[RESTARTED]:.2f}"
    )
    changed = [found.attack(name)["robust"] != found.attack(PGD)["robust"] for name in more]
    marked = places(pd.concat(changed, axis=1).any(axis=1))
    return Finding(WARN if abs(most) > POINTS else PASS, said, most, POINTS, marked)


def headline(found: Evidence) -> Finding:
    """C13: the worst case is taken per sample over all attacks, not the lowest of their means."""
    worst = _points(found.robust([*found.attacks]))
    lowest = min(_points(found.attack(name)["robust"]) for name in found.attacks)
    said = (
        f"the worst case per sample is {worst:.1f} %; the strongest single attack alone would "
        f"have said {lowest:.1f} %"
    )
    return Finding(PASS, said, worst)


def planted(found: Evidence) -> Finding:
    """B1: APGD misses adversarial samples that were planted, or random search finds as many."""
    rows = found.probe("Binarised").set_index("index")
    rows = rows[rows["separable"]]
    if rows.empty:
        raise NotRun("the model's features part no planted point from its neighbours")
    by_apgd, random = proportion(rows["found"]), float(rows["found_at_random"].mean())
    share = by_apgd.value
    said = (
        f"APGD finds {100 * share:.1f} % of {len(rows)} planted adversarial samples, random "
        f"search {100 * random:.1f} %"
    )
    status: Status = FAIL if by_apgd.high < FOUND or (share <= random and share < 1) else PASS
    if status == PASS and share < FOUND:
        status, said = WARN, f"{said}, which may be chance"
    return Finding(status, said, share, FOUND, places(~rows["found"]))


def verified_again(found: Evidence) -> Finding:
    """P5: a fresh instance of the model, in another batching, is not fooled."""
    claimed = found.again[found.again["claimed"]]
    doubted = claimed[~claimed["fooled"]]
    said = (
        f"a fresh instance misclassifies {len(claimed) - len(doubted)} of {len(claimed)} samples "
        "that attacks claim, those that are wrong anyway among them"
    )
    marked = tuple(sorted({int(index) for index in doubted["index"]}))
    return Finding(FAIL if marked else PASS, said, len(doubted), 0.0, marked)


def inside(found: Evidence) -> Finding:
    """P6: proposals outside of the ball or the box, in float64."""
    outside = pd.concat([~found.attack(name)["inside"] for name in found.attacks], axis=1)
    marked = places(outside.any(axis=1))
    said = f"for {len(marked)} samples an attack proposed a point outside of the threat model"
    return Finding(FAIL if marked else PASS, said, len(marked), 0.0, marked)


def eight_bits(found: Evidence) -> Finding:
    """P7: the share of adversarial samples that survive rounding to 256 levels (a report)."""
    rows = found.attack(found.strongest)
    fallen = rows[flipped(rows)]
    if fallen.empty:
        raise NotRun(f"{found.strongest} found no adversarial sample")
    share = _points(fallen["survives_8bit"])
    said = f"{share:.1f} % of {len(fallen)} adversarial samples survive rounding to 256 levels"
    return Finding(PASS, said, share)


def reproducible(found: Evidence) -> Finding:
    """P9: the same attack with the same seed gives another verdict."""
    rows = found.probe("Reproduced").set_index("index")
    marked = places(rows["first"] != rows["second"])
    said = f"done twice with one seed, the attack's verdicts differ for {len(marked)} samples"
    return Finding(FAIL if marked else PASS, said, len(marked), 0.0, marked)

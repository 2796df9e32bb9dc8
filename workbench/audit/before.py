"""Red flags that need no attack: how the model behaves on natural samples."""

from workbench.audit.claims import CLEAN, CONTRADICTED, judge
from workbench.audit.evidence import (
    CHANCE,
    FAIL,
    PASS,
    WARN,
    Evidence,
    Finding,
    NotRun,
    Status,
    places,
)
from workbench.audit.probes import LOOKS

APART = 1e-4  # of logits that should be equal
BETTER = 0.10  # accuracy on another scaling, above that on [0, 1]
SHARE = 0.001  # of samples whose cross-entropy alone has no gradient, before it counts


def evaluation_mode(found: Evidence) -> Finding:
    """P1: any module still in train mode, or buffers that change while predicting."""
    rows = found.probe("Repeated")
    changed, training = bool(rows["changed"].any()), bool(rows["training"].any())
    if changed or training:
        what = "modules stay in train mode" if training else "buffers change while it predicts"
        said = f"{what}, so predictions depend on their batch and on what came before"
        return Finding(FAIL, said, float(changed + training), 0.0)
    said = "no module is in train mode and no buffer changes while it predicts"
    return Finding(PASS, said, 0.0, 0.0)


def batch_independence(found: Evidence) -> Finding:
    """P2: logits of the same samples in batches of 1, 2, 50 and shuffled differ."""
    rows = found.probe("Batching").set_index("index")
    worst = float(rows["apart"].max())
    marked = places(rows["apart"] > APART)
    said = f"in other batches logits differ by up to {worst:.1e} of the largest logit"
    return Finding(FAIL if marked else PASS, said, worst, APART, marked)


def input_domain(found: Evidence) -> Finding:
    """P3: accuracy much better on another scaling, or inputs clipped by the model."""
    rows = found.probe("Scalings")
    usual = float(rows["correct"].mean())
    scaled = rows.drop(columns=["index", "correct", "clipped"]).mean()
    best, gain = str(scaled.idxmax()), float(scaled.max()) - usual
    helped = places(~rows.set_index("index")["correct"] & rows.set_index("index")[best])
    said = f"accuracy on [0, 1] is {100 * usual:.1f} %, on the best other scaling ({best}) "
    said += f"{100 * scaled.max():.1f} %"
    if gain > BETTER:
        return Finding(FAIL, said, 100 * gain, 100 * BETTER, helped)
    if rows["clipped"].all():
        said += "; the model clips its input, which hides pixels outside of [0, 1]"
        return Finding(WARN, said, 100 * gain, 100 * BETTER)
    return Finding(PASS, said, 100 * gain, 100 * BETTER)


def claimed_clean_accuracy(found: Evidence) -> Finding:
    """P4: the claimed clean accuracy lies outside of the exact 95 % interval of ours."""
    claimed = [claim for claim in found.claims if claim.of == CLEAN]
    if not claimed:
        raise NotRun("no clean accuracy was claimed (--claim clean=…)")
    judged = judge(claimed[0], found.correct().to_numpy())
    status: Status = FAIL if judged.verdict == CONTRADICTED else PASS
    return Finding(status, judged.said, judged.p, CHANCE)


def checkpoint_fit(found: Evidence) -> Finding:
    """P10: a checkpoint lacks tensors of the net, or has others.

    Loading refuses such a file, so this says what was looked at.
    """
    if not found.model.filled:
        raise NotRun("no file of weights was read that could miss a tensor of the net")
    count = found.model.filled
    said = f"loading found all {count} tensors of the net in its file, and no other"
    return Finding(PASS, said, count)


def epsilon_as_given(found: Evidence) -> Finding:
    """P8: ε as text and as number; 0.031 is not 8/255."""
    threat = found.threat
    said = (
        f"ε = {threat.eps} is {threat.epsilon!r} of the pixel range, {255 * threat.epsilon:.4g}/255"
    )
    levels = 255 * threat.epsilon
    near = abs(levels - round(levels))
    if threat.norm == "Linf" and 0 < near < 0.15 and "/" not in threat.eps and round(levels):
        return Finding(WARN, f"{said}; if {round(levels)}/255 was meant, write that", levels)
    return Finding(PASS, said, levels)


def randomised(found: Evidence) -> Finding:
    """AA1: the same batch, looked at five times, gets other logits or another accuracy."""
    rows = found.probe("Repeated").set_index("index")
    worst = float(rows["apart"].max())
    marked = places((rows["apart"] > APART) | ~rows["right"].isin([0, LOOKS]))
    said = f"five looks at the same samples differ by up to {worst:.1e} in direction"
    return Finding(FAIL if marked else PASS, said, worst, APART, marked)


def probabilities(found: Evidence) -> Finding:
    """AA2: outputs lie in [0, 1] and sum to 1, so they are no logits."""
    rows = found.probe("Outputs")
    summed = (rows["sum"] - 1).abs() < 1e-5
    inside = rows["highest"].max() < 1 + 1e-5 and rows["lowest"].min() > -1e-5
    low, high = rows["lowest"].min(), rows["highest"].max()
    share = float(summed.mean())
    said = f"outputs lie between {low:.3g} and {high:.3g}; {100 * share:.0f} % of the rows sum to 1"
    return Finding(FAIL if inside and summed.all() else PASS, said, share, 1.0)


def dynamic(found: Evidence) -> Finding:
    """AA5: the model differentiates or optimises inside its own forward pass."""
    calls = int(found.probe("Dynamics")["calls"].max())
    said = f"a prediction asks autograd {calls} times"
    return Finding(FAIL if calls else PASS, said, calls, 0)


def classes(found: Evidence) -> Finding:
    """AA6: outputs that are no class of the data, too few for the DLR losses, or seen too few."""
    outputs, known = int(found.probe("Outputs")["outputs"].max()), len(found.data.classes)
    said = f"the model has {outputs} outputs and the data {known} classes"
    if outputs > known and found.data.counted:
        return Finding(
            WARN,
            f"{said}, counted from its labels; name all its classes in the file, so that "
            "an output of none of them is noticed",
            outputs,
            known,
        )
    if outputs > known:
        said += "; a further output, such as one that rejects, is a part of the defense"
        return Finding(FAIL, said, outputs, known)
    if known < 4:
        return Finding(WARN, f"{said}: below 4 AutoAttack's losses do not exist", known, 4)
    samples = len(found.correct())
    held = found.data.classes_in(0, samples)
    if 2 * held < min(known, samples):
        said = f"the first {samples} samples hold {held} of {known} classes; is the file sorted?"
        return Finding(WARN, said, held, known)
    return Finding(PASS, said, outputs, known)


def gradients(found: Evidence) -> Finding:
    """AA3/I1: no gradient at all, or one that is exactly zero for samples classified right."""
    rows = found.probe("Gradients").set_index("index")
    failed = [text for text in rows["failed"] if text]
    if failed:
        return Finding(
            FAIL, f"the model gives no gradient: {failed[0]}", 0.0, 1.0, places(found.correct())
        )
    right = rows[found.correct()]
    flat = {name: ~(right[name] > 0) for name in ("margin", "cross_entropy")}  # 0, or NaN
    dead, saturated = (found & ~right["proved"] for found in flat.values())
    said = (
        f"of {len(right)} samples classified right {int(flat['margin'].sum())} have no gradient of "
        f"the margin and {int(flat['cross_entropy'].sum())} none of the cross-entropy"
    )
    if proved := int(right["proved"].sum()):
        said += f"; a bound proves {proved} of them robust, which do not count"
    if dead.any():
        return Finding(FAIL, said, float(dead.sum()), 0.0, places(dead))
    status: Status = FAIL if saturated.mean() > SHARE else WARN if saturated.any() else PASS
    return Finding(status, said, float(saturated.sum()), SHARE * len(right), places(saturated))

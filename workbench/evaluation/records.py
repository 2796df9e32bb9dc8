"""The columns of the records, each documented once. A record is one row per sample."""

VERDICT_COLUMNS = {
    "model": "fingerprint of the model",
    "source": "fingerprint of the model that was attacked: the model itself, but for transfer",
    "data": "fingerprint of the data set",
    "attack": "name of the attack, with the settings that differ from the name's",
    "norm": "norm of the threat model: Linf or L2",
    "epsilon": "ε of the threat model, in units of the pixel range [0, 1]",
    "seed": "seed of the attack",
    "index": "position of the sample in its data set",
    "label": "true class",
    "clean_prediction": "class predicted for the natural sample",
    "clean_margin": "the label's logit minus the best other logit, natural sample",
    "adversarial_prediction": "class predicted for the proposed sample",
    "adversarial_margin": "the label's logit minus the best other logit, proposed sample",
    "inside": "the proposed sample lies in the ball and in [0, 1], checked in float64",
    "verified": "the proposed sample is inside and misclassified, in a look that no attack took",
    "robust": "the verdict: classified right, and no verified adversarial sample found",
    "linf": "Linf distance between proposed and natural sample, pixel units [0, 1]",
    "l2": "L2 distance between proposed and natural sample, pixel units [0, 1]",
    "survives_8bit": "still adversarial after rounding the pixels to 256 levels",
}

# what an attack tells of its own work; transferred samples have none of it
TOLD_BY_THE_ATTACK = {
    "first_success": "steps of the attack until its first success, of several in turn the forward "
    "passes; -1: never; -2: not told",
    "forwards": "forward passes that the attack spent on the sample; -2: not told",
    "backwards": "backward passes that the attack spent on the sample; -2: not told",
    "loss_start": "the attack's own loss at its first look; NaN: not told",
    "loss_best": "the highest value of that loss",
    "loss_end": "its value at the attack's last look",
    "loss_unfinished": "share of the loss's whole rise that the last ten looks gained",
    "certified": "a sound bound proves the sample robust",
}

ATTACK_COLUMNS = VERDICT_COLUMNS | TOLD_BY_THE_ATTACK

# of an attacked sample, beside its scores
COPIED = (
    *("model", "data", "attack", "norm", "epsilon", "seed"),
    *("index", "label", "clean_prediction", "clean_margin"),
    *("adversarial_prediction", "adversarial_margin", "verified", "robust"),
)
SCORED_COLUMNS = {name: VERDICT_COLUMNS[name] for name in COPIED} | {
    "critic_seed": "seed of the critics",
    "objective": "what the critics maximise, with the switches that differ from the name's",
    "clean_gap": "the largest logit minus the second, natural sample",
    "adversarial_gap": "the largest logit minus the second, adversarial sample",
    "clean_confidence": "the largest softmax output, natural sample",
    "adversarial_confidence": "the largest softmax output, adversarial sample",
}


def _nulls(columns: dict[str, str]) -> dict[str, str]:
    """The null of each column, which has the pattern of the sample and the output of another."""
    return {
        f"{name}_null": f"null of {name}: the output is another sample's; NaN where there is none"
        for name in columns
    }


# MI in nats, of critics with the objective mim; NaN where a critic diverged
MI_COLUMNS = {
    "natural_mi_natural": "natural MI of the natural sample, Î_N(x; h(x)), nats",
    "natural_mi_adversarial": "score of h(x̃) under the natural critic, Î_N(x; h(x̃)), nats",
    "adversarial_mi_natural": "score of h(x) under the adversarial critic, Î_A(n; h(x)), nats",
    "adversarial_mi_adversarial": "adversarial MI of the adversarial sample, Î_A(n; h(x̃)), nats",
    "natural_mi_received": "score of h(x̃) with x̃ under the natural critic, Î_N(x̃; h(x̃)), nats",
}
# contrast scores, which are no MI and have no unit: of critics with any other objective
CONTRAST_COLUMNS = {
    "natural_contrast_natural": "contrast score of h(x) with x",
    "natural_contrast_adversarial": "contrast score of h(x̃) with x",
    "adversarial_contrast_natural": "contrast score of h(x) with n",
    "adversarial_contrast_adversarial": "contrast score of h(x̃) with n",
    "natural_contrast_received": "contrast score of h(x̃) with x̃ under the natural critic",
}
# where it was asked for; of the natural sample, standard MI is its natural MI
STANDARD_COLUMNS = {
    "standard_mi_adversarial": "standard MI of the adversarial sample, Î(x̃; h(x̃)), nats"
}
STANDARD_COLUMNS |= _nulls(STANDARD_COLUMNS)

INFORMATION_COLUMNS = SCORED_COLUMNS | MI_COLUMNS | _nulls(MI_COLUMNS)
CONTRASTED_COLUMNS = SCORED_COLUMNS | CONTRAST_COLUMNS | _nulls(CONTRAST_COLUMNS)

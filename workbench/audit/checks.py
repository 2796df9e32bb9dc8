"""The red flags, cheapest first: one line for each."""

from collections.abc import Callable
from dataclasses import dataclass

from workbench.audit import after, before
from workbench.audit.evidence import NOT_RUN, Evidence, Finding, NotRun

CARLINI = "Carlini et al. 2019, On evaluating adversarial robustness"
PINTOR = "Pintor et al. 2022, Indicators of attack failure"
AUTOATTACK = "Croce & Hein 2020, AutoAttack's checks"
ZIMMERMANN = "Zimmermann et al. 2022, Increasing confidence in adversarial robustness evaluations"


@dataclass(frozen=True)
class Check:
    """A red flag.

    id: as in the literature list. title: what it looks for. source: who defined it. advice: what
    to do where it is flagged. look: from the evidence to what was found; raises NotRun.
    """

    id: str
    title: str
    source: str
    advice: str
    look: Callable[[Evidence], Finding]


CHECKS: tuple[Check, ...] = (
    Check(
        "P1",
        "evaluation mode",
        "TRADES issue 3, foolbox issue 648",
        "call net.eval() and keep every layer of it there; then audit again",
        before.evaluation_mode,
    ),
    Check(
        "P2",
        "batch independence",
        "foolbox issue 674",
        "look for batch statistics, or for code that mixes samples of a batch",
        before.batch_independence,
    ),
    Check(
        "P3",
        "input domain",
        "common in issues of robustness libraries",
        "put the normalisation inside the model, or name it with --mean and --std",
        before.input_domain,
    ),
    Check(
        "P4",
        "claimed clean accuracy",
        "common practice",
        "ask for the weights, the preprocessing and the test samples of the claim",
        before.claimed_clean_accuracy,
    ),
    Check(
        "P10",
        "checkpoint fit",
        "common practice",
        "ask for the code that saved the checkpoint",
        before.checkpoint_fit,
    ),
    Check(
        "P8",
        "ε as given",
        "AutoAttack issue 54",
        "write ε as a fraction, such as 8/255",
        before.epsilon_as_given,
    ),
    Check(
        "AA1",
        "randomised",
        AUTOATTACK,
        "attack the expectation over the model's randomness, and report that accuracy",
        before.randomised,
    ),
    Check(
        "AA2",
        "probabilities, not logits",
        AUTOATTACK,
        "take the model's outputs before the softmax",
        before.probabilities,
    ),
    Check(
        "AA5",
        "dynamic defense",
        AUTOATTACK + "; Croce et al. 2022, Evaluating the adversarial robustness of adaptive "
        "test-time defenses",
        "attack the static model, and the whole procedure with its inner loop",
        before.dynamic,
    ),
    Check(
        "AA6",
        "classes",
        "AutoAttack issues 52 and 70",
        "attack with losses that know every output, such as a detector's",
        before.classes,
    ),
    Check(
        "AA3/I1",
        "zero or missing gradients",
        f"{AUTOATTACK}; {PINTOR}",
        "attack a differentiable stand-in (BPDA), rescale the logits, and trust black-box attacks",
        before.gradients,
    ),
    Check(
        "I2",
        "unstable predictions",
        PINTOR,
        "smooth the loss, or average gradients over small random changes",
        after.unstable,
    ),
    Check(
        "P9",
        "reproducible",
        "common practice",
        "fix the seeds of everything that is random in the model",
        after.reproducible,
    ),
    Check(
        "C1",
        "one step beats many",
        f"{CARLINI}; Athalye et al. 2018, Obfuscated gradients",
        "gradients mislead: attack with other losses, from other starts, and without gradients",
        after.one_step_wins,
    ),
    Check(
        "C10",
        "noise as strong as the attack",
        CARLINI,
        "the white-box attack fails; find out why before any number of it is used",
        after.noise_wins,
    ),
    Check(
        "I3",
        "silent success",
        PINTOR,
        "the model answers differently when asked again; see AA1 and P2",
        after.silent_success,
    ),
    Check(
        "I4",
        "incomplete optimisation",
        PINTOR,
        "more steps, or another step size, until the loss no longer rises",
        after.unfinished,
    ),
    Check(
        "C2/C3",
        "budget not converged",
        CARLINI,
        "more steps and restarts, until robust accuracy no longer falls",
        after.converged,
    ),
    Check(
        "C4",
        "monotone in ε",
        CARLINI,
        "an attack that fails at a larger ε fails at the smaller one too: repair it",
        after.monotone,
    ),
    Check(
        "C5",
        "large ε above chance",
        CARLINI,
        "gradients are masked: see AA3/I1 and AA4/C7",
        after.large_epsilon,
    ),
    Check(
        "I6",
        "unbounded attack fails",
        f"{PINTOR}; Athalye et al. 2018, Obfuscated gradients",
        "gradients are masked: see AA3/I1 and AA4/C7",
        after.unbounded,
    ),
    Check(
        "B1",
        "planted adversarials missed",
        ZIMMERMANN,
        "the attack is too weak for this model: adapt it before its number is believed",
        after.planted,
    ),
    Check(
        "AA4/C7",
        "black-box attacks win",
        f"{AUTOATTACK}; {CARLINI}",
        "gradients are masked: attack without them, and adapt the white-box attack",
        after.black_box_wins,
    ),
    Check(
        "I5",
        "surrogate failure",
        PINTOR,
        "attack the very model that is deployed",
        after.other_copy,
    ),
    Check(
        "P5",
        "claims verified again",
        "AutoAttack issue 74, foolbox issue 674",
        "the model answers differently when loaded again; see AA1 and P2",
        after.verified_again,
    ),
    Check(
        "P6", "constraint", "ART issue 507", "this is a bug of an attack: report it", after.inside
    ),
    Check(
        "P7",
        "eight bits",
        "secml-torch issue 82",
        "for a claim about image files, attack in steps of 1/255",
        after.eight_bits,
    ),
    Check(
        "C13",
        "headline",
        CARLINI,
        "report the worst case per sample over all attacks",
        after.headline,
    ),
)


def findings(evidence: Evidence) -> dict[str, Finding]:
    """What every check found, by its id; one that has nothing to look at says why."""
    return {check.id: _look(check, evidence) for check in CHECKS}


def _look(check: Check, evidence: Evidence) -> Finding:
    try:
        return check.look(evidence)
    except NotRun as reason:
        return Finding(NOT_RUN, str(reason))

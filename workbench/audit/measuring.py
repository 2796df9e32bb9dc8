"""What an audit measures, in the order in which it is known to make sense."""

from collections.abc import Sequence
from fractions import Fraction

import pandas as pd
import torch

from workbench.attacks import attack, label
from workbench.audit import probes
from workbench.audit.binarised import Binarised
from workbench.audit.evidence import LONGER, PGD, RESTARTED, Evidence
from workbench.audit.request import DEPTHS, AuditRequest
from workbench.audit.worst import Fallen, worst
from workbench.devices import full_precision
from workbench.evaluation.battery import fill_all, rows_of
from workbench.evaluation.execution import Executor, in_process
from workbench.evaluation.probing import Probe
from workbench.evaluation.store import Store, Stored
from workbench.models.quick import quick
from workbench.progress import Progress, no_progress
from workbench.threat import LEAST, MOST, ThreatModel

BEFORE: tuple[tuple[Probe, bool], ...] = (  # and whether a few samples are enough
    (probes.Outputs(), False),
    (probes.Gradients(), False),
    (probes.Proofs(), False),
    (probes.Scalings(), False),
    (probes.Batching(), True),
    (probes.Repeated(), True),
    (probes.Dynamics(), True),
)
NEAR: tuple[tuple[Probe, bool], ...] = ((probes.Smoothness(), True), (probes.Reproduced(), True))
WITH_GRADIENTS: tuple[tuple[Probe, bool], ...] = ((Binarised(), True),)
WHITE_BOX = ("fgsm", PGD, LONGER, RESTARTED)
CURVE = (Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2))  # of ε
WIDE = {
    "half": (PGD, ThreatModel("Linf", "1/2")),
    "unbounded": ("pgd-40:steps=100,step=0.05,restarts=3", ThreatModel("Linf", "1")),
}
BATCH, OTHER_BATCH = 250, 37  # of the attacked copy, and of the fresh instance


def measured(
    request: AuditRequest,
    store: Store,
    progress: Progress = no_progress,
    executor: Executor = in_process,
) -> tuple[Evidence, list[Stored]]:
    """Everything that the checks look at, and the units that hold it.

    Stopped at any moment, the same call goes on. A model without gradients meets black-box
    attacks only.
    """
    common = store, progress, executor
    first = fill_all(request.probe_jobs(BEFORE), *common)
    seen = {_name(probe): rows_of(units) for (probe, _), units in zip(BEFORE, first, strict=True)}
    failed = next((text for text in seen["Gradients"]["failed"] if text), "")
    why = f"the model gives no gradient ({failed})" if failed else ""
    plan = _Plan(request, why)
    groups = dict(zip(plan.jobs, fill_all([*plan.jobs.values()], *common), strict=True))
    units = [unit for found in (*first, *groups.values()) for unit in found]
    return plan.evidence(seen, groups), units


class _Plan:
    """What is measured after the first look; why: no gradient, and so no white-box attack."""

    def __init__(self, request: AuditRequest, why: str) -> None:
        depth = DEPTHS[request.depth]
        self.request, self.why = request, why
        self.white_box = () if why else (*WHITE_BOX, depth.targeted)
        self.black_box = depth.black_box
        self.strongest = depth.black_box[-1] if why else depth.strongest
        known = [attack(name) for name in (*self.white_box, self.strongest, *self.black_box)]
        asked = [attack(name) for name in request.claimed_attacks]
        more = [found for found in asked if not (why and found.gradients)]
        self.attacks = {label(found): (label(found), request.threat) for found in (*known, *more)}
        self.curve = {} if why else {f"curve {t.eps}": (PGD, t) for t in _curve(request.threat)}
        self.wide = {} if why else WIDE
        self.probes = [*NEAR] if why else [*NEAR, *WITH_GRADIENTS]
        self.jobs = {
            name: request.evaluation([chosen], threat).jobs()
            for name, (chosen, threat) in (self.attacks | self.curve | self.wide).items()
        }
        jobs = request.probe_jobs(self.probes)
        self.jobs |= {
            _name(probe): part for (probe, _), part in zip(self.probes, jobs, strict=True)
        }

    def evidence(self, seen: dict[str, pd.DataFrame], groups: dict[str, list[Stored]]) -> Evidence:
        """The stored units, by what the checks call them."""
        rows = {name: rows_of(units) for name, units in groups.items()}
        absent = ["curve", "half", "unbounded", *(_name(probe) for probe, _ in WITH_GRADIENTS)]
        return Evidence(
            self.request.model,
            self.request.data,
            self.request.threat,
            {name: rows[name] for name in self.attacks},
            [label(attack(name)) for name in self.white_box],
            [label(attack(name)) for name in self.black_box],
            label(attack(self.strongest)),
            {threat.epsilon: rows[name] for name, (_, threat) in self.curve.items()},
            {name: rows[name] for name in self.wide},
            seen | {_name(probe): rows[_name(probe)] for probe, _ in self.probes},
            _judged_again(self.request, [u for n in self.attacks for u in groups[n]], self.why),
            dict.fromkeys((*absent, *WHITE_BOX, "white-box"), self.why) if self.why else {},
            self.request.claims,
            self.worst(groups),
        )

    def worst(self, groups: dict[str, list[Stored]]) -> list[Fallen]:
        """The samples that fall most easily, by the ε of the curve, or to the strongest attack."""
        most = self.request.threat.epsilon
        curve = {threat.epsilon: groups[name] for name, (_, threat) in self.curve.items()}
        units = {epsilon: found for epsilon, found in curve.items() if epsilon <= most}
        strongest = groups[label(attack(self.strongest))]
        return worst(self.request.data, units or {most: strongest})


def _curve(threat: ThreatModel) -> list[ThreatModel]:
    """The threat model at parts and multiples of its ε, as far as there are such."""
    parts = [part * Fraction(threat.eps) for part in CURVE]
    most = 1 if threat.norm == "Linf" else MOST
    return [
        threat if part == Fraction(threat.eps) else ThreatModel(threat.norm, str(part))
        for part in parts
        if LEAST <= part <= most
    ]


@torch.no_grad()
@full_precision()
def _judged_again(request: AuditRequest, units: Sequence[Stored], why: str) -> pd.DataFrame:
    """The proposals of all attacks, judged by a fresh instance and by the attacked copy.

    Columns: index; claimed: the attack's success was verified; fooled: the fresh instance is
    misled too; copy_agrees: the form of the model that attacks see predicts the same.
    why: the model has no gradient, so that black-box attacks alone saw it.
    """
    fresh, parts = request.reload(), []
    copy = quick(fresh)
    for unit in units:
        assert unit.rows is not None
        x_adv = torch.from_numpy(unit.tensors()["x_adv"]).to(fresh.device)
        said = torch.cat([fresh(part) for part in x_adv.split(OTHER_BATCH)]).argmax(1)
        with torch.set_grad_enabled(not why):  # where the copy goes another way
            batches = x_adv.requires_grad_(not why).split(BATCH)
            attacked = torch.cat([copy(batch).detach() for batch in batches]).argmax(1)
        labels = unit.rows["label"].to_numpy()
        parts.append(
            pd.DataFrame(
                {
                    "index": unit.rows["index"],
                    "claimed": unit.rows["verified"],
                    "fooled": said.cpu().numpy() != labels,
                    "copy_agrees": (attacked == said).cpu().numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _name(probe: Probe) -> str:
    return type(probe).__name__

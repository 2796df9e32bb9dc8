"""What an audit is asked, and how deep it goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.audit.claims import AUTOATTACK, CLEAN, Claim
from workbench.data import Dataset
from workbench.errors import InputError
from workbench.evaluation.battery import EvaluationRequest
from workbench.evaluation.jobs import Job
from workbench.evaluation.probing import Probe, probe_jobs
from workbench.models import Classifier, check_fits
from workbench.specs import UNIT_SIZE
from workbench.threat import ThreatModel

FEW = 250  # samples of probes that need no more


@dataclass(frozen=True)
class Depth:
    """How deep an audit goes.

    strongest: the strongest attack, which may search without gradients too; complete: whether it
    is as strong as AutoAttack. targeted: the strongest that goes by gradients alone. black_box:
    attacks without gradients, with their budgets. fit_samples, critic_seeds: of the critics of MI.
    """

    strongest: str
    targeted: str
    black_box: tuple[str, ...]
    complete: bool
    fit_samples: int
    critic_seeds: tuple[int, ...]


DEPTHS = {
    "fast": Depth(
        "cascade-fast",
        "apgd-t:targets=2,steps=40",
        ("random-noise", "square:queries=1000"),
        complete=False,
        fit_samples=2000,
        critic_seeds=(0,),
    ),
    "full": Depth(
        "cascade",
        "apgd-t",
        ("random-noise", "square"),
        complete=True,
        fit_samples=10000,
        critic_seeds=(0, 1, 2),
    ),
}


@dataclass(frozen=True, eq=False)
class AuditRequest:
    """What an audit is asked.

    reload: gives a fresh instance of the model. claims: to be held against the measurement.
    train: samples that MI's critics are fitted to, which may be `data` itself; None leaves MI out.
    against: a second model, for a comparison on the same samples.
    """

    model: Classifier
    reload: Callable[[], Classifier]
    data: Dataset
    threat: ThreatModel
    samples: int
    seed: int = 0
    depth: str = "fast"
    claims: tuple[Claim, ...] = ()
    train: Dataset | None = None
    against: Classifier | None = None

    def __post_init__(self) -> None:
        if self.depth not in DEPTHS:
            raise InputError(f"depth {self.depth!r} is not known; use {' or '.join(DEPTHS)}")
        if not 2 <= self.samples <= len(self.data):
            raise InputError(
                f"{self.samples} samples were asked for and {self.data.name} has "
                f"{len(self.data)}; use from 2 to {len(self.data)}"
            )
        if self.against is not None and self.against.fingerprint == self.model.fingerprint:
            raise InputError(f"{self.against.origin} is the audited model itself; name another")
        for model in filter(None, (self.model, self.against)):
            check_fits(model, self.data.shape, len(self.data.classes))

    @property
    def claimed_attacks(self) -> list[str]:
        """The attacks that claims name, but for AutoAttack, whose verdict is a cascade's."""
        return [claim.of for claim in self.claims if claim.of not in (CLEAN, AUTOATTACK)]

    def probe_jobs(self, wanted: Sequence[tuple[Probe, bool]]) -> list[list[Job]]:
        """The units of probes."""
        return [
            probe_jobs(
                self.model,
                self.data,
                self.threat,
                probe,
                min(self.samples, FEW) if few else self.samples,
                self.seed,
            )
            for probe, few in wanted
        ]

    def evaluation(
        self, attacks: Sequence[str], threat: ThreatModel, model: Classifier | None = None
    ) -> EvaluationRequest:
        """The request of some attacks on all samples, of the audited model unless given."""
        what = model or self.model, self.data, threat, attacks, self.samples, self.seed, UNIT_SIZE
        return EvaluationRequest(*what)

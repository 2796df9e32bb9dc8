"""Audits: is what is claimed of a model's robustness true, and can the evaluation be believed?"""

from workbench.audit import report
from workbench.audit.broken import GALLERY, broken_model
from workbench.audit.checks import CHECKS, Check
from workbench.audit.claims import Claim, Judged, claims
from workbench.audit.evidence import Evidence, Finding
from workbench.audit.facts import content
from workbench.audit.request import DEPTHS, AuditRequest
from workbench.audit.run import Audit, audit
from workbench.verbs import make_verb

__all__ = [
    "CHECKS",
    "DEPTHS",
    "GALLERY",
    "Audit",
    "AuditRequest",
    "Check",
    "Claim",
    "Evidence",
    "Finding",
    "Judged",
    "audit",
    "broken_model",
    "claims",
    "content",
    "report",
]

make_verb(__name__)  # so that wb.audit(…) is the verb

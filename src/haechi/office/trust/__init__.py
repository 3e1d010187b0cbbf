"""Ethics and trust: self-checks at five moments, impact assessment, certification: every claim with its evidence.

What no machine can judge (proportionality, legal basis, acceptability) is asked of a person and says so.
"""

from haechi.office.trust.certification import Gather, Gathered, hooks, proofs_of
from haechi.office.trust.proofs import VERDICTS, Proof, proof_from
from haechi.office.trust.requirements import Row, rows, standing

__all__ = [
    "VERDICTS",
    "Gather",
    "Gathered",
    "Proof",
    "Row",
    "hooks",
    "proof_from",
    "proofs_of",
    "rows",
    "standing",
]

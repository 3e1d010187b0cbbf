"""Detection rules as data over access logs: read, checked by their own cases, run as a stream, ranked at a fixed budget.

rules = load_rules(folder)                       # BadRule when one breaks its form
detector = Detector(rules, staff, key=key)       # state: one open day and bounded windows, never the whole log
for rows in read_csv(lines, intake): alerts += detector.feed(rows)
alerts += detector.finish()
"""

from haechi.engines.rules.detection.alerts import Alert, EvidenceRow
from haechi.engines.rules.detection.chain import Batch, ChainFault, link, verify_chain
from haechi.engines.rules.detection.detector import Detector
from haechi.engines.rules.detection.ingest import FIELDS, Intake, read_csv, read_database, read_json_lines, read_syslog
from haechi.engines.rules.detection.judged import Detection
from haechi.engines.rules.detection.keyed import Keyed
from haechi.engines.rules.detection.ranking import Ranked, choose
from haechi.engines.rules.detection.retention import keep_until, years_to_keep
from haechi.engines.rules.detection.rows import ACTIONS, Rows
from haechi.engines.rules.detection.rules import BadRule, Rule, in_force, load_rules, read_rules
from haechi.engines.rules.detection.staff import CaseRegister, Handler, Staff, WatchList

__all__ = [
    "ACTIONS",
    "FIELDS",
    "Alert",
    "BadRule",
    "Batch",
    "CaseRegister",
    "ChainFault",
    "Detection",
    "Detector",
    "EvidenceRow",
    "Handler",
    "Intake",
    "Keyed",
    "Ranked",
    "Rows",
    "Rule",
    "Staff",
    "WatchList",
    "choose",
    "in_force",
    "keep_until",
    "link",
    "load_rules",
    "read_csv",
    "read_database",
    "read_json_lines",
    "read_rules",
    "read_syslog",
    "verify_chain",
    "years_to_keep",
]

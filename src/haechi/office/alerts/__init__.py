"""Alerts to the public: CAP 1.2 messages written by one person and approved by another, an outbox, a public feed.

hooks(register, policy, originator)        # the flow 'alert' (policy/flows/alert.yaml)
Board(store).in_force(actor)               # what holds now
deliver(worker_store, Sinks(file))         # one round of the outbox
"""

from haechi.office.alerts.board import Board
from haechi.office.alerts.feed import atom
from haechi.office.alerts.message import MEDIA_TYPE, Message, faults_of, read_xml, to_xml
from haechi.office.alerts.outbox import deliver
from haechi.office.alerts.report import after_action
from haechi.office.alerts.sending import Originator, hooks
from haechi.office.alerts.shifts import Shifts
from haechi.office.alerts.sinks import Sinks

__all__ = [
    "MEDIA_TYPE",
    "Board",
    "Message",
    "Originator",
    "Shifts",
    "Sinks",
    "after_action",
    "atom",
    "deliver",
    "faults_of",
    "hooks",
    "read_xml",
    "to_xml",
]

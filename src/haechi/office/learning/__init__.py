"""Learning: courses with seats and waiting lists, tests, certificates that anybody can check, the yearly AI duty.

with store.transaction(actor) as tx:
    duty_of(tx, actor.subject, 2026)     # Duty(required_hours=2.0, done_hours=1.5, met=False, why=(…))
"""

from haechi.office.learning.bank import read_bank
from haechi.office.learning.certificates import Certificates, paper
from haechi.office.learning.courses import KINDS, Course, Courses, Question, Session, complete
from haechi.office.learning.duty import Duties, Duty, duty_of, last_day, remind
from haechi.office.learning.exams import Exams, Result
from haechi.office.learning.hooks import hooks
from haechi.office.learning.keeping import purge

__all__ = [
    "KINDS",
    "Certificates",
    "Course",
    "Courses",
    "Duties",
    "Duty",
    "Exams",
    "Question",
    "Result",
    "Session",
    "complete",
    "duty_of",
    "hooks",
    "last_day",
    "paper",
    "purge",
    "read_bank",
    "remind",
]

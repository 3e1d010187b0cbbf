"""Answers that people write and answer for: FAQ and scenarios with versions and expiry, and the stories that try them."""

from haechi.city.answers.editing import AnswerDesk, Written
from haechi.city.answers.graph import WAYS_OUT, Finding, checked, findings, from_yaml, to_yaml
from haechi.city.answers.kept import REMINDER_DAYS, STANDINGS, WORK, Answers
from haechi.city.answers.stories import EXPECTATIONS, Line, Stage, Stories
from haechi.city.answers.worklist import Worklist

__all__ = [
    "EXPECTATIONS",
    "REMINDER_DAYS",
    "STANDINGS",
    "WAYS_OUT",
    "WORK",
    "AnswerDesk",
    "Answers",
    "Finding",
    "Line",
    "Stage",
    "Stories",
    "Worklist",
    "Written",
    "checked",
    "findings",
    "from_yaml",
    "to_yaml",
]

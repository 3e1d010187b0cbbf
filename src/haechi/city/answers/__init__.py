"""Answers that people write and answer for: FAQ and scenarios with versions and expiry, and the stories that try them."""

from haechi.city.answers.editing import AnswerDesk, Written
from haechi.city.answers.graph import Finding, findings, from_yaml, to_yaml
from haechi.city.answers.kept import REMINDER_DAYS, Answers

__all__ = ["REMINDER_DAYS", "AnswerDesk", "Answers", "Finding", "Written", "findings", "from_yaml", "to_yaml"]

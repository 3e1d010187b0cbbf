"""Answers from passages: built-in answerer, grounding, abstention, follow-ups, evaluation."""

from haechi.engines.knowledge.answer.extractive import ExtractiveAnswerer
from haechi.engines.knowledge.answer.grounding import Verdict, check
from haechi.engines.knowledge.answer.wording import Contact

__all__ = ["Contact", "ExtractiveAnswerer", "Verdict", "check"]

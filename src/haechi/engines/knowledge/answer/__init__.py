"""Answers from passages: built-in answerer, answerer with a model, grounding, abstention, follow-ups, evaluation."""

from haechi.engines.knowledge.answer.evaluation import OpenedFolder, evaluate_answers
from haechi.engines.knowledge.answer.extractive import ExtractiveAnswerer
from haechi.engines.knowledge.answer.generative import GenerativeAnswerer
from haechi.engines.knowledge.answer.grounding import Verdict, check
from haechi.engines.knowledge.answer.wording import Contact

__all__ = [
    "Contact",
    "ExtractiveAnswerer",
    "GenerativeAnswerer",
    "OpenedFolder",
    "Verdict",
    "check",
    "evaluate_answers",
]

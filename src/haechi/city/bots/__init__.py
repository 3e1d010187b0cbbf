"""Bots: who may be talked to, what each of them knows, and how a department makes its own.

Cards of the city's services are data of service 16; a department's own bots are made here, from its documents, without code.
"""

from .building import BotDraft, Building
from .fences import draft_fence, fence
from .publishing import Publishing, Standing
from .questions import Questions
from .registry import Bots
from .scoring import Scoring

__all__ = [
    "BotDraft",
    "Bots",
    "Building",
    "Publishing",
    "Questions",
    "Scoring",
    "Standing",
    "draft_fence",
    "fence",
]

"""Conversations with bots: one turn after the other, kept, resumable, each bot within its audience."""

from haechi.city.conversing.conversing import Conversing
from haechi.city.conversing.scripts import Scripts
from haechi.city.conversing.stage import RehearsalStage

__all__ = ["Conversing", "RehearsalStage", "Scripts"]

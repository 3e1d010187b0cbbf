"""The dialogue engine: turns, scenarios, forms, intents, routing between bots, hand-off to people."""

from haechi.engines.dialogue.intents import Meaning, Memory, Ranker, faq_topics
from haechi.engines.dialogue.script import empty_script, load_script
from haechi.engines.dialogue.turn import Dialogue

__all__ = ["Dialogue", "Meaning", "Memory", "Ranker", "empty_script", "faq_topics", "load_script"]

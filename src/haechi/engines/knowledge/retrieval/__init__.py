"""The ranking of passages: Kiwi and bigram BM25, dense vectors, life-situation lexicon, statutes; frozen parameters."""

from .retriever import Retriever
from .shelf import MemoryShelf, PassageShelf
from .terms import BigramTerms, KiwiTerms
from .tuning import Tuning, default_tuning

__all__ = ["BigramTerms", "KiwiTerms", "MemoryShelf", "PassageShelf", "Retriever", "Tuning", "default_tuning"]

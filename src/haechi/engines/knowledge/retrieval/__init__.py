"""The ranking of passages: Kiwi and bigram BM25, dense vectors, life-situation lexicon, statutes; frozen parameters."""

from .evaluation import evaluate_collection, evaluate_retrieval, welfare_as_beir
from .expansion import Lexicon, default_lexicon, read_lexicon
from .retriever import Retriever
from .shelf import MemoryShelf, PassageShelf
from .terms import BigramTerms, KiwiTerms
from .tuning import Tuning, default_tuning

__all__ = [
    "BigramTerms",
    "KiwiTerms",
    "Lexicon",
    "MemoryShelf",
    "PassageShelf",
    "Retriever",
    "Tuning",
    "default_lexicon",
    "default_tuning",
    "evaluate_collection",
    "evaluate_retrieval",
    "read_lexicon",
    "welfare_as_beir",
]

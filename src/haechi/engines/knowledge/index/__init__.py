"""The stores under the ranking: BM25 and vectors over partitions, as immutable segments that are mapped from files."""

from .files import DamagedIndex
from .lexical import LexicalIndex
from .postings import Columns, Row, term_hash
from .vectors import VectorIndex, VectorRow

__all__ = ["Columns", "DamagedIndex", "LexicalIndex", "Row", "VectorIndex", "VectorRow", "term_hash"]

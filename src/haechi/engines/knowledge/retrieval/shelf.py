"""Where the passages themselves stand, by id; in memory, filled from the database at start."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

from haechi.engines.knowledge.ports import Passage


class PassageShelf(Protocol):
    """Passages by id, by document, and by article within a version."""

    def put(self, passages: Sequence[Passage]) -> None:
        """Keep these; a known id is replaced."""
        ...

    def drop_document(self, document_id: str) -> list[str]:
        """Forget the document's passages; their ids."""
        ...

    def ids_of(self, document_id: str) -> set[str]:
        """Ids of the document's passages."""
        ...

    def get(self, ids: Iterable[str]) -> dict[str, Passage]:
        """The passages known of these ids."""
        ...

    def articles(self, version_id: str, article: str) -> list[Passage]:
        """Passages of this version at this article ("제12조"), in order."""
        ...

    def all(self) -> list[Passage]:
        """Every passage, in no particular order."""
        ...


class MemoryShelf:
    """About 1 KB a passage besides its text."""

    def __init__(self) -> None:
        self._passages: dict[str, Passage] = {}
        self._documents: dict[str, set[str]] = defaultdict(set)
        self._articles: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._turn = threading.RLock()

    def put(self, passages: Sequence[Passage]) -> None:
        """Keep these; a known id is replaced."""
        with self._turn:
            for passage in passages:
                self._forget(passage.id)
                self._passages[passage.id] = passage
                self._documents[passage.document_id].add(passage.id)
                if passage.article:
                    self._articles[passage.version_id, _article(passage)].add(passage.id)

    def drop_document(self, document_id: str) -> list[str]:
        """Forget the document's passages; their ids."""
        with self._turn:
            ids = sorted(self._documents.pop(document_id, ()))
            for passage_id in ids:
                self._forget(passage_id)
            return ids

    def ids_of(self, document_id: str) -> set[str]:
        """Ids of the document's passages."""
        with self._turn:
            return set(self._documents.get(document_id, ()))

    def get(self, ids: Iterable[str]) -> dict[str, Passage]:
        """The passages known of these ids."""
        return {passage_id: self._passages[passage_id] for passage_id in ids if passage_id in self._passages}

    def articles(self, version_id: str, article: str) -> list[Passage]:
        """Passages of this version at this article ("제12조"), in order."""
        with self._turn:
            ids = self._articles.get((version_id, article), ())
            return sorted((self._passages[one] for one in ids), key=lambda passage: passage.ordinal)

    def all(self) -> list[Passage]:
        """Every passage, in no particular order."""
        with self._turn:
            return list(self._passages.values())

    def _forget(self, passage_id: str) -> None:
        old = self._passages.pop(passage_id, None)
        if old is None:
            return
        self._documents.get(old.document_id, set()).discard(passage_id)
        if old.article:
            self._articles.get((old.version_id, _article(old)), set()).discard(passage_id)


def _article(passage: Passage) -> str:
    head, mark, rest = passage.article.partition("조")
    branch = rest[: len(rest) - len(rest[1:].lstrip("0123456789"))] if rest.startswith("의") else ""
    return head + mark + branch

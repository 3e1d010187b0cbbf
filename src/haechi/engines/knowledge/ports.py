"""The types and protocols of the knowledge engine: documents → passages → index → cited answers.

Read this first. Every part of the engine (ingest, embedding, index, answer) speaks these types and knows no other part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

BlockKind = Literal["heading", "paragraph", "table", "table_row", "list", "article", "footnote"]
CollectionKind = Literal["documents", "colloquial", "statutes"]
COLLECTION = "bot:"
"""How the tag of a collection begins. It says where a passage belongs; it opens nothing to anybody who would hold it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it stands in the document. header: column names (may be empty). rows: cells as text, row-major."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a parsed document, in reading order.

    level: heading depth from 1 (0 for others). page: from 1, or None where the format has no pages.
    heading_path: titles of the headings above, outermost first. article: "제5조제2항제3호" for statutes, or "".
    """

    kind: BlockKind
    text: str
    level: int = 0
    page: int | None = None
    heading_path: tuple[str, ...] = ()
    article: str = ""
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a reader made of a file. member: path inside a ZIP, or ""."""

    title: str
    blocks: tuple[Block, ...]
    media_type: str
    pages: int | None = None
    member: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit of retrieval: about 100–400 characters of one document version.

    id: stable text key. text: what is shown and quoted, exact. title: of the document. table: set when the passage is a
    table (its rows) so that it is shown as one. access: the tags of which a reader must hold at least one.
    valid_from inclusive, valid_to exclusive; None is open. ordinal: position in the document from 0.
    """

    id: str
    document_id: str
    version_id: str
    ordinal: int
    text: str
    title: str
    heading_path: tuple[str, ...] = ()
    page: int | None = None
    article: str = ""
    table: Table | None = None
    access: tuple[str, ...] = ("public",)
    valid_from: date | None = None
    valid_to: date | None = None
    kind: CollectionKind = "documents"

    @property
    def locator(self) -> str:
        """Where a person finds it: "제5조제2항", "3쪽", or the last heading."""
        if self.article:
            return self.article
        if self.page is not None:
            return f"{self.page}쪽"
        return self.heading_path[-1] if self.heading_path else ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks, as the index sees them: the set of access tags they hold.

    Citizens hold {"public"}. Staff of a bureau hold {"public", "staff", "bureau:복지실", "user:<id>"}. A document is
    readable when it shares a tag with the reader. as_of: the day whose law is asked about (None: today).
    within: a collection's tag ("bot:<id>"): only passages that carry it, of those readable by `tags`. It only narrows.
    """

    tags: frozenset[str] = frozenset({"public"})
    as_of: date | None = None
    within: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage. score: fused, comparable only inside one result. parts: each stage's own rank (from 1) and
    score, for explanation, e.g. {"kiwi": (1, 12.3), "bigram": (2, 30.1), "dense": (5, 0.83)}."""

    passage: Passage
    score: float
    parts: Mapping[str, tuple[int, float]] = field(default_factory=dict)


Vectors = NDArray[np.float32]


class Tokenizer(Protocol):
    """Text → terms. Same text, same terms, always."""

    name: str

    def terms(self, texts: Sequence[str]) -> list[list[str]]:
        """One list of terms a text, duplicates kept, order kept."""
        ...


class Embedder(Protocol):
    """Text → unit vectors of `dimensions` float32. Passages and questions are encoded differently."""

    name: str
    version: str
    dimensions: int

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions), rows of length 1."""
        ...

    def questions(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions), rows of length 1."""
        ...


class PassageIndex(Protocol):
    """Searches what a reader may read, and nothing else: what they may not read changes no hit, score, rank or count."""

    def add(self, passages: Sequence[Passage]) -> None:
        """Searchable by bigram when this returns; by the other stages once `enrich` saw the ids."""
        ...

    def remove_document(self, document_id: str) -> None:
        """Forget every passage of the document, at once."""
        ...

    def search(
        self, question: str, reader: Reader, *, limit: int = 10, kind: CollectionKind | None = None
    ) -> list[Hit]:
        """Best first, at most `limit`."""
        ...

    def count(self, reader: Reader) -> int:
        """How many passages this reader could be shown."""
        ...


# --- the answer, as a stream of events -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Retrieval:
    """First event: what was found. hits in rank order."""

    hits: tuple[Hit, ...]
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of answer text; pieces concatenate to the whole. A sentence is sent only once it is supported."""

    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """The sentence number `sentence` (from 1) rests on this passage; `quote` is an exact substring of its text.

    marker: the number shown to the person ([1]); the same passage keeps its marker through the answer.
    """

    sentence: int
    marker: int
    passage: Passage
    quote: str


@dataclass(frozen=True, slots=True)
class Grounding:
    """What the checks found. withdrawn: sentences (with the reason) that were not shown. conflicts: pairs of citations
    that disagree, shown to the person with their dates."""

    supported: int
    withdrawn: tuple[tuple[str, str], ...] = ()
    conflicts: tuple[tuple[Citation, Citation], ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """Last event. answered False means 모름: `text` then says so and names the person in charge where one is known.

    model: "built-in" or the model's name; ai_label: the words that must stand beside the answer.
    """

    answered: bool
    text: str
    model: str
    confidence: float
    reason: str = ""
    ai_label: str = "AI가 만든 답변입니다. 근거를 확인하세요."
    elapsed_ms: float = 0.0


AnswerEvent = Retrieval | Delta | Citation | Grounding | Done


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier exchange of the same conversation, oldest first when in a sequence."""

    question: str
    answer: str


class Answerer(Protocol):
    """Question → event stream; the same events with or without a language model."""

    def answer(self, question: str, reader: Reader, history: Sequence[Turn] = ()) -> Iterator[AnswerEvent]:
        """Yields Retrieval first and Done last."""
        ...


class LanguageModel(Protocol):
    """A chat model. `messages` as OpenAI's chat format; yields pieces of text."""

    name: str

    def chat(self, messages: Sequence[Mapping[str, Any]], *, max_tokens: int = 512) -> Iterable[str]:
        """Raises core.errors.Unavailable when the model cannot be reached."""
        ...

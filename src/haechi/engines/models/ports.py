"""The types of the model gateway's engine: what a call asks for, where it may go, what it costs.

Read this first. Nothing here knows the database or HTTP servers: the truth shared by several gateways stands in
migrations/versions/0002_gateway.sql, the processes in web/gateway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Kind = Literal["chat", "embeddings", "rerank", "transcriptions", "speech"]
LANES: tuple[tuple[str, str], ...] = (("urgent", "긴급"), ("citizen", "시민"), ("staff", "직원"), ("batch", "배치"))
"""By urgency: name in headers and API, name on screens. A lane's number is its place here."""

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Backend:
    """One place where models run; 'built_in_answerer' answers from the documents where no model lives. models: the caller's name → the backend's own. key never stands in a repr."""

    id: str
    kind: Literal["openai", "built_in", "built_in_answerer"]
    url: str
    offers: frozenset[str]
    models: Mapping[str, str]
    max_num_seqs: int = 16
    passes_priority: bool = False
    unit_in: float = 1.0
    unit_out: float = 2.0
    parameters_b: float = 0.0
    enabled: bool = True
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a call. counted: by the backend itself, or estimated by us because it did not say."""

    tokens_in: int
    tokens_out: int
    counted: Literal["backend", "estimate"]


class Restoring(Protocol):
    """Filters one generated text and gives masked values back to the asker; holds back what could still become one."""

    def feed(self, piece: str) -> str:
        """What may be shown now."""
        ...

    def finish(self) -> str:
        """What was held back, once nothing more comes."""
        ...


class GuardedCall(Protocol):
    """A call as the model may see it. found: what was masked. restore: for the way back. refusal: words to answer with
    instead of asking the model, or ''."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Masked."""
        ...

    @property
    def found(self) -> Sequence[Any]:
        """What was masked: its `kind` may be written down."""
        ...

    @property
    def tools(self) -> Sequence[Mapping[str, Any]]:
        """Those that may be offered."""
        ...

    @property
    def restore(self) -> Any:
        """For `after_stream` and `after_tools`; in memory only."""
        ...

    @property
    def refusal(self) -> str:
        """Words to answer with, or ''."""
        ...


class Guarding(Protocol):
    """What stands between the caller and every model (engines/models/guard)."""

    def before(self, messages: Sequence[Message], *, tools: Sequence[Mapping[str, Any]] = ()) -> GuardedCall:
        """The call with personal data masked."""
        ...

    def after_stream(self, restore: Any) -> Restoring:
        """One for each text that is generated."""
        ...

    def after_tools(
        self, restore: Any, calls: Sequence[Mapping[str, Any]]
    ) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """Whole tool calls → (those allowed, their values restored; names of the others)."""
        ...

    def log_form(self, text: str) -> str:
        """What of a text may be written down."""
        ...

    def log_forms(self, texts: Iterable[str]) -> list[str]:
        """The same for texts that are compared: an equal value has an equal placeholder in all of them."""
        ...

"""The types of the dialogue engine: who may be talked to, what a person says, what they get back.

Read this first. A turn is one thing that a person says (text, a choice, a form's field, a wish for a person) and the
events that answer it, the same for web, messenger and voice. What a bot knows by heart is data (`Script`); what it looks
up comes through `Abilities`, so that the engine knows neither the database nor the city.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

from haechi.engines.knowledge.ports import AnswerEvent, Reader, Turn

Audience = Literal["citizen", "staff"]
FieldKind = Literal["text", "choice", "place", "photo", "phone", "date", "number", "consent"]
DoneState = Literal["answered", "asked", "unknown", "handed_off", "refused", "emergency", "closed"]
AI_LABEL = "AI가 만든 답변입니다. 근거를 확인하세요."


@dataclass(frozen=True, slots=True)
class BotCard:
    """What a bot is for, as people and the router read it.

    id: 'seoul_talk'. service: number of the 45, or None for a department's own bot. built False: nothing runs behind it
    yet; it then says so and names `office` and `phone`. emergency: its matters go to `phone` at once, never to a menu.
    does, does_not: one matter a line. examples: utterances, as people say them. off_why: while `on` is False, what people
    are told of the reason.
    """

    id: str
    name_ko: str
    name_en: str
    audience: Audience
    bureau: str
    purpose: str
    service: int | None = None
    built: bool = False
    emergency: bool = False
    office: str = ""
    phone: str = ""
    does: tuple[str, ...] = ()
    does_not: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    on: bool = True
    off_why: str = ""


# --- what a bot knows by heart ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """One button. id goes back in `Said.choice`."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing people ask for. utterances: paraphrases the ranker learns from. leads_to: what answers it:
    'faq:<id>', 'scenario:<id>', 'form:<id>', 'card:<kind>', 'search' (the documents) or 'person'."""

    id: str
    title: str
    utterances: tuple[str, ...]
    leads_to: str
    bureau: str = ""


@dataclass(frozen=True, slots=True)
class FaqEntry:
    """An answer that a person wrote and answers for. Served from valid_from to valid_until (both inclusive), never after."""

    id: str
    question: str
    paraphrases: tuple[str, ...]
    answer: str
    owner: str
    bureau: str
    version: int
    valid_from: date
    valid_until: date
    links: tuple[tuple[str, str], ...] = ()

    def in_force(self, day: date) -> bool:
        """Whether it may be said on `day`."""
        return self.valid_from <= day <= self.valid_until


@dataclass(frozen=True, slots=True)
class ScenarioStep:
    """A node: says `text`, then offers `options` (label → next node id, 'form:<id>', 'faq:<id>', 'person' or 'end')."""

    id: str
    text: str
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A small conversation as a graph; begins at its first step."""

    id: str
    title: str
    steps: tuple[ScenarioStep, ...]


@dataclass(frozen=True, slots=True)
class FormField:
    """One question of a form. choices: for kind 'choice'. when: (field id, value) under which alone it is asked."""

    id: str
    label: str
    kind: FieldKind = "text"
    required: bool = True
    choices: tuple[Choice, ...] = ()
    help: str = ""
    limit: int = 1000
    when: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """Fields asked one after the other, shown again for confirmation, then handed to the ability named `action`."""

    id: str
    title: str
    fields: tuple[FormField, ...]
    action: str
    intro: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """Everything a bot knows by heart."""

    card: BotCard
    greeting: str
    topics: tuple[Topic, ...] = ()
    faq: tuple[FaqEntry, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    forms: tuple[Form, ...] = ()
    searches: bool = True


# --- what a person says, and where the conversation stands -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """One turn of a person: exactly one of text, choice, value (of the field being asked) or wants_person."""

    text: str = ""
    choice: str = ""
    value: Any = None
    wants_person: bool = False
    language: Literal["ko", "en"] = "ko"
    channel: Literal["web", "kakao", "voice", "messenger"] = "web"
    at: datetime | None = None


@dataclass(slots=True)
class DialogueState:
    """Where a conversation stands between turns; JSON-ready through `as_dict`, kept by the city beside the conversation.

    asking: 'choice' (options offered), 'form:<id>' or 'scenario:<id>', or ''. failures: turns in a row without an answer.
    step: the field being asked, 'confirm', 'paused <field>' while another question interrupts, or the scenario's step.
    runs: forms begun in this conversation; with the conversation's id it names one run of a form, sent at most once.
    warned: the words before this turn were heard as danger.
    """

    bot: str
    asking: str = ""
    step: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    offered: tuple[tuple[str, str], ...] = ()
    failures: int = 0
    pending_text: str = ""
    runs: int = 0
    warned: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For a jsonb column."""
        return {
            "bot": self.bot, "asking": self.asking, "step": self.step, "values": self.values,
            "offered": [list(pair) for pair in self.offered], "failures": self.failures, "pending_text": self.pending_text,
            "runs": self.runs, "warned": self.warned,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DialogueState:
        """Back from `as_dict`; unknown keys are an error."""
        offered = tuple((str(first), str(second)) for first, second in data.get("offered", ()))
        return cls(**{**data, "offered": offered})


# --- what comes back -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Text of the bot. by: 'person' (a written answer: FAQ, scenario, form) or 'ai'. owner, valid_until: of a FAQ."""

    text: str
    by: Literal["person", "ai"] = "person"
    owner: str = ""
    bureau: str = ""
    valid_until: date | None = None
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Choices:
    """A question with buttons: a clarification, a scenario's step, the bots that could help."""

    question: str
    options: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class AskField:
    """The next field of a form. number, of: progress, from 1. problem: why the last value was not taken."""

    form: str
    title: str
    field: FormField
    number: int
    of: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """Facts from a connector. sample True: not live, and the screen says so. as_of: when they held. items: JSON-ready."""

    kind: str
    title: str
    items: tuple[Mapping[str, Any], ...]
    source: str
    as_of: datetime
    sample: bool


@dataclass(frozen=True, slots=True)
class Routed:
    """Which bot answers and why (one Korean sentence). others: bots offered for one-click correction."""

    bot: str
    name: str
    why: str
    confidence: float
    others: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class HandedOff:
    """The conversation waits for a person. open False: outside office hours, answered from `opens_at` on."""

    ticket: str
    office: str
    position: int
    expected_minutes: int | None
    open: bool
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Emergency:
    """Call this number now. Shown before and above everything else."""

    phone: str
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Last event of a turn. label: set when any part was made by AI. reason: for unknown and refused."""

    state: DoneState
    text: str = ""
    label: str = ""
    reason: str = ""
    intent: str = ""
    confidence: float = 0.0


DialogueEvent = Say | Choices | AskField | Card | Routed | HandedOff | Emergency | AnswerEvent | Ended


class SensesDanger(Protocol):
    """Hears danger to life in words that no list holds (routing.Router, where the city has one)."""

    def in_danger(self, text: str) -> bool:
        """Whether somebody must call 119 now."""
        ...


class Abilities(Protocol):
    """What the city can do for a conversation. Each raises core.errors.HaechiError with its next step."""

    def search(self, question: str, reader: Reader, history: Sequence[Turn]) -> Iterator[AnswerEvent]:
        """A cited answer from the documents of this bot that the reader may read."""
        ...

    def card(self, kind: str, said: str) -> Card:
        """Facts of a connector ('culture', 'facilities', 'air')."""
        ...

    def act(self, action: str, values: Mapping[str, Any]) -> Sequence[DialogueEvent]:
        """What a completed form does ('complaint', 'complaint_status', …). Called once a confirmation, idempotent by turn."""
        ...

    def hand_off(self, reason: str) -> HandedOff:
        """Put the conversation into the queue of the right office."""
        ...

    def today(self) -> date:
        """The day in Seoul."""
        ...

"""Events of a turn as JSON, and what was said as a person reads it back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from typing import Any

from haechi.city.asking import as_json as answer_as_json
from haechi.engines.dialogue.ports import DialogueState, Form, Said
from haechi.engines.knowledge.ports import Citation, Delta, Done, Grounding, Retrieval

Event = dict[str, Any]
_WORDS = re.compile(r"(?<!^)(?=[A-Z])")


def as_json(event: Any) -> Event:
    """One event as the API, the pages and the database have it; the knowledge engine's `done` is called `answer_done`."""
    if isinstance(event, dict):
        return named(event)
    if isinstance(event, Retrieval | Delta | Citation | Grounding | Done):
        return named(answer_as_json(event))
    assert is_dataclass(event)
    assert not isinstance(event, type)
    return {"event": _WORDS.sub("_", type(event).__name__).lower(), **plain(asdict(event))}


def named(event: Event) -> Event:
    """An event of an answer under the name that it has in a conversation."""
    return {**event, "event": "answer_done"} if event["event"] == "done" else event


def plain(value: Any) -> Any:
    """JSON-ready: days and moments as ISO, tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def shown_of(said: Said, state: DialogueState, forms: Sequence[Form]) -> str:
    """What was said, in words, as it stands in the timeline; telephone numbers of forms without their middle."""
    if said.wants_person:
        return "상담사와 이야기하고 싶어요" if said.language == "ko" else "I would like to talk to a person"
    if said.choice:
        return dict(state.offered).get(said.choice, said.choice)
    kind = _kind_asked(state, forms)
    value = said.value if said.value is not None else said.text
    if isinstance(value, bool):
        return ("동의합니다" if value else "동의하지 않습니다") if said.language == "ko" else "Yes" if value else "No"
    if isinstance(value, Mapping):
        return str(value.get("address") or value.get("name") or "위치")
    text = str(value)
    if kind == "choice":
        return _label_of(text, state, forms)
    return re.sub(r"(\d{2,4})[- .]?\d{3,4}[- .]?(\d{4})", r"\1-****-\2", text) if kind == "phone" else text


def _kind_asked(state: DialogueState, forms: Sequence[Form]) -> str:
    return next((field.kind for field in _fields(state, forms) if field.id == state.step), "")


def _label_of(value: str, state: DialogueState, forms: Sequence[Form]) -> str:
    choices = [one for field in _fields(state, forms) if field.id == state.step for one in field.choices]
    return next((one.label for one in choices if one.id == value), value)


def _fields(state: DialogueState, forms: Sequence[Form]) -> list[Any]:
    running = state.asking.removeprefix("form:")
    return [field for form in forms if form.id == running for field in form.fields]

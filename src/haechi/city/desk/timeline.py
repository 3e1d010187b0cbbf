"""One timeline of a conversation: what the citizen, the bot and the people of the city said, in the order in which it was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from haechi.core.store import Row, Transaction

Entry = dict[str, Any]
PEOPLE = ("agent", "system")
"""Kinds of turns that the desk writes; every other turn is the citizen's, with the bot's answer."""
UNANSWERED = ("accepted", "unknown", "interrupted", "handed_off", "asked")


def entries(tx: Transaction, conversation_id: str) -> list[Entry]:
    """Oldest first; [] where the actor may not read the conversation (row-level security decides)."""
    rows = tx.all("select * from turns where conversation_id = :id order by number", id=conversation_id)
    found, asked_for = [], ""
    for row in rows:
        found += of_turn(row, asked_for)
        asked_for = _asked_for(row)
    return found


def of_turn(row: Row, asked_for: str = "") -> list[Entry]:
    """A turn as one or two entries. asked_for: the field of a form that the turn before asked for.

    by: citizen, bot, agent or system. wish: it only asked for a person. open: said by the citizen and not answered. citations: of the bot's answer. fields:
    label → value, where the turn filled in a form.
    """
    answer = str(row["answer"] or "")
    if row["kind"] in PEOPLE:
        return [_entry(row, row["kind"], answer, name=row["author"])]
    events = row["events"]
    told = answer or "\n".join(_told(events))
    citations = row["citations"] or [event for event in events if event.get("event") == "citation"]
    value = _value(row["said"].get("value"))
    text = row["question"] or value or str(row["said"].get("text") or row["said"].get("choice") or "")
    fields = {asked_for: value} if asked_for and value else {}
    to_bot = row["kind"] != "citizen"
    question = _entry(row, "citizen", text, open=to_bot and row["state"] in UNANSWERED, fields=fields)
    question["wish"] = bool(row["said"].get("wants_person"))
    said = [_entry(row, "bot", told, citations=list(citations))] if told.strip() else []
    return [question, *said] if text.strip() else said


def _entry(row: Row, by: str, text: str, **more: Any) -> Entry:
    return {
        "turn": str(row["id"]),
        "number": int(row["number"]),
        "at": row["asked_at"],
        "by": by,
        "text": text,
        "name": "",
        "open": False,
        "citations": [],
        "fields": {},
        "wish": False,
        **more,
    }


def _told(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a bot said that knows its words by heart."""
    said = []
    for event in events:
        if event.get("event") == "say":
            said.append(str(event.get("text", "")))
        elif event.get("event") == "choices":
            said.append(str(event.get("question", "")))
        elif event.get("event") == "ask_field":
            said.append(str((event.get("field") or {}).get("label", "")))
    return [text for text in said if text]


def _asked_for(row: Row) -> str:
    """The label of the field that this turn asks for, '' when it asks for none."""
    asked = [event for event in row["events"] if event.get("event") == "ask_field"]
    return str((asked[-1].get("field") or {}).get("label", "")) if asked else ""


def _value(value: Any) -> str:
    """What was filled in, as people read it: of a place its address, of a photo its name."""
    if isinstance(value, Mapping):
        named = next((value[key] for key in ("address", "label", "name", "text") if value.get(key)), None)
        return str(named) if named else ", ".join(f"{key} {one}" for key, one in value.items() if key != "data")
    return "" if value in (None, "") else str(value)


def hidden(found: Sequence[Entry], hide: Any) -> list[Entry]:
    """The same entries with personal data masked, for those who have not taken the ticket."""
    return [
        {
            **entry,
            "text": hide(entry["text"]),
            "fields": {label: hide(value) for label, value in entry["fields"].items()},
            "citations": [{**one, "quote": hide(str(one.get("quote", "")))} for one in entry["citations"]],
        }
        for entry in found
    ]

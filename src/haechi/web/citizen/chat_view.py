"""A conversation's timeline as the chat page draws it: each turn as pieces, in the order in which they were said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from haechi.engines.dialogue.ports import Say
from haechi.web.turns import AI_LABEL, lines_of, passage_address
from haechi.web.wording import Wording

Event = Mapping[str, Any]
Piece = dict[str, Any]
ANSWER = frozenset({"retrieval", "delta", "citation", "grounding", "answer_done"})
DRAWN = frozenset({"emergency", "routed", "say", "choices", "ask_field", "card", "handed_off"})
WRITTEN = ("agent", "system")
"""Kinds of turns that people of the city write."""
HEADS = ("title", "name", "제목", "이름")
ADDRESSES = ("url", "address_url", "link", "누리집")


def timeline_view(turns: Sequence[Mapping[str, Any]], wording: Wording) -> list[dict[str, Any]]:
    """What `_chat_turn.html` draws; only the last turn that the bot answered still takes choices and fields."""
    views = [turn_view(turn, wording) for turn in turns]
    asked = [view for view in views if view["kind"] not in WRITTEN]
    if asked:
        asked[-1]["open"] = asked[-1] is views[-1]
    return views


def turn_view(turn: Mapping[str, Any], wording: Wording) -> dict[str, Any]:
    """One entry of `Conversing.timeline`. kind: 'turn' (a person and the bot), 'citizen' (said to the agent), 'agent' or
    'system'."""
    kind, state, events = turn["kind"], turn["state"], turn["events"]
    if kind in WRITTEN:
        events = [{"event": "say", **asdict(Say(turn["text"]))}]
    pieces = pieces_of(events, turn, wording)
    if state == "interrupted" and not pieces:
        pieces = [
            {
                "kind": "problem",
                "n": 0,
                "message": wording("chat.interrupted"),
                "next_step": wording("chat.js_lost_step"),
            }
        ]
    return {
        "id": turn["id"], "kind": kind, "state": state, "said": turn["said"], "pieces": pieces, "open": False,
        "name": turn["by_name"], "at": turn["at"],
        "heading": turn["said"] or wording("chat.agent" if kind == "agent" else "chat.system"),
        "may_rate": kind == "turn" and any(piece["kind"] in ("answer", "say") for piece in pieces),
    }  # fmt: skip


def pieces_of(events: Iterable[Event], turn: Mapping[str, Any], wording: Wording) -> list[Piece]:
    """The events as pieces; the events of a cited answer become one piece."""
    pieces: list[Piece] = []
    answer: list[Event] = []
    for event in events:
        name = event.get("event", "")
        if name in ANSWER:
            answer.append(event)
        if name == "answer_done":
            pieces.append(_answer(answer, turn, wording))
            answer = []
        elif name == "error":
            pieces.append({"kind": "problem", "message": event["message"], "next_step": event.get("next_step", "")})
        elif name in DRAWN:
            pieces.append(_card(event) if name == "card" else {**event, "kind": name})
    # What a person must do at once stands above everything else.
    pieces.sort(key=lambda piece: piece["kind"] != "emergency")
    return [{**piece, "n": n} for n, piece in enumerate(pieces)]


def _answer(events: Sequence[Event], turn: Mapping[str, Any], wording: Wording) -> Piece:
    done = events[-1]
    citations = [event for event in events if event["event"] == "citation"]
    grounding: Mapping[str, Any] = next((event for event in events if event["event"] == "grounding"), {})
    text = str(done.get("text") or "".join(event["text"] for event in events if event["event"] == "delta"))
    sources = {citation["marker"]: citation for citation in reversed(citations)}
    contact = done.get("contact") or grounding.get("contact") or (turn.get("grounding") or {}).get("contact")
    return {
        "kind": "answer", "answered": bool(done.get("answered")), "lines": lines_of(text, citations),
        "ai_label": AI_LABEL if wording.language == "ko" else wording("ask.ai_label"),
        "sources": [{**one, "address": passage_address(one)} for _, one in sorted(sources.items())],
        "contact": None if done.get("answered") else contact,
    }  # fmt: skip


def _card(event: Event) -> Piece:
    return {**event, "kind": "card", "rows": [_row(item) for item in event.get("items") or ()]}


def _row(item: Mapping[str, Any]) -> Piece:
    """A connector's item: its name, its web address when it is one, and the other facts as they are called."""
    head = next((key for key in HEADS if item.get(key)), "")
    link = next((key for key in ADDRESSES if item.get(key)), "")
    facts = [(key, str(value)) for key, value in item.items() if key not in (head, link) and value not in (None, "")]
    address = str(item.get(link, ""))
    safe = urlsplit(address).scheme in ("http", "https")
    return {"head": str(item.get(head, "")), "address": address if safe else "", "facts": facts}


def emergency_of(turns: Sequence[Mapping[str, Any]]) -> Piece | None:
    """The call that must stand above the page: of the newest turn that has one."""
    for turn in reversed(turns):
        for piece in turn["pieces"]:
            if piece["kind"] == "emergency":
                return dict(piece)
    return None

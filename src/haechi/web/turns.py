"""A stored turn as the screen needs it: the answer's sentences with their markers, its sources, its person in charge."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from haechi.engines.knowledge.ports import Done
from haechi.web.wording import Wording

AI_LABEL = next(field.default for field in Done.__dataclass_fields__.values() if field.name == "ai_label")
_SENTENCE = re.compile(r"(?<=[.!?…])(?:\s*\[\d+\])*\s+")

Piece = dict[str, Any]


def passage_address(citation: Mapping[str, Any]) -> str:
    """The page of the cited passage, with the quoted words marked."""
    return f"/passages/{quote(citation['passage_id'], safe='')}?quote={quote(citation.get('quote', '')[:600])}"


def sentences(text: str) -> list[list[str]]:
    """Lines, each as its sentences, in the answerer's order of numbering."""
    return [[part for part in _SENTENCE.split(line) if part] for line in text.splitlines() if line.strip()]


def lines_of(text: str, citations: Sequence[Mapping[str, Any]]) -> list[list[Piece]]:
    """The answer as lines of pieces: {text} or {marker, address, title, locator}. A marker follows its sentence.

    A text that carries its markers as "[1]" keeps them where they stand. Citations whose sentence cannot be found stand
    at the end, so that none is lost.
    """
    by_marker = {str(c["marker"]): c for c in citations}
    if any(f"[{marker}]" in text for marker in by_marker):
        return [_inline(line, by_marker) for line in text.splitlines() if line.strip()]
    waiting: dict[int, list[Mapping[str, Any]]] = {}
    for citation in citations:
        waiting.setdefault(int(citation["sentence"]), []).append(citation)
    lines, number = [], 0
    for parts in sentences(text):
        line: list[Piece] = []
        for part in parts:
            number += 1
            line.append(_text((" " if line else "") + part))
            line.extend(_marker(c) for c in _distinct(waiting.pop(number, [])))
        lines.append(line)
    rest = [c for group in waiting.values() for c in group]
    if rest and lines:
        lines[-1].extend(_marker(c) for c in _distinct(rest))
    return lines


def _inline(line: str, by_marker: Mapping[str, Mapping[str, Any]]) -> list[Piece]:
    pieces: list[Piece] = []
    for part in re.split(r"(\[\d+\])", line):
        known = by_marker.get(part[1:-1]) if part.startswith("[") else None
        if known is not None:
            pieces.append(_marker(known))
        elif part:
            pieces.append(_text(part))
    return pieces


def _text(text: str) -> Piece:
    return {"text": text, "marker": 0}


def _marker(citation: Mapping[str, Any]) -> Piece:
    return {
        "text": "",
        "marker": citation["marker"],
        "address": passage_address(citation),
        "title": citation["title"],
        "locator": citation.get("locator", ""),
    }


def _distinct(citations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return list({c["marker"]: c for c in reversed(citations)}.values())[::-1]


def turn_view(turn: Mapping[str, Any], wording: Wording) -> dict[str, Any]:
    """What `_turn.html` draws, from a row of `Asking.conversation`."""
    citations = turn.get("citations") or []
    grounding = turn.get("grounding") or {}
    by_marker: dict[int, Mapping[str, Any]] = {}
    for citation in citations:
        by_marker.setdefault(citation["marker"], citation)
    model = turn.get("model") or ""
    return {
        **{key: turn[key] for key in ("id", "question", "state", "elapsed_ms")},
        "lines": lines_of(turn.get("answer") or "", citations),
        "sources": [
            {**c, "address": passage_address(c), "stale": c.get("stale", "")} for _, c in sorted(by_marker.items())
        ],
        "conflicts": [
            [{**c, "address": passage_address(c)} for c in pair] for pair in grounding.get("conflicts") or []
        ],
        "withdrawn": len(grounding.get("withdrawn") or []),
        "contact": grounding.get("contact"),
        "ai_label": AI_LABEL if wording.language == "ko" else wording("ask.ai_label"),
        "model_name": wording("ask.built_in") if model in ("", "built-in") else model,
    }

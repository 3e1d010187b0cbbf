"""What an agent must know before the first word: taken from the conversation, never made up, each line with its turn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["wants", "said", "cited", "field", "question"]
LONGEST = 220
TOLD = 4
"""Answers of the bot that are quoted, newest first: an agent reads the rest in the timeline."""
_END = re.compile(r"(?<=[.!?…])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Line:
    """kind: wants (what they came for), said (what the bot answered), cited (on which document), field (what they filled
    in), question (what is still open). turn: id of the turn that it stands in; number: as people count it."""

    kind: Kind
    text: str
    turn: str
    number: int

    def as_dict(self) -> dict[str, Any]:
        """For a jsonb column."""
        return asdict(self)


def summarise(entries: Sequence[Mapping[str, Any]], *, hide: Callable[[str], str] = lambda text: text) -> list[Line]:
    """Lines for the agent, in the order in which they are read.

    entries: of city/desk/timeline, oldest first. hide: masks personal data (applied before anything is cut, so that half a
    number is never left over). Nothing is paraphrased: every line is a piece of its turn.
    """
    told = [entry for entry in entries if entry["text"].strip() and not entry["wish"]]
    citizen = [entry for entry in told if entry["by"] == "citizen"]
    question = _open_question(told)
    wants = [entry for entry in _first_and_longest(citizen) if entry is citizen[0] or entry is not question]
    lines = [_line("wants", entry, hide(entry["text"])) for entry in wants]
    lines += _fields(entries, hide)
    for entry in [entry for entry in told if entry["by"] == "bot"][-TOLD:]:
        lines.append(_line("said", entry, hide(entry["text"])))
        titles = dict.fromkeys(str(one.get("title", "")) for one in entry.get("citations") or ())
        lines += [_line("cited", entry, title) for title in list(titles)[:3] if title]
    if question is not None:
        lines.append(_line("question", question, hide(question["text"])))
    return lines


def _open_question(told: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """What waits for the next person: what was said since an agent last wrote, else what the bot could not answer."""
    last = max((at for at, entry in enumerate(told) if entry["by"] == "agent"), default=-1)
    since = [entry for entry in told[last + 1 :] if entry["by"] == "citizen" and (last >= 0 or entry["open"])]
    return since[-1] if since else None


def _first_and_longest(citizen: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first thing said, and the fullest telling where that is another."""
    if not citizen:
        return []
    fullest = max(citizen, key=lambda entry: len(entry["text"]))
    return [citizen[0]] if fullest is citizen[0] or len(fullest["text"]) < 20 else [citizen[0], fullest]


def _fields(entries: Iterable[Mapping[str, Any]], hide: Callable[[str], str]) -> list[Line]:
    """The last value of every field of a form, with the turn in which it was given."""
    latest: dict[str, Line] = {}
    for entry in entries:
        for label, value in (entry.get("fields") or {}).items():
            latest[label] = _line("field", entry, f"{label}: {hide(str(value))}")
    return list(latest.values())


def _line(kind: Kind, entry: Mapping[str, Any], text: str) -> Line:
    return Line(kind, shortened(text), str(entry["turn"]), int(entry["number"]))


def shortened(text: str, longest: int = LONGEST) -> str:
    """The first whole sentences that fit; a single long one is cut at a word and says so with '…'."""
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    kept = ""
    for sentence in _END.split(text):
        if len(kept) + len(sentence) + 1 > longest:
            break
        kept = f"{kept} {sentence}".strip()
    return (kept or text[:longest].rsplit(" ", 1)[0]) + " …"

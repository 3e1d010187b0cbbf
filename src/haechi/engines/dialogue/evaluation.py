"""How well a bot understands what people mean, on anyone's file of utterances."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from haechi.core.errors import InvalidInput
from haechi.core.measuring import machine, wilson
from haechi.engines.dialogue.cues import squeezed
from haechi.engines.dialogue.intents import Ranker, judged
from haechi.engines.dialogue.ports import Topic

LINE_LIMIT = 5000
CONFUSED = 10


@dataclass(frozen=True, slots=True)
class Utterance:
    """One line of the file: what was said, and the topic's id that is meant."""

    text: str
    intent: str


def read_utterances(source: Path, topics: Sequence[Topic]) -> list[Utterance]:
    """From JSON Lines with `text` and `intent` (a topic's id, or its title). InvalidInput names the line."""
    if not source.is_file():
        raise InvalidInput(
            f"'{source.name}' 파일이 없습니다.", next_step="줄마다 text와 intent가 있는 파일을 지정하세요."
        )
    known = {topic.id: topic.id for topic in topics}
    titles = {squeezed(topic.title): topic.id for topic in topics}
    found = []
    for number, line in enumerate(source.read_text(encoding="utf-8-sig").splitlines(), 1):
        if line.strip():
            found.append(_utterance(source.name, number, line, known, titles))
    if not found:
        raise InvalidInput(f"'{source.name}'에 줄이 없습니다.", next_step="줄마다 text와 intent를 적으세요.")
    return found


def _utterance(name: str, number: int, line: str, known: Mapping[str, str], titles: Mapping[str, str]) -> Utterance:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise _wrong(name, number, "JSON이 아닙니다") from error
    if not isinstance(row, dict):
        raise _wrong(name, number, "항목이 아닙니다")
    text, intent = row.get("text"), row.get("intent")
    if not isinstance(text, str) or not text.strip() or len(text) > LINE_LIMIT:
        raise _wrong(name, number, f"'text'가 없거나 {LINE_LIMIT:,}자를 넘습니다")
    if not isinstance(intent, str) or not intent.strip():
        raise _wrong(name, number, "'intent'가 없습니다")
    meant = known.get(intent.strip()) or titles.get(squeezed(intent))
    if meant is None:
        near = ", ".join(list(known)[:5])
        raise _wrong(name, number, f"주제 '{intent}'이(가) 이 챗봇에 없습니다(있는 것: {near} …)")
    return Utterance(text, meant)


def _wrong(name: str, number: int, what: str) -> InvalidInput:
    return InvalidInput(
        f"{name} {number}번째 줄: {what}.",
        next_step='줄마다 {"text": "…", "intent": "주제의 id 또는 제목"}으로 적으세요.',
        record=f"{name}:{number}",
    )


def evaluate_intents(
    ranker: Ranker, utterances: Sequence[Utterance], *, progress: Callable[[int, int | None], None] = lambda *_: None
) -> dict[str, Any]:
    """The report. top1: the likeliest topic is the right one, whatever is then done with it. clarified: share asked back;
    clarified_right: of these, those with the right button. sure_wrong: share taken for something else without asking.
    unknown: share passed to the documents. Times in milliseconds, one utterance at a time."""
    weights = ranker.weights["dense" if ranker.dense else "lexical"]
    rows: list[tuple[str, str, str, bool]] = []
    times: list[float] = []
    for done, one in enumerate(utterances, 1):
        started = time.perf_counter()
        meaning = judged(ranker.topics, ranker.scores(one.text), weights)
        times.append((time.perf_counter() - started) * 1000)
        near = [topic[0] for topic in meaning.topics[:3]]
        rows.append((one.intent, near[0] if near else "", meaning.kind, one.intent in near))
        progress(done, len(utterances))
    return _report(ranker, rows, times)


def _report(ranker: Ranker, rows: Sequence[tuple[str, str, str, bool]], times: Sequence[float]) -> dict[str, Any]:
    n = len(rows)
    right = sum(meant == got for meant, got, _, _ in rows)
    low, high = wilson(right, n)
    asked = [near for _, _, kind, near in rows if kind == "close"]
    wrong: dict[tuple[str, str], int] = {}
    for meant, got, _, _ in rows:
        if meant != got:
            wrong[meant, got] = wrong.get((meant, got), 0) + 1
    worst = sorted(wrong.items(), key=lambda pair: (-pair[1], pair[0]))[:CONFUSED]
    return {
        "n": n,
        "topics": len(ranker.topics),
        "utterances": ranker.utterances,
        "top1": round(right / n, 4),
        "accuracy": round(right / n, 4),
        "ci95": [round(low, 4), round(high, 4)],
        "top3": round(sum(near for *_, near in rows) / n, 4),
        "macro_f1": round(_macro_f1(rows), 4),
        "clarified": round(len(asked) / n, 4),
        "clarified_right": round(sum(asked) / len(asked), 4) if asked else None,
        "sure": round(sum(kind == "sure" for _, _, kind, _ in rows) / n, 4),
        "sure_wrong": round(sum(kind == "sure" and meant != got for meant, got, kind, _ in rows) / n, 4),
        "unknown": round(sum(kind == "unknown" for _, _, kind, _ in rows) / n, 4),
        "p50_ms": round(float(np.percentile(times, 50)), 2),
        "p95_ms": round(float(np.percentile(times, 95)), 2),
        "dense": ranker.dense,
        "confused": [{"intent": meant, "taken_for": got, "count": count} for (meant, got), count in worst],
        "machine": machine(),
    }


def _macro_f1(rows: Sequence[tuple[str, str, str, bool]]) -> float:
    """Mean F1 over the intents that the file asks for."""
    scores = []
    for intent in sorted({meant for meant, *_ in rows}):
        hit = sum(meant == got == intent for meant, got, _, _ in rows)
        said = sum(got == intent for _, got, _, _ in rows)
        meant_so = sum(meant == intent for meant, *_ in rows)
        scores.append(2 * hit / (said + meant_so) if said + meant_so else 0.0)
    return sum(scores) / len(scores)

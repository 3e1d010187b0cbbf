"""Test collections in the BEIR layout: corpus.jsonl, queries.jsonl, qrels.tsv."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi.core.errors import InvalidInput
from haechi.engines.knowledge.ports import Passage

_LAYOUT = {
    "corpus": '한 줄에 {"_id": "…", "title": "…", "text": "…"} 하나씩 적으세요.',
    "queries": '한 줄에 {"_id": "…", "text": "…"} 하나씩 적으세요.',
    "qrels": "첫 줄은 머리글, 다음 줄부터 질문 번호·문서 번호·점수(정수)를 탭으로 나누어 적으세요.",
}


@dataclass(frozen=True, slots=True)
class Collection:
    """passages; questions: id → text; relevant: question id → passage id → grade above 0 (judged questions only)."""

    passages: tuple[Passage, ...]
    questions: dict[str, str]
    relevant: dict[str, dict[str, int]]


def read_collection(corpus: Path, queries: Path, qrels: Path) -> Collection:
    """The three files together. Raises InvalidInput naming file and line when one is malformed or they do not fit."""
    passages = tuple(_passages(corpus))
    questions = dict(_questions(queries))
    relevant = _relevant(qrels, {passage.id for passage in passages}, set(questions))
    if not passages or not relevant:
        empty = corpus if not passages else qrels
        raise InvalidInput(
            f"'{empty.name}'에 평가할 내용이 없습니다.", next_step="파일을 확인하세요.", record=empty.name
        )
    return Collection(passages, questions, relevant)


def _passages(path: Path) -> Iterator[Passage]:
    seen: set[str] = set()
    for number, row in _json_lines(path, "corpus"):
        key, text = _field(row, "_id", path, number, "corpus"), _field(row, "text", path, number, "corpus")
        title = str(row.get("title") or "").strip()
        if key in seen:
            raise _malformed(path, number, f"_id '{key}'이(가) 두 번 나옵니다", "corpus")
        seen.add(key)
        yield Passage(id=key, document_id=key, version_id=key, ordinal=0, text=text or title or " ", title=title)


def _questions(path: Path) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for number, row in _json_lines(path, "queries"):
        key, text = _field(row, "_id", path, number, "queries"), _field(row, "text", path, number, "queries")
        if key in seen:
            raise _malformed(path, number, f"_id '{key}'이(가) 두 번 나옵니다", "queries")
        seen.add(key)
        yield key, text


def _relevant(path: Path, passages: set[str], questions: set[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for number, line in _lines(path, "qrels"):
        if number == 1 or not line.strip():
            continue
        question, passage, grade = _judgement(line, path, number)
        if question not in questions:
            raise _malformed(path, number, f"질문 '{question}'이(가) 질문 파일에 없습니다", "qrels")
        if grade > 0 and passage not in passages:
            raise _malformed(path, number, f"문서 '{passage}'이(가) 문서 파일에 없습니다", "qrels")
        if grade > 0:
            found.setdefault(question, {})[passage] = grade
    return found


def _judgement(line: str, path: Path, number: int) -> tuple[str, str, int]:
    parts = line.rstrip("\r\n").split("\t")
    if len(parts) != 3:
        raise _malformed(path, number, f"칸이 {len(parts)}개입니다(3개여야 합니다)", "qrels")
    try:
        return parts[0], parts[1], int(float(parts[2]))
    except ValueError as error:
        raise _malformed(path, number, f"점수 '{parts[2]}'이(가) 숫자가 아닙니다", "qrels") from error


def _json_lines(path: Path, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in _lines(path, kind):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise _malformed(path, number, f"JSON이 아닙니다({error.msg})", kind) from error
        if not isinstance(row, dict):
            raise _malformed(path, number, "JSON 객체가 아닙니다", kind)
        yield number, row


def _field(row: dict[str, Any], name: str, path: Path, number: int, kind: str) -> str:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or (name == "_id" and str(value) == ""):
        raise _malformed(path, number, f"'{name}'이(가) 없거나 글이 아닙니다", kind)
    return str(value)


def _lines(path: Path, kind: str) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig") as lines:
            yield from enumerate(lines, 1)
    except OSError as error:
        raise InvalidInput(
            f"파일 '{path.name}'을(를) 열 수 없습니다.", next_step="경로와 읽기 권한을 확인하세요.", record=path.name
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"파일 '{path.name}'이(가) UTF-8이 아닙니다.", next_step="UTF-8로 저장해 다시 넣으세요.", record=path.name
        ) from error
    _ = kind


def _malformed(path: Path, number: int, what: str, kind: str) -> InvalidInput:
    return InvalidInput(
        f"'{path.name}' {number}번째 줄: {what}.", next_step=_LAYOUT[kind], record=f"{path.name}:{number}"
    )

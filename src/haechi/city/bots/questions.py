"""A bot's own test questions: typed in, taken from a file, or proposed from its documents and then accepted by a person."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from haechi.city.bots import proposals
from haechi.city.bots.building import headed
from haechi.city.bots.policy import bot_policy
from haechi.city.bots.registry import own
from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.store import Actor, Row, Store, Transaction

MOST = 300
LONGEST = 500
UNKNOWN = frozenset({"모름", "unknown", "없음"})
_COLUMNS = {"질문": "question", "기대 답": "answer", "기대답": "answer", "답": "answer", "문서": "document"}


@dataclass(frozen=True, slots=True)
class TestQuestion:
    """question as people ask it. answer: what must stand in the answer; '모름' when that is right. document: title or file name."""

    __test__ = False

    question: str
    answer: str = ""
    document: str = ""

    @property
    def unknown(self) -> bool:
        """Whether the right answer is that the documents do not say."""
        return self.answer.strip().lower() in UNKNOWN


class Questions:
    """The list of one bot, changed by its office."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listed(self, actor: Actor, bot_id: str) -> list[Row]:
        """In the order of entry; proposals too."""
        with self._store.transaction(actor) as tx:
            return tx.all(_LISTED, bot=bot_id)

    def add(self, actor: Actor, bot_id: str, questions: Sequence[TestQuestion]) -> int:
        """Add what people typed or sent; a question that stands there already takes the new expectation. How many."""
        with self._store.transaction(actor) as tx:
            own(tx, bot_id)
            documents = _documents(tx, bot_id)
            rows = [_row(one, documents) for one in questions]
            if not rows:
                raise InvalidInput("더할 질문이 없습니다.", next_step="질문을 한 줄 이상 적으세요.", record=bot_id)
            for row in rows:
                tx.run(
                    """insert into bot_questions (id, bot_id, question, expected, unknown, document_id, made_by, accepted_by, made_at)
                    values (:id, :bot, :question, :expected, :unknown, cast(:document as uuid), :by, :by, :now)
                    on conflict (bot_id, question) do update set expected = excluded.expected, unknown = excluded.unknown,
                    document_id = excluded.document_id, proposed = false, accepted_by = excluded.accepted_by""",
                    {"id": clock.new_id(), "bot": bot_id, "by": actor.subject, "now": clock.now(), **row},
                )
            _check_not_too_many(tx, bot_id)
            audit.record(tx, "bot.questions", f"bot:{bot_id}", {"added": len(rows)})
        return len(rows)

    def propose(self, actor: Actor, bot_id: str, limit: int = 8) -> int:
        """Add proposals made from the documents' own headings, and some that the documents should not answer. How many are new.

        They do not count until a person accepts them: a figure that grades its own generator is none.
        """
        with self._store.transaction(actor) as tx:
            own(tx, bot_id)
            made = [
                (one.question, one.expected, False, one.document_id)
                for one in proposals.questions(headed(tx, bot_id), limit)
            ]
            if not made:
                raise Conflict(
                    "문서에서 제안할 질문을 찾지 못했습니다.",
                    next_step="문서를 다 읽은 뒤 다시 누르거나 질문을 직접 적으세요.",
                    record=bot_id,
                )
            made += [(question, "", True, None) for question in bot_policy().proposed_unknown]
            added = 0
            for question, expected, unknown, document in made:
                added += tx.run(
                    """insert into bot_questions (id, bot_id, question, expected, unknown, document_id, proposed, made_by, made_at)
                    values (:id, :bot, :question, :expected, :unknown, cast(:document as uuid), true, :by, :now)
                    on conflict (bot_id, question) do nothing""",
                    {"id": clock.new_id(), "bot": bot_id, "question": question[:LONGEST], "expected": expected,
                     "unknown": unknown, "document": document, "by": actor.subject, "now": clock.now()},
                )  # fmt: skip
            return added

    def accept(self, actor: Actor, bot_id: str, question_ids: Sequence[str]) -> int:
        """A person stands in for these proposals; how many were proposals until now."""
        with self._store.transaction(actor) as tx:
            own(tx, bot_id)
            taken = tx.run(
                """update bot_questions set proposed = false, accepted_by = :by
                where bot_id = :bot and id::text = any(:ids) and proposed""",
                {"bot": bot_id, "ids": list(question_ids), "by": actor.subject},
            )
            if taken:
                audit.record(tx, "bot.questions", f"bot:{bot_id}", {"accepted": taken})
            return taken

    def remove(self, actor: Actor, bot_id: str, question_id: str) -> None:
        """Take a question from the list."""
        with self._store.transaction(actor) as tx:
            own(tx, bot_id)
            if not tx.run(
                "delete from bot_questions where bot_id = :b and id::text = :id", {"b": bot_id, "id": question_id}
            ):
                raise NotFound("질문을 찾을 수 없습니다.", next_step="목록을 새로 고치세요.", record=question_id)


def read_file(filename: str, data: bytes) -> list[TestQuestion]:
    """Questions of a CSV (질문, 기대 답, 문서) or JSON Lines ({"question", "answer", "document"}) file.

    InvalidInput names the line. JSON's `document: null` and the answer '모름' mean that the documents do not say.
    """
    text = _text(data, filename)
    rows = _json_rows(text, filename) if filename.lower().endswith((".jsonl", ".json")) else _csv_rows(text, filename)
    found = [_asked(row, number, filename) for number, row in rows]
    if not found:
        raise InvalidInput("파일에 질문이 없습니다.", next_step="한 줄에 질문 하나씩 적으세요.", record=filename)
    return found


def _text(data: bytes, filename: str) -> str:
    for encoding in ("utf-8-sig", "cp949"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidInput(
        f"'{filename}'의 글자를 읽을 수 없습니다.", next_step="UTF-8로 저장해 다시 보내세요.", record=filename
    )


def _json_rows(text: str, filename: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _bad_line(filename, number) from error
        if not isinstance(row, dict):
            raise _bad_line(filename, number)
        yield number, {**row, "answer": "모름"} if "document" in row and row["document"] is None else row


def _csv_rows(text: str, filename: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text))
    names = {name: _COLUMNS.get((name or "").strip(), (name or "").strip().lower()) for name in reader.fieldnames or ()}
    if "question" not in names.values():
        raise InvalidInput(
            f"'{filename}'에 '질문' 열이 없습니다.",
            next_step="첫 줄을 '질문,기대 답,문서'로 적으세요.",
            record=filename,
        )
    for row in reader:
        if any((value or "").strip() for value in row.values() if isinstance(value, str)):
            yield reader.line_num, {names[key]: value for key, value in row.items() if key in names}


def _asked(row: Mapping[str, Any], number: int, filename: str) -> TestQuestion:
    question = row.get("question")
    if not isinstance(question, str) or not question.strip():
        raise _bad_line(filename, number)
    return TestQuestion(question.strip(), str(row.get("answer") or "").strip(), str(row.get("document") or "").strip())


def _bad_line(filename: str, number: int) -> InvalidInput:
    return InvalidInput(
        f"'{filename}' {number}번째 줄을 읽을 수 없습니다.",
        next_step='CSV는 "질문,기대 답,문서", JSONL은 {"question": …, "answer": …, "document": …}로 적으세요.',
        record=filename,
    )


def _documents(tx: Transaction, bot_id: str) -> dict[str, str]:
    """Title, file name and id of each of the draft's documents → id."""
    rows = tx.all(
        """select d.id::text as id, d.title, v.filename from bot_documents m join documents d on d.id = m.document_id
        join lateral (select filename from versions where document_id = d.id order by number desc limit 1) v on true
        where m.bot_id = :bot and m.edition = 'draft'""",
        bot=bot_id,
    )
    return {_key(name): row["id"] for row in rows for name in (row["title"], row["filename"], row["id"])}


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().lower()


def _row(one: TestQuestion, documents: Mapping[str, str]) -> dict[str, Any]:
    question = " ".join(one.question.split())
    if not question or len(question) > LONGEST:
        raise InvalidInput(
            f"질문이 비었거나 {LONGEST}자를 넘습니다: '{question[:40]}'",
            next_step="한 문장으로 적으세요.",
            record="question",
        )
    document = documents.get(_key(one.document)) if one.document else None
    if one.document and document is None and not one.unknown:
        raise InvalidInput(
            f"'{one.document}'은(는) 이 챗봇에 담긴 문서가 아닙니다.",
            next_step="담긴 문서의 제목이나 파일 이름을 그대로 적거나 비워 두세요.",
            record="document",
        )
    if not one.unknown and not one.answer and document is None:
        raise InvalidInput(
            f"'{question[:40]}'에 기대하는 것이 없습니다.",
            next_step="답에 있어야 할 말, 근거가 될 문서, 또는 '모름' 가운데 하나를 적으세요.",
            record="expected",
        )
    expected = "" if one.unknown else one.answer[:LONGEST]
    return {
        "question": question,
        "expected": expected,
        "unknown": one.unknown,
        "document": None if one.unknown else document,
    }


def _check_not_too_many(tx: Transaction, bot_id: str) -> None:
    if tx.value("select count(*) from bot_questions where bot_id = :id", id=bot_id) > MOST:
        raise InvalidInput(
            f"시험 질문은 {MOST}개까지 둘 수 있습니다.", next_step="덜 필요한 질문을 지우세요.", record=bot_id
        )


_LISTED = """select q.id::text as id, q.question, q.expected, q.unknown, q.proposed, q.document_id::text as document_id,
    d.title as document from bot_questions q left join documents d on d.id = q.document_id where q.bot_id = :bot order by q.place"""

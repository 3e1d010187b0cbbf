"""Writing answers: versions, review by a second person, publishing, withdrawing, other wordings. Every act is audited."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from haechi.city.answers.graph import checked, findings
from haechi.city.answers.kept import Answers
from haechi.core import audit, clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput
from haechi.core.events import emit
from haechi.core.identity import may, require
from haechi.core.store import Actor, Store, Transaction

QUESTION_LIMIT, ANSWER_LIMIT, PHRASE_LIMIT = 300, 4000, 300
LONGEST_DAYS = 3 * 366
"""An answer must be looked at again at the latest after so long; the city's longest plan runs three years."""
FIRST_TIME = "처음 씀"
_LINK = re.compile(r"https?://[^\s<>\"']+|/[^/\\\s][^\s<>\"']*|/|tel:[0-9+\-]{3,20}")


@dataclass(frozen=True, slots=True)
class Written:
    """One version as a person writes it. content: {question, answer, links} or {title, steps}. why: of the change."""

    content: Mapping[str, Any]
    owner: str
    valid_from: date
    valid_until: date
    why: str = ""


class AnswerDesk:
    """What staff do with answers of their bureau.

    audience_of(bot): 'citizen' or 'staff'; raises NotFound for a bot that does not exist. tried(answer_id, number): how many
    lines of the bot's test stories failed with this version (None: never tried, 0: all passed or there are none).
    """

    def __init__(
        self,
        store: Store,
        answers: Answers,
        *,
        audience_of: Callable[[str], str],
        tried: Callable[[Actor, str, int], int | None] = lambda *_: 0,
    ) -> None:
        self._store = store
        self._answers = answers
        self._audience_of = audience_of
        self._tried = tried

    def create(
        self, actor: Actor, kind: str, bot: str, bureau: str, written: Written, phrases: Sequence[str] = ()
    ) -> str:
        """A new answer as a draft; its id. kind: 'faq' or 'scenario'."""
        require(actor, "answers.edit", bureau)
        content = _content(kind, written)
        answer_id = clock.new_id()
        audience = self._audience_of(bot)
        with self._store.transaction(actor) as tx:
            tx.run(
                """insert into kept_answers (id, kind, bot, audience, bureau, created_by, created_at)
                values (:id, :kind, :bot, :audience, :bureau, :by, :now)""",
                {"id": answer_id, "kind": kind, "bot": bot, "audience": audience, "bureau": bureau,
                 "by": actor.subject, "now": clock.now()},
            )  # fmt: skip
            _put_version(tx, answer_id, 1, content, written, FIRST_TIME)
            for phrase in dict.fromkeys(filter(None, map(_phrase, phrases))):
                _put_phrase(tx, answer_id, phrase, "typed")
            audit.record(tx, "answers.created", f"answer:{answer_id}", {"kind": kind, "bot": bot, "bureau": bureau})
        return answer_id

    def revise(self, actor: Actor, answer_id: str, base: int, written: Written) -> int:
        """A new version as a draft; its number. base: the newest version that the writer saw, else Conflict."""
        before = self._editable(actor, answer_id)
        _same(before, base)
        content = _content(before["kind"], written)
        if not written.why.strip():
            raise InvalidInput("바꾼 까닭이 없습니다.", next_step="무엇을 왜 바꿨는지 한 줄로 적으세요.", record="why")
        number = int(before["number"]) + 1
        with self._store.transaction(actor) as tx:
            _lock(tx, answer_id, base)
            _put_version(tx, answer_id, number, content, written, written.why.strip())
            audit.record(tx, "answers.revised", f"answer:{answer_id}", {"version": number, "why": written.why[:200]})
        return number

    def submit(self, actor: Actor, answer_id: str, number: int) -> None:
        """Ask for the review of a draft. InvalidInput for a scenario that cannot be walked."""
        row = self._editable(actor, answer_id)
        _same(row, number)
        self._walkable(row)
        with self._store.transaction(actor) as tx:
            _move(tx, answer_id, number, ("draft", "returned"), "review", "asked_at = :now", {"now": clock.now()})
            audit.record(tx, "answers.review_asked", f"answer:{answer_id}", {"version": number})
            emit(tx, "answers.review_asked", answer_id, {"bureau": row["bureau"], "bot": row["bot"]})

    def publish(self, actor: Actor, answer_id: str, number: int, note: str = "", *, despite: bool = False) -> None:
        """Let the bot say this version. Forbidden for its own writer unless the policy lets them (answers.publish_own).

        Conflict when it was not tried with the bot's test stories, or when lines failed and `despite` with a note does
        not say that this is known.
        """
        row = self._decidable(actor, answer_id, number)
        if row["valid_until"] < clock.today():
            raise InvalidInput(
                "유효기간이 이미 지난 판입니다.", next_step="끝나는 날을 고친 새 판을 저장하세요.", record=answer_id
            )
        self._walkable(row)
        self._was_tried(actor, answer_id, number, note, despite)
        with self._store.transaction(actor) as tx:
            _move(tx, answer_id, number, ("review",), "published", _DECIDED, _decision(actor, note))
            _count_change(tx, row["bot"])
            audit.record(
                tx, "answers.published", f"answer:{answer_id}",
                {"version": number, "bot": row["bot"], "until": row["valid_until"], "despite_failures": despite},
            )  # fmt: skip
            emit(tx, "answers.published", answer_id, {"version": number, "bot": row["bot"], "bureau": row["bureau"]})

    def send_back(self, actor: Actor, answer_id: str, number: int, note: str) -> None:
        """Return a version to its writer with the reason."""
        self._decidable(actor, answer_id, number)
        if not note.strip():
            raise InvalidInput("돌려보내는 까닭이 없습니다.", next_step="무엇을 고쳐야 하는지 적으세요.", record="note")
        with self._store.transaction(actor) as tx:
            _move(tx, answer_id, number, ("review",), "returned", _DECIDED, _decision(actor, note))
            audit.record(tx, "answers.returned", f"answer:{answer_id}", {"version": number, "note": note[:200]})

    def withdraw(self, actor: Actor, answer_id: str, why: str) -> None:
        """Take an answer out of service at once, by one person: what is wrong must stop without waiting for a second."""
        row = self._editable(actor, answer_id)
        if not why.strip():
            raise InvalidInput("내리는 까닭이 없습니다.", next_step="왜 내리는지 적으세요.", record="why")
        with self._store.transaction(actor) as tx:
            tx.run(
                "update kept_answers set withdrawn_at = :now, withdrawn_by = :by, withdrawn_why = :why where id = :id",
                {"now": clock.now(), "by": actor.name, "why": why.strip()[:500], "id": answer_id},
            )
            _count_change(tx, row["bot"])
            audit.record(tx, "answers.withdrawn", f"answer:{answer_id}", {"why": why[:200], "bot": row["bot"]})

    def add_phrase(self, actor: Actor, answer_id: str, phrase: str, source: str = "typed") -> None:
        """One more way to ask the same; in force at once. Nothing happens when it is there already."""
        row = self._editable(actor, answer_id)
        phrase = _phrase(phrase)
        if not phrase:
            raise InvalidInput("표현이 비어 있습니다.", next_step="시민이 쓰는 말로 적으세요.", record="phrase")
        with self._store.transaction(actor) as tx:
            if _put_phrase(tx, answer_id, phrase, source):
                _count_change(tx, row["bot"])
                audit.record(tx, "answers.phrase_added", f"answer:{answer_id}", {"source": source})

    def remove_phrase(self, actor: Actor, answer_id: str, phrase_id: str) -> None:
        """Take a wording away; it stays in the history."""
        row = self._editable(actor, answer_id)
        with self._store.transaction(actor) as tx:
            tx.run(
                """update kept_answer_phrases set removed_at = :now, removed_by_name = :name
                where id::text = :id and answer_id = :answer and removed_at is null""",
                {"now": clock.now(), "name": actor.name, "id": phrase_id, "answer": answer_id},
            )
            _count_change(tx, row["bot"])
            audit.record(tx, "answers.phrase_removed", f"answer:{answer_id}", {})

    # --- who may -----------------------------------------------------------------------------------------------------

    def _editable(self, actor: Actor, answer_id: str) -> dict[str, Any]:
        row = self._answers.one(actor, answer_id)
        require(actor, "answers.edit", row["bureau"])
        if row["withdrawn_at"] is not None:
            raise Conflict("내린 답변입니다.", next_step="필요하면 새 답변으로 다시 쓰세요.", record=answer_id)
        return row

    def _decidable(self, actor: Actor, answer_id: str, number: int) -> dict[str, Any]:
        row = self._editable(actor, answer_id)
        require(actor, "answers.publish", row["bureau"])
        _same(row, number)
        writer = row["versions"][0]["made_by"]
        if writer == actor.subject and not may(actor, "answers.publish_own", row["bureau"]):
            raise Forbidden(
                "쓴 사람이 스스로 게시할 수 없습니다.",
                next_step="같은 부서의 다른 직원에게 검토를 부탁하세요(두 사람 확인).",
                record=answer_id,
            )
        return row

    def _walkable(self, row: Mapping[str, Any]) -> None:
        if row["kind"] != "scenario":
            return
        bad = [one for one in findings(row["content"]) if one.blocks]
        if bad:
            raise InvalidInput(
                f"시나리오에 고칠 곳이 {len(bad)}군데 있습니다: {bad[0].step} 단계.",
                next_step="편집 화면의 '점검'에 표시된 곳을 고치고 다시 저장하세요.",
                record=str(row["id"]),
            )

    def _was_tried(self, actor: Actor, answer_id: str, number: int, note: str, despite: bool) -> None:
        failed = self._tried(actor, answer_id, number)
        if failed is None:
            raise Conflict(
                "이 판은 아직 시험 이야기로 돌려 보지 않았습니다.",
                next_step="'시험 이야기 돌리기'를 누른 뒤 게시하세요.",
                record=answer_id,
            )
        if failed and not (despite and note.strip()):
            raise Conflict(
                f"시험 이야기 {failed}줄이 기대와 다릅니다.",
                next_step="답변이나 이야기를 고치세요. 알고도 게시하려면 까닭을 적고 확인란에 표시하세요.",
                record=answer_id,
            )


# --- what is written -------------------------------------------------------------------------------------------------

_DECIDED = "decided_by = :by, decided_by_name = :name, decided_at = :now, decision_note = :note"


def _decision(actor: Actor, note: str) -> dict[str, Any]:
    return {"by": actor.subject, "name": actor.name, "now": clock.now(), "note": note.strip()[:1000]}


def _put_version(
    tx: Transaction, answer_id: str, number: int, content: Mapping[str, Any], written: Written, why: str
) -> None:
    tx.run(
        """insert into kept_answer_versions (answer_id, number, content, owner, valid_from, valid_until, why, made_by,
        made_by_name, made_at) values (:id, :number, cast(:content as jsonb), :owner, :start, :end, :why, :by, :name, :now)""",
        {
            "id": answer_id, "number": number, "content": json.dumps(content, ensure_ascii=False),
            "owner": written.owner.strip()[:100], "start": written.valid_from, "end": written.valid_until,
            "why": why[:500], "by": tx.actor.subject, "name": tx.actor.name, "now": clock.now(),
        },
    )  # fmt: skip


def _put_phrase(tx: Transaction, answer_id: str, phrase: str, source: str) -> int:
    return tx.run(
        """insert into kept_answer_phrases (id, answer_id, phrase, source, added_by_name, added_at)
        values (:id, :answer, :phrase, :source, :name, :now) on conflict do nothing""",
        {"id": clock.new_id(), "answer": answer_id, "phrase": phrase, "source": source, "name": tx.actor.name,
         "now": clock.now()},
    )  # fmt: skip


def _move(
    tx: Transaction, answer_id: str, number: int, states: Sequence[str], state: str, also: str, values: dict[str, Any]
) -> None:
    moved = tx.run(
        f"update kept_answer_versions set state = :state, {also}"
        " where answer_id = :id and number = :number and state = any(:states)",
        {**values, "state": state, "id": answer_id, "number": number, "states": list(states)},
    )
    if not moved:
        raise Conflict(
            "그사이 이 판의 상태가 바뀌었습니다.",
            next_step="화면을 새로 고쳐 지금 상태를 확인하세요.",
            record=answer_id,
        )


def _count_change(tx: Transaction, bot: str) -> None:
    tx.run(
        """insert into kept_answers_changed (bot, version) values (:bot, 1)
        on conflict (bot) do update set version = kept_answers_changed.version + 1""",
        {"bot": bot},
    )


def _lock(tx: Transaction, answer_id: str, base: int) -> None:
    tx.one("select id from kept_answers where id = :id for update", id=answer_id)
    newest = tx.value("select max(number) from kept_answer_versions where answer_id = :id", id=answer_id)
    _same({"number": newest, "id": answer_id}, base)


def _same(row: Mapping[str, Any], base: int) -> None:
    if int(row["number"]) != base:
        raise Conflict(
            "그사이 다른 사람이 이 답변을 고쳤습니다.",
            next_step="새 판을 열어 확인한 뒤 다시 고치세요. 쓰던 글은 화면에 남아 있습니다.",
            record=str(row["id"]),
        )


def _phrase(text: str) -> str:
    return " ".join(text.split())[:PHRASE_LIMIT]


def _content(kind: str, written: Written) -> dict[str, Any]:
    if not written.owner.strip():
        raise InvalidInput("책임자가 없습니다.", next_step="이 답변을 책임지는 사람을 적으세요.", record="owner")
    if written.valid_until < written.valid_from:
        raise InvalidInput(
            "끝나는 날이 시작하는 날보다 앞섭니다.", next_step="두 날짜를 확인하세요.", record="valid_until"
        )
    if written.valid_until > written.valid_from + timedelta(days=LONGEST_DAYS):
        raise InvalidInput(
            "유효기간이 3년을 넘습니다.",
            next_step="3년 안에 다시 확인하도록 끝나는 날을 정하세요.",
            record="valid_until",
        )
    if kind == "scenario":
        return checked(written.content)
    return _faq_content(written.content)


def _faq_content(content: Mapping[str, Any]) -> dict[str, Any]:
    question, answer = str(content.get("question", "")).strip(), str(content.get("answer", "")).strip()
    for name, text, limit in (("질문", question, QUESTION_LIMIT), ("답변", answer, ANSWER_LIMIT)):
        if not text:
            raise InvalidInput(f"{name}이 비어 있습니다.", next_step=f"{name}을 적으세요.", record=name)
        if len(text) > limit:
            raise InvalidInput(f"{name}이 {limit}자를 넘습니다.", next_step="짧게 줄이거나 나누어 쓰세요.", record=name)
    links = [[str(label).strip()[:80], str(address).strip()] for label, address in content.get("links", ())]
    for label, address in links:
        if not label or not _LINK.fullmatch(address):
            raise InvalidInput(
                f"링크를 쓸 수 없습니다: {address or label}",
                next_step="이름과 https:// 주소(또는 tel: 번호, /로 시작하는 이 누리집 주소)를 함께 적으세요.",
                record="links",
            )
    return {"question": question, "answer": answer, "links": links}

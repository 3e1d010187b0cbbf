"""Feedback: a bad answer goes to whoever owns the source, who mends it; the question is asked again and closed."""

from __future__ import annotations

from typing import Any

from haechi.city.asking import _uuid
from haechi.city.bots.fences import fence
from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.events import emit
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.knowledge import Knowledge
from haechi.engines.knowledge.ports import Done, Reader

REASONS = {
    "": ("", ""),
    "wrong": ("내용이 사실과 다릅니다", "The content is wrong"),
    "outdated": ("지난 내용입니다", "Out of date"),
    "incomplete": ("빠진 내용이 있습니다", "Incomplete"),
    "off_topic": ("물은 것과 다른 답입니다", "Not what was asked"),
    "unclear": ("알아듣기 어렵습니다", "Hard to understand"),
    "not_found": ("있는 내용인데 모른다고 합니다", "Says unknown though it exists"),
}


class FeedbackDesk:
    """Feedback as seen by who gave it and by the bureau that owns the cited document."""

    def __init__(self, store: Store, knowledge: Knowledge) -> None:
        self._store = store
        self._knowledge = knowledge

    def give(self, actor: Actor, turn_id: str, *, helpful: bool, reason: str = "", note: str = "") -> str:
        """Store feedback on one's own turn and lay it on the desk of the first cited document's bureau; its id."""
        if reason not in REASONS:
            raise InvalidInput("없는 사유입니다.", next_step="목록에서 사유를 고르세요.", record=reason)
        if not helpful and not reason:
            raise InvalidInput("사유가 없습니다.", next_step="무엇이 문제인지 고르면 담당 부서가 고칠 수 있습니다.")
        with self._store.transaction(actor) as tx:
            turn = tx.one("select * from turns where id = :id", id=_uuid(turn_id))
            if turn is None:
                raise NotFound("답변을 찾을 수 없습니다.", next_step="대화 목록에서 다시 여세요.", record=turn_id)
            document, bureau = _owner(tx, turn)
            feedback_id = clock.new_id()
            reader = _reader_of(tx, turn, actor)
            tx.run(
                """insert into feedback (id, turn_id, document_id, bureau, subject, tags, within, helpful, reason, note,
                question, answer_before, state, created_at) values (:id, :turn, :document, :bureau, :subject, :tags, :within,
                :helpful, :reason, :note, :question, :answer, :state, :now)""",
                {
                    "tags": sorted(reader.tags), "within": reader.within,
                    "id": feedback_id, "turn": turn_id, "document": document, "bureau": bureau, "subject": actor.subject,
                    "helpful": helpful, "reason": reason, "note": note[:2000], "question": turn["question"],
                    "answer": _answer_for_owner(tx, turn, bureau), "state": "closed" if helpful else "open", "now": clock.now(),
                },
            )  # fmt: skip
            emit(tx, "feedback.given", feedback_id, {"helpful": helpful, "reason": reason, "bureau": bureau})
        return feedback_id

    def desk(self, actor: Actor, state: str = "open", limit: int = 100) -> list[Row]:
        """What lies on this person's desk (their bureau's documents), and what they gave themselves; latest first."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select f.id::text as id, f.document_id::text as document_id, d.title as document_title, f.bureau, f.helpful,
                f.reason, f.note, f.question, f.answer_before, f.answer_after, f.state, f.closing_note, f.created_at, f.closed_at,
                (haechi_may_manage(f.bureau) or (haechi_has_role('ai_team') and f.bureau is null)) as mine_to_mend
                from feedback f left join documents d on d.id = f.document_id
                where (:state = '' or f.state = :state) and not (f.helpful and f.note = '')
                order by f.created_at desc limit :limit""",
                state=state,
                limit=limit,
            )

    def mend(self, actor: Actor, feedback_id: str, note: str = "") -> dict[str, Any]:
        """The source was mended: ask the question again and show the new answer beside the old one.

        It is asked with the rights that the asker and the mender share, so neither learns more than they may read, and
        inside the same bot's documents: another answer than the bot can give would mend nothing.
        """
        with self._store.transaction(actor) as tx:
            row = _to_mend(tx, feedback_id)
            shared = frozenset(row["tags"]) & actor.tags
        done = None
        for event in self._knowledge.answer(row["question"], Reader(tags=shared, within=row["within"]), ()):
            if isinstance(event, Done):
                done = event
        text = done.text if done is not None else ""
        with self._store.transaction(actor) as tx:
            _to_mend(tx, feedback_id)
            version = tx.value(
                "select id::text from versions where document_id = :id order by number desc limit 1",
                id=row["document_id"],
            )
            tx.run(
                """update feedback set state = 'mended', answer_after = :text, closing_note = :note, mended_version_id = :version
                where id = :id""",
                {"id": feedback_id, "text": text, "note": note[:2000], "version": version},
            )
            audit.record(tx, "feedback.mend", f"feedback:{feedback_id}", {"version": version})
        return {"id": feedback_id, "answer_before": row["answer_before"], "answer_after": text}

    def close(self, actor: Actor, feedback_id: str, note: str = "") -> None:
        """The new answer is right: done."""
        self._end(actor, feedback_id, "closed", note)

    def decline(self, actor: Actor, feedback_id: str, note: str) -> None:
        """The source is right as it is; the reason is told to whoever gave the feedback."""
        if not note.strip():
            raise InvalidInput("반려 사유가 없습니다.", next_step="의견을 준 사람이 알 수 있게 사유를 적으세요.")
        self._end(actor, feedback_id, "declined", note)

    def _end(self, actor: Actor, feedback_id: str, state: str, note: str) -> None:
        with self._store.transaction(actor) as tx:
            _to_mend(tx, feedback_id)
            tx.run(
                """update feedback set state = :state, closed_at = :now,
                closing_note = case when :note = '' then closing_note else :note end where id = :id""",
                {"id": feedback_id, "state": state, "note": note[:2000], "now": clock.now()},
            )
            audit.record(tx, f"feedback.{state}", f"feedback:{feedback_id}", {"note": note[:200]})


def _to_mend(tx: Transaction, feedback_id: str) -> Row:
    row = tx.one(
        """select *, (haechi_may_manage(bureau) or (haechi_has_role('ai_team') and bureau is null)) as mine
        from feedback where id = :id""",
        id=_uuid(feedback_id),
    )
    if row is None or not row["mine"]:
        raise NotFound("개선 요청을 찾을 수 없습니다.", next_step="개선 요청함에서 다시 여세요.", record=feedback_id)
    if row["state"] in ("closed", "declined"):
        raise Conflict(
            "이미 끝난 개선 요청입니다.", next_step="새 의견이 필요하면 다시 질문해 남기세요.", record=feedback_id
        )
    return row


def _reader_of(tx: Transaction, turn: Row, actor: Actor) -> Reader:
    """What the answer was sought with: a citizens' bot reads only what is public, a department's bot only its documents."""
    bot = tx.one("select kind, audience from haechi_bot_of_turn(:id)", id=turn["bot"])
    if bot is None:
        # Its own row is gone, so it was a department's: nothing but its fence is known.
        return Reader(tags=actor.tags, within=fence(turn["bot"]) if turn["bot"] else "")
    tags = frozenset({"public"}) if bot["audience"] == "citizen" else actor.tags
    return Reader(tags=tags, within=fence(turn["bot"]) if bot["kind"] == "department" else "")


def _owner(tx: Transaction, turn: Row) -> tuple[str | None, str | None]:
    """The first cited document and its bureau; for 모름 the contact's bureau; (None, None) goes to the AI team."""
    for citation in turn["citations"]:
        row = tx.one("select id::text as id, bureau from documents where id = :id", id=citation["document_id"])
        if row is not None:
            return row["id"], row["bureau"]
    contact = (turn["grounding"] or {}).get("contact") or {}
    return None, contact.get("bureau") or None


def _answer_for_owner(tx: Transaction, turn: Row, bureau: str | None) -> str:
    """The answer as the owning bureau may see it: without sentences from documents that its staff may not read."""
    if bureau is None:
        return "" if turn["citations"] else str(turn["answer"])
    tags = ["public", "staff", f"bureau:{bureau}"]
    cited = sorted({c["document_id"] for c in turn["citations"]})
    hidden = {
        row["id"]
        for row in tx.all(
            "select id::text as id from documents where id = any(cast(:ids as uuid[])) and not access && cast(:tags as text[])",
            ids=cited,
            tags=tags,
        )
    }
    if not hidden:
        return str(turn["answer"])
    return "\n".join(c["quote"] for c in turn["citations"] if c["document_id"] not in hidden)

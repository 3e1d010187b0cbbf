"""Conversations in the database: accepted before anything else, finished in one transaction, cut-off turns marked."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from haechi.city import outcomes
from haechi.core import clock
from haechi.core.errors import Conflict, NotFound
from haechi.core.events import emit
from haechi.core.outcome import Evidence, Outcome
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.dialogue.ports import BotCard, DialogueState, Ended
from haechi.engines.knowledge.ports import Turn

ROUTE_CORRECTED = "chat.route_corrected"
"""Somebody chose another bot than the door had. Names of bots, no words."""

HISTORY_TURNS = 3
TITLE = 60
WITH_PERSON = ("active", "pending")
Event = dict[str, Any]


@dataclass(slots=True)
class Conversation:
    """A conversation as it stood when the turn was accepted. bots: the state with each bot. door: what the one door asked."""

    id: str = ""
    audience: str = "citizen"
    bot: str = ""
    bots: dict[str, DialogueState] = field(default_factory=dict)
    door: dict[str, str] = field(default_factory=dict)
    version: int = 0
    ticket: str = ""
    history: list[Turn] = field(default_factory=list)

    def state(self, bot: str) -> DialogueState:
        """Where it stands with this bot."""
        return self.bots.setdefault(bot, DialogueState(bot))

    def as_dict(self) -> dict[str, Any]:
        """For `conversations.state`."""
        return {"bots": {id: state.as_dict() for id, state in self.bots.items()}, "door": self.door}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A turn that stands in the database. events: what it was answered before, when it is asked for again."""

    turn_id: str
    conversation: Conversation
    events: tuple[Event, ...] | None = None


class Keeping:
    """`store`: as the role that serves people."""

    def __init__(self, store: Store, days: int) -> None:
        self._store = store
        self._days = days

    def conversation(self, actor: Actor, conversation_id: str) -> Conversation:
        """NotFound for one that is not theirs."""
        with self._store.transaction(actor) as tx:
            return _read(tx, conversation_id)

    def answered_before(self, actor: Actor, turn_id: str) -> Accepted | None:
        """The turn of that id, when this person has one already."""
        with self._store.transaction(actor) as tx:
            row = tx.one(
                """select id::text as id, conversation_id::text as conversation_id, state, events from turns
                where id = :id and kind in ('turn', 'citizen')""",
                id=as_uuid(turn_id),
            )
            if row is None:
                return None
            again = row["state"] in ("accepted", "interrupted")
            conversation = _read(tx, row["conversation_id"])
            if again:
                tx.run("update turns set state = 'accepted', asked_at = asked_at where id = :id", {"id": row["id"]})
        return Accepted(row["id"], conversation, None if again else tuple(row["events"]))

    def accept(
        self, actor: Actor, conversation: Conversation, *, turn_id: str, kind: str, bot: str, channel: str,
        shown: str, said: Mapping[str, Any], photo: tuple[str, str, bytes] | None = None,
    ) -> Accepted:  # fmt: skip
        """Write the turn down (and the conversation, when it is new). said may name a photo's number under 'file'."""
        now = clock.now()
        with self._store.transaction(actor) as tx:
            if not conversation.id:
                conversation.id = clock.new_id()
                _new(tx, actor, conversation, bot, channel, shown, self._days)
            else:
                _own(tx, conversation.id)
            if photo is not None:
                name, media, content = photo
                tx.run(
                    """insert into conversation_files (id, conversation_id, name, media_type, content, created_at)
                    values (:id, :conversation, :name, :media, :content, :now)""",
                    {"id": said["value"]["file"], "conversation": conversation.id, "name": name, "media": media,
                     "content": content, "now": now},
                )  # fmt: skip
            taken = tx.run(
                """insert into turns (id, conversation_id, number, asked_at, question, said, kind, bot) values (:id,
                :conversation, 1 + coalesce((select max(number) from turns where conversation_id = :conversation), 0),
                :now, :question, cast(:said as jsonb), :kind, :bot) on conflict (id) do nothing""",
                {"id": turn_id, "conversation": conversation.id, "now": now, "question": shown,
                 "said": json.dumps(said, ensure_ascii=False), "kind": kind, "bot": bot},
            )  # fmt: skip
            if not taken:
                raise Conflict("같은 번호로 이미 보낸 말입니다.", next_step="새 번호로 다시 보내세요.", record=turn_id)
            tx.run("update conversations set updated_at = :now where id = :id", {"now": now, "id": conversation.id})
        return Accepted(turn_id, conversation)

    def finish(
        self, actor: Actor, accepted: Accepted, card: BotCard | None, ended: Ended, events: Sequence[Event], *,
        elapsed_ms: int, masked: str,
    ) -> None:  # fmt: skip
        """The answer, the state of the conversation, the outcome and what stayed unanswered: all or nothing."""
        conversation = accepted.conversation
        put_right_from = conversation.door.pop("put_right_from", "")
        with self._store.transaction(actor) as tx:
            if put_right_from:
                right = {"routed": put_right_from, "right": conversation.bot}
                emit(tx, ROUTE_CORRECTED, f"conversation:{conversation.id}", right)
            _finish_turn(tx, accepted.turn_id, ended, events, elapsed_ms)
            moved = tx.run(
                """update conversations set state = cast(:state as jsonb), bot = :bot, state_version = state_version + 1,
                updated_at = :now where id = :id and state_version = :version""",
                {
                    "state": json.dumps(conversation.as_dict(), ensure_ascii=False), "bot": conversation.bot,
                    "now": clock.now(), "id": conversation.id, "version": conversation.version,
                },
            )  # fmt: skip
            if not moved:
                # Somebody else moved this conversation meanwhile (a second window): their state stands, this answer too.
                emit(tx, "chat.overtaken", conversation.id, {"turn": accepted.turn_id})
            if not any(state.asking.startswith("form:") for state in conversation.bots.values()):
                tx.run("delete from conversation_files where conversation_id = :id", {"id": conversation.id})
            if card is not None:
                _measure(tx, card, ended, events, elapsed_ms)
                if ended.state == "unknown" and masked:
                    _unanswered(tx, card, masked, ended.reason)
            emit(tx, "chat.answered", accepted.turn_id, {"bot": card.id if card else "", "state": ended.state})

    def interrupt(self, actor: Actor, turn_id: str, why: str) -> None:
        """The turn was cut off; what it was about can be said again."""
        with self._store.transaction(actor) as tx:
            tx.run(
                """update turns set state = 'interrupted', grounding = cast(:why as jsonb)
                where id = :id and state = 'accepted'""",
                {"id": turn_id, "why": json.dumps({"interrupted": why}, ensure_ascii=False)},
            )

    def photo(self, actor: Actor, file_id: str) -> Row | None:
        """name, media_type, content of a photo that waits in a form."""
        with self._store.transaction(actor) as tx:
            return tx.one(
                "select name, media_type, content from conversation_files where id = :id", id=as_uuid(file_id)
            )

    def timeline(self, actor: Actor, conversation_id: str) -> dict[str, Any]:
        """bot, audience, with_person and every turn of citizen, bot and human agent, oldest first."""
        with self._store.transaction(actor) as tx:
            conversation = _read(tx, conversation_id)
            _own(tx, conversation.id)
            rows = tx.all(
                """select id::text as id, number, kind, asked_at, bot, question, said, events, answer, state, author,
                intent, confidence, grounding, citations from turns where conversation_id = :id order by number""",
                id=conversation.id,
            )
            title = tx.value("select title from conversations where id = :id", id=conversation.id)
        return {
            "id": conversation.id, "title": title, "bot": conversation.bot, "audience": conversation.audience,
            "with_person": bool(conversation.ticket), "ticket": conversation.ticket, "turns": [_turn(row) for row in rows],
        }  # fmt: skip


def _turn(row: Row) -> dict[str, Any]:
    people = row["kind"] in ("agent", "system")
    return {
        "id": row["id"], "number": row["number"], "kind": row["kind"], "at": row["asked_at"], "bot": row["bot"],
        "said": "" if people else row["question"], "text": row["answer"] if people else "", "by_name": row["author"],
        "state": row["state"], "intent": row["intent"], "confidence": row["confidence"], "events": row["events"],
        "grounding": row["grounding"],
    }  # fmt: skip


def _new(
    tx: Transaction, actor: Actor, conversation: Conversation, bot: str, channel: str, shown: str, days: int
) -> None:
    tx.run(
        """insert into conversations (id, subject, service, title, created_at, updated_at, purge_after, bot, audience,
        channel) values (:id, :subject, :service, :title, :now, :now, :purge, :bot, :audience, :channel)""",
        {
            "id": conversation.id, "subject": actor.subject, "service": 16, "title": shown[:TITLE], "now": clock.now(),
            "purge": clock.today() + timedelta(days=days), "bot": bot, "audience": conversation.audience,
            "channel": channel,
        },
    )  # fmt: skip


def _own(tx: Transaction, conversation_id: str) -> None:
    """The desk may read conversations of others; only their owner goes on with them."""
    owner = tx.value("select subject from conversations where id = :id", id=conversation_id)
    if owner != tx.actor.subject:
        raise no_conversation(conversation_id)


def _read(tx: Transaction, conversation_id: str) -> Conversation:
    row = tx.one(
        """select c.id::text as id, c.subject, c.audience, c.bot, c.state, c.state_version, (select t.state from tickets t
        where t.conversation_id = c.id and t.state <> 'history' limit 1) as ticket from conversations c where c.id = :id""",
        id=as_uuid(conversation_id),
    )
    if row is None or row["subject"] != tx.actor.subject:
        raise no_conversation(conversation_id)
    found = tx.all(
        """select question, answer from turns where conversation_id = :id and kind = 'turn'
        and state in ('answered', 'unknown') order by number desc limit :limit""",
        id=row["id"],
        limit=HISTORY_TURNS,
    )
    state: Mapping[str, Any] = row["state"] or {}
    return Conversation(
        row["id"], row["audience"], row["bot"],
        {id: DialogueState.from_dict(one) for id, one in state.get("bots", {}).items()},
        dict(state.get("door", {})), row["state_version"], row["ticket"] or "",
        [Turn(one["question"], one["answer"]) for one in reversed(found)],
    )  # fmt: skip


def _finish_turn(tx: Transaction, turn_id: str, ended: Ended, events: Sequence[Event], elapsed_ms: int) -> None:
    citations = [event for event in events if event["event"] == "citation"]
    grounding = next((event for event in events if event["event"] == "grounding"), {})
    done = next((event for event in events if event["event"] == "answer_done"), {})
    tx.run(
        """update turns set state = :state, answer = :answer, citations = cast(:citations as jsonb),
        grounding = cast(:grounding as jsonb), model = :model, elapsed_ms = :elapsed, events = cast(:events as jsonb),
        intent = :intent, confidence = :confidence, bot = :bot where id = :id""",
        {
            "id": turn_id, "state": ended.state, "answer": ended.text, "model": done.get("model", ""),
            "citations": json.dumps(citations, ensure_ascii=False), "elapsed": elapsed_ms, "intent": ended.intent,
            "grounding": json.dumps({**grounding, "contact": done.get("contact")}, ensure_ascii=False),
            "events": json.dumps(events, ensure_ascii=False), "confidence": ended.confidence,
            "bot": next((e["bot"] for e in events if e["event"] == "ended"), ""),
        },
    )  # fmt: skip


def _measure(tx: Transaction, card: BotCard, ended: Ended, events: Sequence[Event], elapsed_ms: int) -> None:
    """What the service behind the bot really did; the words stand only in the conversation."""
    if card.service is None:
        return
    done = next((event for event in events if event["event"] == "answer_done"), None)
    cited = [event for event in events if event["event"] == "citation"]
    grounding: Mapping[str, Any] = next((event for event in events if event["event"] == "grounding"), {})
    wants = ended.state in ("unknown", "handed_off")
    outcomes.keep(
        tx,
        Outcome(
            service=card.service,
            result={"state": ended.state, "answered": ended.state == "answered", "intent": ended.intent,
                    "bot": card.id, "reason": ended.reason, "conflicts": len(grounding.get("conflicts", ())),
                    "withdrawn": len(grounding.get("withdrawn", ()))},
            confidence=ended.confidence,
            evidence=tuple(Evidence("passage", e["passage_id"], e["title"], e["locator"]) for e in cited),
            model=str(done["model"]) if done is not None else "script",
            model_version="1",
            made_by_ai=bool(ended.label),
            needs_person=wants,
            why_person=_WHY.get(ended.state, "사람이 쓴 답변이거나, 근거를 사람이 열어 확인합니다."),
            elapsed=elapsed_ms / 1000,
        ),
    )  # fmt: skip


_WHY = {
    "unknown": "챗봇이 답하지 못했습니다. 담당 부서에 물어보세요.",
    "handed_off": "시민이 상담사를 찾았습니다.",
    "emergency": "위급한 상황입니다. 119나 112가 답합니다.",
}


def _unanswered(tx: Transaction, card: BotCard, masked: str, reason: str) -> None:
    tx.run(
        """insert into unanswered (id, bot, audience, text, at, reason) values (:id, :bot, :audience, :text, :now,
        :reason)""",
        {"id": clock.new_id(), "bot": card.id, "audience": card.audience, "text": masked[:500], "now": clock.now(),
         "reason": reason[:200]},
    )  # fmt: skip


def no_conversation(record: str) -> NotFound:
    """One answer for what is not there and what is somebody else's."""
    return NotFound("대화를 찾을 수 없습니다.", next_step="새 대화를 시작하세요.", record=record)


def as_uuid(value: str) -> str:
    """The id as the database has it; NotFound for what is none."""
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise no_conversation(str(value)) from error

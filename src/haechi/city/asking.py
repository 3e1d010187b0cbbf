"""Asking: from a person's question to a cited answer that is kept, one stream of events on the way."""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from opentelemetry import trace

from haechi.city import freshness, metrics, outcomes
from haechi.city.settings import Settings
from haechi.city.waiting import WaitingRoom
from haechi.core import clock
from haechi.core.errors import HaechiError, InvalidInput, NotFound, Unavailable
from haechi.core.events import emit
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.knowledge import Knowledge
from haechi.engines.knowledge.answer import Contact
from haechi.engines.knowledge.ports import AnswerEvent, Citation, Delta, Done, Grounding, Hit, Reader, Retrieval, Turn

QUESTION_LIMIT = 2000
INDEX_PATIENCE_SECONDS = 60
RIGHTS_PATIENCE_SECONDS = 10
HISTORY_TURNS = 3
SERVICE = 39

Event = dict[str, Any]


class Asking:
    """Answers questions and keeps conversations.

    knowledge_version: the last change that the index has applied. wait_for_index(seconds): True once the index is filled.
    wait_for_rights(seconds): True once the index has applied every withdrawal of rights that the database holds.
    contact_for: who answers for the documents nearest to a question.
    """

    def __init__(
        self,
        store: Store,
        knowledge: Knowledge,
        settings: Settings,
        *,
        knowledge_version: Callable[[], int] = lambda: 0,
        wait_for_index: Callable[[float], bool] = lambda _: True,
        wait_for_rights: Callable[[float], bool] = lambda _: True,
        contact_for: Callable[[str, Sequence[Hit]], Contact | None] = lambda *_: None,
    ) -> None:
        self._store = store
        self._knowledge = knowledge
        self._settings = settings
        self._version = knowledge_version
        self._wait_for_index = wait_for_index
        self._wait_for_rights = wait_for_rights
        self._unmarked: deque[tuple[Actor, str, str]] = deque(maxlen=1000)
        self._contact_for = contact_for
        self.waiting_room = WaitingRoom(settings.simultaneous_answers, settings.waiting_answers)

    def ask(
        self,
        actor: Actor,
        question: str,
        *,
        conversation_id: str | None = None,
        as_of: date | None = None,
        within: str = "",
    ) -> Iterator[Event]:
        """JSON-ready events: accepted, waiting*, retrieval, delta*, citation*, grounding, done; or error as the last.

        within: a collection's tag, see Reader.

        'accepted' comes only after the question is in the database. Closing the iterator ends the work; the turn then
        stands as 'interrupted' and can be asked again.
        """
        question = _checked(question)
        conversation_id, turn_id, history = self._accept(actor, question, conversation_id)
        self._mark_unmarked()
        yield {"event": "accepted", "conversation_id": conversation_id, "turn_id": turn_id}
        turn = _OpenTurn(self, actor, turn_id, question, time.perf_counter())
        try:
            reader = Reader(tags=actor.tags, as_of=as_of, within=within)
            yield from turn.follow(self.answered(actor, question, reader, history))
        except HaechiError as error:
            turn.interrupt(error.message)
            yield {"event": "error", **error.as_dict()}
        except GeneratorExit:
            turn.interrupt("묻는 사람이 기다리지 않고 나갔습니다.")
            raise
        except Exception:
            turn.interrupt("답변을 만드는 중에 문제가 생겼습니다.")
            raise

    def answered(self, actor: Actor, question: str, reader: Reader, history: Sequence[Turn] = ()) -> Iterator[Event]:
        """The events of an answer, after its wait: waiting*, retrieval … done. Nothing is kept but the cache.

        Raises HaechiError where no answer can be made now.
        """
        with self.waiting_room.enter() as place:
            for position, seconds in place.wait():
                yield {"event": "waiting", "position": position, "seconds": seconds}
            yield from self._until_index_is_filled()
            if not self._wait_for_rights(RIGHTS_PATIENCE_SECONDS):
                raise Unavailable(
                    "방금 바뀐 열람 권한을 검색에 반영하고 있습니다.", next_step="잠시 뒤 다시 물어보세요."
                )
            yield from self._events(actor, question, reader, list(history))

    def _mark_unmarked(self) -> None:
        """Turns that were cut off while the database was away could not say so then; now it is back."""
        while self._unmarked:
            actor, turn_id, why = self._unmarked.popleft()
            if not self._interrupt(actor, turn_id, why):
                return

    def _interrupt(self, actor: Actor, turn_id: str, why: str) -> bool:
        """Write down that a turn was cut off; False when that has to wait until the database is back."""
        try:
            with self._store.transaction(actor) as tx:
                tx.run(
                    """update turns set state = 'interrupted', grounding = cast(:why as jsonb)
                    where id = :id and state = 'accepted'""",
                    {"id": turn_id, "why": json.dumps({"interrupted": why}, ensure_ascii=False)},
                )
        except Unavailable:
            self._unmarked.append((actor, turn_id, why))
            return False
        return True

    def _until_index_is_filled(self) -> Iterator[Event]:
        """Right after a start the index may still be filling: waiting is better than a wrong 모름."""
        for _ in range(INDEX_PATIENCE_SECONDS):
            if self._wait_for_index(1.0):
                return
            yield {"event": "waiting", "position": 0, "seconds": None, "why": "색인을 준비하고 있습니다."}
        raise Unavailable("검색 색인이 아직 준비되지 않았습니다.", next_step="1분 뒤 다시 물어보세요.")

    def _accept(self, actor: Actor, question: str, conversation_id: str | None) -> tuple[str, str, list[Turn]]:
        with self._store.transaction(actor) as tx:
            if conversation_id is None:
                conversation_id = self._new_conversation(tx, actor, question)
            history = _history(tx, conversation_id)
            turn_id = clock.new_id()
            number = 1 + (
                tx.value("select max(number) from turns where conversation_id = :id", id=conversation_id) or 0
            )
            tx.run(
                """insert into turns (id, conversation_id, number, asked_at, question)
                values (:id, :conversation, :number, :now, :question)""",
                {
                    "id": turn_id,
                    "conversation": conversation_id,
                    "number": number,
                    "now": clock.now(),
                    "question": question,
                },
            )
            tx.run(
                "update conversations set updated_at = :now where id = :id", {"now": clock.now(), "id": conversation_id}
            )
        return conversation_id, turn_id, history

    def _new_conversation(self, tx: Transaction, actor: Actor, question: str) -> str:
        conversation_id = clock.new_id()
        tx.run(
            """insert into conversations (id, subject, title, created_at, updated_at, purge_after)
            values (:id, :subject, :title, :now, :now, :purge)""",
            {
                "id": conversation_id,
                "subject": actor.subject,
                "title": question[:60],
                "now": clock.now(),
                "purge": clock.today() + timedelta(days=self._settings.conversation_days),
            },
        )
        return conversation_id

    def _events(self, actor: Actor, question: str, reader: Reader, history: list[Turn]) -> Iterator[Event]:
        """From the cache when the same question stands there for the same rights and knowledge, else worked out."""
        version = self._version()
        key = "" if history else _cache_key(question, reader, f"{self._knowledge.fingerprint} {version}")
        if key:
            with self._store.transaction(actor) as tx:
                kept = tx.value(
                    "select events from answer_cache where key = :key and knowledge_version = :version",
                    key=key,
                    version=version,
                )
            if kept is not None:
                yield from kept
                return
        events: list[Event] = []
        hits: Sequence[Hit] = ()
        for event in self._knowledge.answer(question, reader, history):
            events.append(as_json(event))
            if isinstance(event, Retrieval):
                hits = event.hits
            elif isinstance(event, Done) and not event.answered:
                contact = self._contact_for(question, hits)
                events[-1]["contact"] = asdict(contact) if contact is not None else None
            yield events[-1]
        # 모름 is not kept: the next asker may find what was indexed meanwhile.
        if key and events[-1]["answered"] and events[-1]["model"] == "built-in":
            self._keep(actor, key, version, events)

    def _keep(self, actor: Actor, key: str, version: int, events: list[Event]) -> None:
        documents = sorted({hit["document_id"] for e in events if e["event"] == "retrieval" for hit in e["hits"]})
        with self._store.transaction(actor) as tx:
            tx.run(
                """insert into answer_cache (key, document_ids, tags, knowledge_version, events)
                values (:key, cast(:documents as uuid[]), haechi_tags(), :version, cast(:events as jsonb))
                on conflict (key) do nothing""",
                {
                    "key": key,
                    "documents": documents,
                    "version": version,
                    "events": json.dumps(events, ensure_ascii=False),
                },
            )

    def conversations(self, actor: Actor, limit: int = 50) -> list[Row]:
        """This person's conversations, latest first."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select id::text as id, title, created_at, updated_at from conversations
                order by updated_at desc limit :limit""",
                limit=limit,
            )

    def conversation(self, actor: Actor, conversation_id: str) -> dict[str, Any]:
        """One conversation with its turns, oldest first."""
        with self._store.transaction(actor) as tx:
            row = tx.one(
                "select id::text as id, title, created_at from conversations where id = :id", id=_uuid(conversation_id)
            )
            if row is None:
                raise _no_conversation(conversation_id)
            turns = tx.all(
                """select id::text as id, number, asked_at, question, resolved_question, state, answer, citations, grounding,
                model, elapsed_ms from turns where conversation_id = :id order by number""",
                id=conversation_id,
            )
        return {**row, "turns": turns}

    def forget(self, actor: Actor, conversation_id: str) -> None:
        """Delete a conversation at its owner's wish."""
        with self._store.transaction(actor) as tx:
            if not tx.run("delete from conversations where id = :id", {"id": _uuid(conversation_id)}):
                raise _no_conversation(conversation_id)

    def mark_interrupted(self) -> int:
        """After a restart: questions whose answer was cut off say so; their number. `store` must be the worker's."""
        with self._store.transaction() as tx:
            return tx.run("update turns set state = 'interrupted' where state = 'accepted'")


class _OpenTurn:
    """Collects what a stream says and writes it into the turn when it ends."""

    def __init__(self, asking: Asking, actor: Actor, turn_id: str, question: str, started: float) -> None:
        self._asking, self._actor, self._id, self._question = asking, actor, turn_id, question
        self._started = started
        self._said: list[Event] = []

    def follow(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            if event["event"] == "done":
                event = {**event, "elapsed_ms": round((time.perf_counter() - self._started) * 1000)}
            self._said.append(event)
            if event["event"] == "done":
                self._finish(event)
            yield event

    def _finish(self, done: Event) -> None:
        metrics.ANSWERS.labels("answered" if done["answered"] else "unknown").inc()
        metrics.ANSWER_SECONDS.observe(done["elapsed_ms"] / 1000)
        trace.get_current_span().add_event(
            "haechi.answer", {"answered": done["answered"], "model": done["model"], "elapsed_ms": done["elapsed_ms"]}
        )
        citations = [event for event in self._said if event["event"] == "citation"]
        grounding = next((event for event in self._said if event["event"] == "grounding"), {})
        outcome = outcomes.of_answer(SERVICE, self._said, done["elapsed_ms"] / 1000)
        with self._asking._store.transaction(self._actor) as tx:
            citations = [{**one, "stale": freshness.why(tx, one["document_id"])} for one in citations]
            tx.run(
                """update turns set state = :state, answer = :answer, citations = cast(:citations as jsonb),
                grounding = cast(:grounding as jsonb), model = :model, elapsed_ms = :elapsed where id = :id""",
                {
                    "id": self._id,
                    "state": "answered" if done["answered"] else "unknown",
                    "answer": done["text"],
                    "citations": json.dumps(citations, ensure_ascii=False),
                    "grounding": json.dumps({**grounding, "contact": done.get("contact")}, ensure_ascii=False),
                    "model": done["model"],
                    "elapsed": done["elapsed_ms"],
                },
            )
            outcomes.keep(tx, outcome)
            emit(
                tx, "answer.given", self._id, {"answered": done["answered"], "model": done["model"], "service": SERVICE}
            )

    def interrupt(self, why: str) -> None:
        metrics.ANSWERS.labels("interrupted").inc()
        self._asking._interrupt(self._actor, self._id, why)


def as_json(event: AnswerEvent) -> Event:
    """One answer event as the API and the pages receive it."""
    match event:
        case Retrieval():
            return {
                "event": "retrieval",
                "elapsed_ms": round(event.elapsed_ms, 1),
                "hits": [_hit(h) for h in event.hits],
            }
        case Delta():
            return {"event": "delta", "text": event.text}
        case Citation():
            return {"event": "citation", **citation_as_json(event)}
        case Grounding():
            return {
                "event": "grounding",
                "supported": event.supported,
                "withdrawn": [{"sentence": s, "reason": r} for s, r in event.withdrawn],
                "conflicts": [[citation_as_json(a), citation_as_json(b)] for a, b in event.conflicts],
            }
        case Done():
            return {"event": "done", **asdict(event)}


def citation_as_json(citation: Citation) -> Event:
    """A citation with what a screen needs to show it and to open the passage."""
    passage = citation.passage
    return {
        "sentence": citation.sentence,
        "marker": citation.marker,
        "quote": citation.quote,
        "passage_id": passage.id,
        "document_id": passage.document_id,
        "version_id": passage.version_id,
        "title": passage.title,
        "locator": passage.locator,
        "effective_from": passage.valid_from.isoformat() if passage.valid_from else None,
    }


def _hit(hit: Any) -> Event:
    passage = hit.passage
    return {
        "id": passage.id,
        "document_id": passage.document_id,
        "title": passage.title,
        "locator": passage.locator,
        "excerpt": passage.text[:160],
        "score": round(hit.score, 4),
        "parts": {name: [rank, round(score, 4)] for name, (rank, score) in hit.parts.items()},
    }


def _checked(question: str) -> str:
    question = question.replace("\x00", "").strip()
    if not question:
        raise InvalidInput("질문이 비어 있습니다.", next_step="궁금한 내용을 한 문장으로 적으세요.")
    if len(question) > QUESTION_LIMIT:
        raise InvalidInput(
            f"질문이 너무 깁니다({len(question):,}자).",
            next_step=f"{QUESTION_LIMIT:,}자 이내로 줄이거나 나누어 물어보세요.",
        )
    return question


def _cache_key(question: str, reader: Reader, fingerprint: str) -> str:
    tags, day = sorted(reader.tags), str(reader.as_of or clock.today())
    parts = [" ".join(question.split()), *tags, day, reader.within, fingerprint]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _history(tx: Transaction, conversation_id: str) -> list[Turn]:
    if tx.one("select 1 from conversations where id = :id for update", id=_uuid(conversation_id)) is None:
        raise _no_conversation(conversation_id)
    rows = tx.all(
        """select question, answer from turns where conversation_id = :id and state in ('answered', 'unknown')
        order by number desc limit :limit""",
        id=conversation_id,
        limit=HISTORY_TURNS,
    )
    return [Turn(question=row["question"], answer=row["answer"]) for row in reversed(rows)]


def _no_conversation(record: str) -> NotFound:
    return NotFound("대화를 찾을 수 없습니다.", next_step="새 대화를 시작하세요.", record=record)


def _uuid(value: str) -> str:
    import uuid

    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise _no_conversation(str(value)) from error

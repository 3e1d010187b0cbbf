"""From a draft to what people talk to, and back: publish with its changes and warnings, withdraw with a reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from haechi.city.bots.policy import bot_policy
from haechi.city.bots.registry import SHOWN, note, own
from haechi.city.bots.scoring import shortcomings
from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput
from haechi.core.events import emit
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction

UNREAD = ("received", "reading")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a draft stands before it is published. warnings: keys (bots.warning.<key>). changes: against the published version."""

    warnings: tuple[str, ...]
    changes: tuple[Mapping[str, Any], ...]
    score: Row | None


class Publishing:
    """Publishing and withdrawing, by the owner's bureau only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def standing(self, actor: Actor, bot_id: str) -> Standing:
        """What would be said if it were published now."""
        with self._store.transaction(actor) as tx:
            return _standing(tx, own(tx, bot_id))

    def publish(self, actor: Actor, bot_id: str, why: str = "") -> int:
        """Put the draft into service; the number of the new version. In force for the next turn.

        Conflict when there are warnings and no reason `why` for publishing in spite of them.
        """
        with self._store.transaction(actor) as tx:
            bot = own(tx, bot_id)
            require(actor, "bot.publish", bot["bureau"])
            found, why = _standing(tx, bot), why.strip()
            _check_ready(tx, bot)
            if found.warnings and not why:
                raise Conflict(
                    "확인하지 않은 경고가 있어 게시하지 않았습니다.",
                    next_step="경고를 읽고, 그래도 게시하려면 까닭을 적으세요.",
                    record=bot_id,
                )
            number = 1 + (tx.value("select max(number) from bot_versions where bot_id = :id", id=bot_id) or 0)
            documents = [row["id"] for row in tx.all(_PUBLISH, id=bot_id, by=actor.subject)]
            tx.run(
                """insert into bot_versions (bot_id, number, revision, published_at, published_by, by_name, content, changes, score_id,
                warnings, confirmed_why) values (:bot, :number, :revision, :now, :by, :name, cast(:content as jsonb),
                cast(:changes as jsonb), cast(:score as uuid), :warnings, :why)""",
                {"bot": bot_id, "number": number, "revision": bot["revision"], "now": clock.now(), "by": actor.subject, "name": actor.name,
                 "content": json.dumps(_content(tx, bot, documents), ensure_ascii=False),
                 "changes": json.dumps(found.changes, ensure_ascii=False), "score": found.score and found.score["id"],
                 "warnings": list(found.warnings), "why": why[:1000]},
            )  # fmt: skip
            tx.run(
                "update bots set state = 'published', published_number = :number where id = :id",
                {"number": number, "id": bot_id},
            )
            note(tx, bot_id, "published", why)
            audit.record(
                tx,
                "bot.publish",
                f"bot:{bot_id}",
                {"version": number, "warnings": list(found.warnings), "why": why[:1000]},
            )
            emit(tx, "bot.published", bot_id, {"version": number})
        return number

    def withdraw(self, actor: Actor, bot_id: str, why: str) -> None:
        """Take it out of service for the next turn. The versions stay on record."""
        why = why.strip()
        if not why:
            raise InvalidInput("거두어들이는 까닭이 없습니다.", next_step="한 문장으로 적으세요.", record=bot_id)
        with self._store.transaction(actor) as tx:
            bot = own(tx, bot_id)
            require(actor, "bot.publish", bot["bureau"])
            if bot["state"] != "published":
                raise Conflict("게시한 챗봇이 아닙니다.", next_step="챗봇의 상태를 확인하세요.", record=bot_id)
            tx.run("update bots set state = 'withdrawn', published_number = null where id = :id", {"id": bot_id})
            tx.run("select haechi_withdraw_collection(:id)", {"id": bot_id})
            note(tx, bot_id, "withdrawn", why)
            audit.record(tx, "bot.withdraw", f"bot:{bot_id}", {"why": why[:1000]})
            emit(tx, "bot.withdrawn", bot_id, {})

    def versions(self, actor: Actor, bot_id: str) -> list[Row]:
        """Every published version, newest first; titles only of documents that this person may read."""
        with self._store.transaction(actor) as tx:
            rows = tx.all("select * from bot_versions where bot_id = :id order by number desc", id=bot_id)
            named = {one["document"] for row in rows for one in row["changes"] if "document" in one}
            titles = tx.all(
                "select id::text as id, title from documents where id::text = any(:ids)", ids=sorted(named)
            )  # fmt: skip
        by_id = {row["id"]: row["title"] for row in titles}
        return [{**row, "changes": [_named(one, by_id) for one in row["changes"]]} for row in rows]


_PUBLISH = "select id::text as id from haechi_publish_collection(:id, :by) id"


def _named(change: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    return {**change, "title": titles.get(change["document"], "")} if "document" in change else dict(change)


def _check_ready(tx: Transaction, bot: Row) -> None:
    if not tx.value("select 1 from bot_documents where bot_id = :id and edition = 'draft' limit 1", id=bot["id"]):
        raise Conflict("담긴 문서가 없습니다.", next_step="문서를 한 건 이상 담으세요.", record=bot["id"])
    if not bot["greeting"]:
        raise Conflict("첫인사가 없습니다.", next_step="챗봇이 처음 건넬 말을 적으세요.", record=bot["id"])


def _standing(tx: Transaction, bot: Row) -> Standing:
    score = tx.one(
        """select id::text as id, at, by_name, figures, passed from bot_scores where bot_id = :id and revision = :revision
        order by at desc limit 1""",
        id=bot["id"],
        revision=bot["revision"],
    )
    before = tx.one("select content from bot_versions where bot_id = :id order by number desc limit 1", id=bot["id"])
    return Standing(tuple(_warnings(tx, bot, score)), tuple(_changes(tx, bot, before and before["content"])), score)


def _warnings(tx: Transaction, bot: Row, score: Row | None) -> list[str]:
    found = []
    questions = tx.value("select count(*) from bot_questions where bot_id = :id and not proposed", id=bot["id"])
    if not questions:
        found.append("no_questions")
    elif score is None:
        found.append("no_score")
    else:
        found += [f"score_{key}" for key in shortcomings(score["figures"], bot_policy())]
    unread = tx.value(
        """select count(*) from bot_documents m join lateral (select state from versions v where v.document_id = m.document_id
        order by number desc limit 1) v on true where m.bot_id = :id and m.edition = 'draft' and v.state = any(:states)""",
        id=bot["id"],
        states=[*UNREAD, "failed"],
    )
    return [*found, "unread"] if unread else found


def _content(tx: Transaction, bot: Row, documents: Sequence[str]) -> dict[str, Any]:
    versions = tx.all(
        """select document_id::text as document, max(number) as version from versions
        where document_id::text = any(:ids) group by document_id order by 1""",
        ids=list(documents),
    )
    return {name: bot[name] for name in SHOWN} | {"documents": [dict(row) for row in versions]}


def _changes(tx: Transaction, bot: Row, before: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Field by field, then documents by their id: their titles are for those who may read them."""
    if before is None:
        return [{"what": "first"}]
    changes: list[dict[str, Any]] = [
        {"what": name, "before": _line(before[name]), "after": _line(bot[name])}
        for name in SHOWN
        if before[name] != bot[name]
    ]
    rows = tx.all(
        "select document_id::text as id from bot_documents where bot_id = :id and edition = 'draft' order by 1",
        id=bot["id"],
    )
    now, then = {row["id"] for row in rows}, {one["document"] for one in before["documents"]}
    changes += [{"what": "document_added", "document": one} for one in sorted(now - then)]
    return changes + [{"what": "document_removed", "document": one} for one in sorted(then - now)]


def _line(value: Any) -> str:
    return " / ".join(value) if isinstance(value, list) else str(value)

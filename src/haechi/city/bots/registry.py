"""The register of bots: cards for people and the router, the off-switch, what happened to each."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from haechi.city.bots.cards import cards_file, read_cards
from haechi.city.bots.fences import fence
from haechi.core import audit, clock
from haechi.core.errors import Forbidden, HaechiError, InvalidInput, NotFound
from haechi.core.roles import may, require
from haechi.core.store import SYSTEM, Actor, Row, Store, Transaction
from haechi.engines.dialogue.ports import BotCard

log = logging.getLogger("haechi.bots")
SHOWN = ("name_ko", "name_en", "audience", "purpose", "greeting", "examples", "does", "office", "phone")
"""What a published version fixes; later drafts change it only when they are published."""


class Bots:
    """`store`: as the role that serves people, so that row-level security decides who sees which bot."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # --- for the dialogue and the router ------------------------------------------------------------------------------

    def all(self, actor: Actor) -> list[BotCard]:
        """The published bots that this person may talk to, those switched off too; citizens never see bots of the staff."""
        with self._store.transaction(actor) as tx:
            rows = tx.all(f"{_PUBLISHED} where b.state = 'published' order by b.kind desc, b.service nulls last, b.id")
        return [card_of(row) for row in rows if row["audience"] == "citizen" or is_staff(actor)]

    def get(self, bot_id: str, actor: Actor = SYSTEM) -> BotCard:
        """A published bot's card. NotFound when there is none, or none for this person: the two look the same."""
        return card_of(self._published(bot_id, actor))

    def greeting(self, bot_id: str, actor: Actor = SYSTEM) -> str:
        """What a published bot says first; '' where its office has written nothing."""
        return str(self._published(bot_id, actor)["greeting"])

    def fence(self, bot_id: str) -> str:
        """The collection tag of its documents for `Reader(within=…)`; '' for a service's bot, which has no fence."""
        return fence(bot_id) if self._published(bot_id, SYSTEM)["kind"] == "department" else ""

    def whole(self, bot_id: str, actor: Actor) -> bool:
        """Whether this person sees the bot as its office does (drafts, questions, scores)."""
        try:
            return bool(self.row(actor, bot_id)["mine"])
        except NotFound:
            return False

    def _published(self, bot_id: str, actor: Actor) -> Row:
        with self._store.transaction(actor) as tx:
            row = tx.one(f"{_PUBLISHED} where b.id = :id and b.state = 'published'", id=bot_id)
        if row is None or (row["audience"] == "staff" and not is_staff(actor)):
            raise no_bot(bot_id)
        return row

    # --- for the pages ------------------------------------------------------------------------------------------------

    def listed(self, actor: Actor) -> list[Row]:
        """Every bot this person may know of, their own bureau's first."""
        with self._store.transaction(actor) as tx:
            rows = tx.all(
                f"""{_ROW} order by (b.bureau = :bureau) desc, b.kind, b.state = 'withdrawn', b.service nulls last, b.name_ko""",
                bureau=actor.bureau,
            )
        return [_with_rights(row, actor) for row in rows]

    def row(self, actor: Actor, bot_id: str) -> dict[str, Any]:
        """One bot with everything its own row says; NotFound as in `get`."""
        with self._store.transaction(actor) as tx:
            row = tx.one(f"{_ROW} where b.id = :id", id=bot_id)
        if row is None:
            raise no_bot(bot_id)
        return _with_rights(row, actor)

    def documents(self, actor: Actor, bot_id: str, *, edition: str = "draft") -> list[Row]:
        """Its documents that this person may read, with their newest version and what is being read just now."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select d.id::text as id, d.title, d.bureau, d.grade, m.added_at, v.id::text as version_id,
                v.number as version_number, v.filename, v.state, v.error, v.next_step, v.effective_from, v.created_at,
                (select count(*) from passages p where p.version_id = v.id) as passages
                from bot_documents m join documents d on d.id = m.document_id
                join lateral (select * from versions where document_id = d.id order by number desc limit 1) v on true
                where m.bot_id = :bot and m.edition = :edition order by d.title, d.id""",
                bot=bot_id,
                edition=edition,
            )

    def events(self, actor: Actor, bot_id: str, limit: int = 30) -> list[Row]:
        """What happened to it, latest first; titles only of documents that this person may read."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select e.at, e.by_name, e.what, e.why, d.title from bot_events e left join documents d on d.id = e.document_id
                where e.bot_id = :bot order by e.id desc limit :limit""",
                bot=bot_id,
                limit=limit,
            )

    def feedback(self, actor: Actor, bot_id: str) -> tuple[int, int]:
        """(helpful, not helpful) of what people said of its answers; counts only."""
        with self._store.transaction(actor) as tx:
            row = tx.one("select * from haechi_bot_feedback(:id)", id=bot_id)
        return (row["helpful"], row["not_helpful"]) if row is not None else (0, 0)

    def to_choose(self, actor: Actor, bot_id: str, search: str = "", limit: int = 30) -> list[Row]:
        """Documents of the library that could be put into the draft, latest first: readable, and public for citizens."""
        pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select d.id::text as id, d.title, d.bureau, d.grade, v.filename, v.created_at from documents d
                join lateral (select filename, created_at from versions where document_id = d.id order by number desc limit 1) v on true
                join bots b on b.id = :bot
                where d.deleted_at is null and (b.audience = 'staff' or d.grade = 'public')
                and (d.title ilike :pattern or v.filename ilike :pattern)
                and not exists (select from bot_documents m where m.bot_id = b.id and m.document_id = d.id and m.edition = 'draft')
                order by (d.bureau = b.bureau) desc, v.created_at desc, d.id limit :limit""",
                bot=bot_id,
                pattern=pattern,
                limit=limit,
            )

    # --- the off-switch -----------------------------------------------------------------------------------------------

    def switch(self, actor: Actor, bot_id: str, on: bool, why: str) -> None:
        """Switch a bot off or on; in force for the next turn. Off needs a reason, which people are shown."""
        why = why.strip()
        if not on and not why:
            raise InvalidInput(
                "챗봇을 끄는 까닭이 없습니다.",
                next_step="이용하는 사람에게 보일 까닭을 한 문장으로 적으세요.",
                record=bot_id,
            )
        with self._store.transaction(actor) as tx:
            row = lock(tx, bot_id)
            require(actor, "bot.switch", row["bureau"])
            if row["switched_on"] == on:
                return
            tx.run(
                """update bots set switched_on = :on, off_why = :why, switched_by = :by, switched_at = :now where id = :id""",
                {"on": on, "why": "" if on else why[:500], "by": actor.name, "now": clock.now(), "id": bot_id},
            )
            note(tx, bot_id, "switched_on" if on else "switched_off", why)
            audit.record(tx, "bot.switch", f"bot:{bot_id}", {"on": on, "why": why[:500]})

    # --- the cards of the services ------------------------------------------------------------------------------------

    def keep_in_step(self, source: Path | None = None) -> int:
        """Take over the service cards as they stand in the file (`store` must be the worker's); how many there are.

        A card that left the file is withdrawn. A switch stays as people set it. An unreadable file changes nothing and is
        told in the log.
        """
        try:
            cards = read_cards(source or cards_file())
        except HaechiError as error:
            log.warning("챗봇 카드를 읽지 못해 있던 것을 그대로 씁니다: %s", error)
            return 0
        with self._store.transaction(SYSTEM) as tx:
            if cards:
                tx.run(_UPSERT, [_values(card) for card in cards])
                tx.run(
                    "update bots set state = 'withdrawn' where kind = 'service' and not id = any(:ids)",
                    {"ids": [card.id for card in cards]},
                )
        return len(cards)


def is_staff(actor: Actor) -> bool:
    """Whether the person belongs to the city's staff."""
    return "staff" in actor.tags


def card_of(row: Mapping[str, Any]) -> BotCard:
    """The card as people and the router read it; for a department's bot, as of its published version."""
    return BotCard(
        id=row["id"], name_ko=row["name_ko"], name_en=row["name_en"] or row["name_ko"], audience=row["audience"],
        bureau=row["bureau"], purpose=row["purpose"], service=row["service"],
        built=row["built"] or row["kind"] == "department", emergency=row["emergency"], office=row["office"] or row["bureau"],
        phone=row["phone"], does=tuple(row["does"]), does_not=tuple(row["does_not"]), examples=tuple(row["examples"]),
        on=row["switched_on"], off_why=row["off_why"],
    )  # fmt: skip


def lock(tx: Transaction, bot_id: str) -> Row:
    """The bot's row, held to the end of the transaction; NotFound when this person may not know of it."""
    row = tx.one("select * from bots where id = :id", id=bot_id)
    if row is None:
        raise no_bot(bot_id)
    tx.one("select 1 from bots where id = :id for update", id=bot_id)
    return row


def own(tx: Transaction, bot_id: str) -> Row:
    """As `lock`, of a department's bot that this person may change; Forbidden names who may."""
    row = lock(tx, bot_id)
    if row["kind"] != "department":
        raise Forbidden(
            "도시의 서비스 챗봇은 여기서 고칠 수 없습니다.",
            next_step=f"소관 부서({row['bureau']})에 문의하세요.",
            record=bot_id,
        )
    require(tx.actor, "bot.make", row["bureau"])
    return row


def note(tx: Transaction, bot_id: str, what: str, why: str = "", document_id: str | None = None) -> None:
    """Write down what happened to a bot, for its page."""
    tx.run(
        """insert into bot_events (bot_id, at, by_name, what, why, document_id)
        values (:bot, :now, :by, :what, :why, cast(:document as uuid))""",
        {"bot": bot_id, "now": clock.now(), "by": tx.actor.name, "what": what, "why": why[:500], "document": document_id},
    )  # fmt: skip


def no_bot(bot_id: str) -> NotFound:
    """One answer for what is not there and what is not for this person."""
    return NotFound("챗봇을 찾을 수 없습니다.", next_step="챗봇 목록에서 다시 고르세요.", record=bot_id)


def _with_rights(row: Row, actor: Actor) -> dict[str, Any]:
    mine = row["kind"] == "department" and may(actor, "bot.make", row["bureau"])
    return {**row, "mine": mine, "may_switch": may(actor, "bot.switch", row["bureau"])}


_ROW = """select b.*, (b.state = 'published' and b.kind = 'department' and v.revision < b.revision) as differs,
    v.published_at, v.by_name as published_by, v.content as published
    from bots b left join bot_versions v on v.bot_id = b.id and v.number = b.published_number"""
_FIXED = ", ".join(
    f"case when v.number is null then b.{name} else array(select jsonb_array_elements_text(v.content -> '{name}')) end as {name}"
    if name in ("examples", "does")
    else f"coalesce(v.content ->> '{name}', b.{name}) as {name}"
    for name in SHOWN
)
_PUBLISHED = f"""select b.id, b.kind, b.service, b.bureau, b.does_not, b.built, b.emergency, b.switched_on, b.off_why, {_FIXED}
    from bots b left join bot_versions v on v.bot_id = b.id and v.number = b.published_number"""
_UPSERT = """insert into bots (id, kind, service, name_ko, name_en, audience, bureau, purpose, does, does_not, examples, office,
    phone, built, emergency, state, created_by) values (:id, 'service', :service, :name_ko, :name_en, :audience, :bureau,
    :purpose, :does, :does_not, :examples, :office, :phone, :built, :emergency, 'published', 'system')
    on conflict (id) do update set service = excluded.service, name_ko = excluded.name_ko, name_en = excluded.name_en,
    audience = excluded.audience, bureau = excluded.bureau, purpose = excluded.purpose, does = excluded.does,
    does_not = excluded.does_not, examples = excluded.examples, office = excluded.office, phone = excluded.phone,
    built = excluded.built, emergency = excluded.emergency, state = 'published' where bots.kind = 'service'"""


def _values(card: BotCard) -> dict[str, Any]:
    names = (
        "id",
        "service",
        "name_ko",
        "name_en",
        "audience",
        "bureau",
        "purpose",
        "office",
        "phone",
        "built",
        "emergency",
    )
    many = ("does", "does_not", "examples")
    return {name: getattr(card, name) for name in names} | {name: list(getattr(card, name)) for name in many}

"""A department makes a bot: name, documents, greeting. Every statement runs as the person who makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from haechi.city.bots import proposals
from haechi.city.bots.names import id_from
from haechi.city.bots.registry import no_bot, note, own
from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction

MOST_DOCUMENTS = 500
MOST_EXAMPLES = 8


@dataclass(frozen=True, slots=True)
class BotDraft:
    """What its office says of a bot. audience: 'citizen' or 'staff'. examples: questions shown as buttons."""

    name_ko: str
    audience: str = "citizen"
    bureau: str = ""
    name_en: str = ""
    purpose: str = ""
    office: str = ""
    phone: str = ""
    greeting: str = ""
    examples: tuple[str, ...] = ()

    def checked(self) -> BotDraft:
        """Trimmed; InvalidInput with the next step for what cannot be taken."""
        examples = tuple(dict.fromkeys(one.strip()[:200] for one in self.examples if one.strip()))
        values = {
            name: getattr(self, name).strip()
            for name in ("name_ko", "name_en", "purpose", "office", "phone", "greeting")
        }
        if not values["name_ko"] or len(values["name_ko"]) > 60:
            raise InvalidInput(
                "챗봇 이름이 없거나 너무 깁니다.", next_step="60자 안에서 이름을 적으세요.", record="name_ko"
            )
        if self.audience not in ("citizen", "staff"):
            raise InvalidInput(
                "누가 쓰는 챗봇인지 정해지지 않았습니다.",
                next_step="시민용과 직원용 가운데 고르세요.",
                record="audience",
            )
        if len(examples) > MOST_EXAMPLES:
            raise InvalidInput(
                f"예시 질문이 너무 많습니다({len(examples)}개).",
                next_step=f"{MOST_EXAMPLES}개까지 적으세요.",
                record="examples",
            )
        return BotDraft(audience=self.audience, bureau=self.bureau.strip(), examples=examples, **values)


class Building:
    """Drafts of departments' bots. What is published stays as it is until the draft is published."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, actor: Actor, draft: BotDraft) -> str:
        """A new draft; its id. Whom to ask is the bureau unless said otherwise. Forbidden outside of the actor's own bureau."""
        draft = draft.checked()
        require(actor, "bot.make", draft.bureau)
        with self._store.transaction(actor) as tx:
            bureau = tx.one("select contact_phone from bureaux where id = :id", id=draft.bureau)
            if bureau is None:
                raise InvalidInput(
                    "등록되지 않은 부서입니다.", next_step="목록에 있는 부서를 고르세요.", record="bureau"
                )
            bot_id = _free_id(tx, draft.name_ko)
            tx.run(
                """insert into bots (id, kind, name_ko, name_en, audience, bureau, purpose, office, phone, greeting, examples,
                built, created_by, created_at) values (:id, 'department', :name_ko, :name_en, :audience, :bureau,
                :purpose, :office, :phone, :greeting, :examples, true, :by, :now)""",
                {
                    "id": bot_id,
                    "by": actor.subject,
                    "now": clock.now(),
                    "bureau": draft.bureau,
                    **_columns(draft),
                    "office": draft.office or draft.bureau,
                    "phone": draft.phone or bureau["contact_phone"],
                },
            )
            note(tx, bot_id, "made")
            audit.record(tx, "bot.make", f"bot:{bot_id}", {"name": draft.name_ko, "audience": draft.audience})
        return bot_id

    def describe(self, actor: Actor, bot_id: str, draft: BotDraft) -> None:
        """Name, audience, greeting, example questions, contact. The bureau stays."""
        draft = draft.checked()
        with self._store.transaction(actor) as tx:
            before = own(tx, bot_id)
            if draft.audience == "citizen" and before["audience"] == "staff":
                _check_all_public(tx, bot_id)
            after = _columns(draft)
            if all(before[key] == value for key, value in after.items()):
                return
            tx.run(
                """update bots set name_ko = :name_ko, name_en = :name_en, audience = :audience, purpose = :purpose,
                office = :office, phone = :phone, greeting = :greeting, examples = :examples, revision = revision + 1,
                state = case when state = 'tested' then 'draft' else state end where id = :id""",
                {**after, "id": bot_id},
            )
            changed = sorted(key for key, value in after.items() if before[key] != value)
            audit.record(tx, "bot.change", f"bot:{bot_id}", {"changed": changed})

    def put_in(self, actor: Actor, bot_id: str, documents: Sequence[str]) -> int:
        """Add documents that this person may read; how many are new. A citizens' bot takes public ones only."""
        wanted = list(dict.fromkeys(documents))
        with self._store.transaction(actor) as tx:
            row = own(tx, bot_id)
            found = tx.all(
                """select id::text as id, title, grade from documents
                where id::text = any(:ids) and deleted_at is null""",
                ids=wanted,
            )
            if len(found) < len(wanted):
                raise NotFound("문서를 찾을 수 없습니다.", next_step="문서 목록에서 다시 고르세요.", record=bot_id)
            if row["audience"] == "citizen":
                _refuse_closed([one for one in found if one["grade"] != "public"])
            held = tx.value("select count(*) from bot_documents where bot_id = :id and edition = 'draft'", id=bot_id)
            if held + len(wanted) > MOST_DOCUMENTS:
                raise InvalidInput(
                    f"문서는 {MOST_DOCUMENTS}건까지 담을 수 있습니다.",
                    next_step="덜 필요한 문서를 빼세요.",
                    record=bot_id,
                )
            added = tx.run(
                """insert into bot_documents (bot_id, document_id, edition, added_by, added_at)
                select :bot, d.id, 'draft', :by, :now from documents d where d.id::text = any(:ids)
                on conflict do nothing""",
                {"bot": bot_id, "ids": wanted, "by": actor.subject, "now": clock.now()},
            )
            if added:
                audit.record(tx, "bot.documents", f"bot:{bot_id}", {"added": wanted})
            return added

    def take_out(self, actor: Actor, bot_id: str, document_id: str) -> None:
        """Remove a document from the draft."""
        with self._store.transaction(actor) as tx:
            own(tx, bot_id)
            gone = tx.run(
                "delete from bot_documents where bot_id = :bot and document_id::text = :id and edition = 'draft'",
                {"bot": bot_id, "id": document_id},
            )
            if not gone:
                raise NotFound("이 챗봇에 없는 문서입니다.", next_step="문서 목록을 새로 고치세요.", record=document_id)
            audit.record(tx, "bot.documents", f"bot:{bot_id}", {"removed": [document_id]})

    def delete(self, actor: Actor, bot_id: str) -> None:
        """Remove a draft that was never published; what people have talked to is only withdrawn."""
        with self._store.transaction(actor) as tx:
            row = own(tx, bot_id)
            if tx.value("select 1 from bot_versions where bot_id = :id limit 1", id=bot_id):
                raise Conflict(
                    "게시한 적이 있는 챗봇은 지우지 않습니다.",
                    next_step="거두어들이면 아무도 쓰지 못하고 기록은 남습니다.",
                    record=bot_id,
                )
            # Its documents first: their tags are taken off while the bot is still there to be named.
            tx.run("delete from bot_documents where bot_id = :id", {"id": bot_id})
            tx.run("delete from bots where id = :id", {"id": bot_id})
            audit.record(tx, "bot.delete", f"bot:{bot_id}", {"name": row["name_ko"]})

    def proposed_greeting(self, actor: Actor, bot_id: str) -> tuple[str, tuple[str, ...]]:
        """A greeting and example questions from the headings of its own documents, for people to edit."""
        with self._store.transaction(actor) as tx:
            row = tx.one("select name_ko, bureau from bots where id = :id", id=bot_id)
            if row is None:
                raise no_bot(bot_id)
            papers = headed(tx, bot_id)
        examples = tuple(one.question for one in proposals.questions(papers, MOST_EXAMPLES // 2))
        return proposals.greeting(row["name_ko"], row["bureau"], papers), examples


def headed(tx: Transaction, bot_id: str) -> list[proposals.Paper]:
    """The draft's documents with their passages' headings, as proposals are made from them."""
    rows = tx.all(
        """select d.id::text as id, d.title, p.text, p.heading_path, p.article from bot_documents m
        join documents d on d.id = m.document_id join passages p on p.document_id = d.id
        where m.bot_id = :bot and m.edition = 'draft' and p.valid_to is null order by d.title, d.id, p.ordinal limit 3000""",
        bot=bot_id,
    )
    papers: dict[str, list[Row]] = {}
    for row in rows:
        papers.setdefault(row["id"], []).append(row)
    return [
        proposals.Paper(
            key, own_rows[0]["title"],
            tuple(proposals.Piece(tuple(r["heading_path"]), r["text"], r["article"]) for r in own_rows),
        )
        for key, own_rows in papers.items()
    ]  # fmt: skip


def _columns(draft: BotDraft) -> dict[str, Any]:
    names = ("name_ko", "name_en", "audience", "purpose", "office", "phone", "greeting")
    return {name: getattr(draft, name) for name in names} | {"examples": list(draft.examples)}


def _free_id(tx: Transaction, name: str) -> str:
    """The name's own id, or with a number where it is taken. Asked as the whole city: ids of others' drafts are taken too."""
    wanted = id_from(name)
    tx.run("select pg_advisory_xact_lock(hashtext('bots'))")
    number, bot_id = 1, wanted
    while tx.value("select haechi_bot_exists(:id)", id=bot_id):
        number += 1
        bot_id = f"{wanted}_{number}"
    return bot_id


def _check_all_public(tx: Transaction, bot_id: str) -> None:
    closed = tx.all(
        """select d.title from bot_documents m join documents d on d.id = m.document_id
        where m.bot_id = :id and d.grade <> 'public'""",
        id=bot_id,
    )
    _refuse_closed(closed)


def _refuse_closed(closed: Sequence[Row]) -> None:
    if not closed:
        return
    more = f" 외 {len(closed) - 1}건" if len(closed) > 1 else ""
    raise InvalidInput(
        f"시민용 챗봇에는 공개 문서만 담을 수 있습니다: '{closed[0]['title']}'{more}",
        next_step="그 문서를 빼거나, 공개해도 되는 문서면 자료실에서 열람 등급을 공개로 바꾸거나, 직원용으로 만드세요.",
        record="documents",
    )

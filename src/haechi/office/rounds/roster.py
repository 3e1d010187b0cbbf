"""The roster: reviewers, advisors and consultants with terms and specialties; who is related to what; who gets which item."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction

ROLES: Mapping[str, tuple[str, str]] = {
    "reviewer": ("심사위원", "Reviewer"),
    "advisor": ("자문위원", "Advisor"),
    "consultant": ("컨설턴트", "Consultant"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on the roster. bureau: where they serve. relations: bureaux and companies they are related to, as declared."""

    subject: str
    name: str
    bureau: str = ""
    affiliation: str = ""
    specialties: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()


def related(member: Member, bureau: str, parties: Collection[str]) -> str:
    """Why the member must not judge a case of `bureau` in which `parties` (subjects, companies) stand; '' when they may."""
    if member.subject in parties:
        return "이 건을 낸 사람입니다."
    if bureau and bureau in (member.bureau, member.affiliation):
        return f"신청 부서({bureau}) 소속입니다."
    named = {_plain(party) for party in (*parties, bureau) if party}
    for relation in (*member.relations, member.affiliation):
        if relation and _plain(relation) in named:
            return f"‘{relation}’과(와) 관계가 있습니다."
    return ""


def _plain(name: str) -> str:
    return "".join(name.replace("(주)", "").replace("㈜", "").replace("주식회사", "").split()).lower()


def able(
    members: Sequence[Member], bureau: str, parties: Collection[str], recused: Collection[str]
) -> tuple[Member, ...]:
    """Those who may judge it: neither recused nor related."""
    return tuple(m for m in members if m.subject not in recused and not related(m, bureau, parties))


def assign(
    item: str,
    candidates: Sequence[Member],
    n: int,
    *,
    kept: Sequence[str] = (),
    load: Mapping[str, int] | None = None,
    wanted: Collection[str] = (),
) -> tuple[str, ...]:
    """n reviewers of an item: those who have it already stay; then the least loaded, then who knows the matter (`wanted`
    specialties), then an order that depends on item and person alone, so that the same roster gives the same people.

    Fewer than n when there are not enough. O(candidates log candidates).
    """
    chosen = list(dict.fromkeys(kept))[:n]
    counts = load or {}

    def rank(member: Member) -> tuple[int, int, str]:
        fits = len(set(wanted) & set(member.specialties))
        lot = hashlib.sha256(f"{item}\0{member.subject}".encode()).hexdigest()
        return counts.get(member.subject, 0), -fits, lot

    for member in sorted(candidates, key=rank):
        if len(chosen) >= n:
            break
        if member.subject not in chosen:
            chosen.append(member.subject)
    return tuple(chosen)


class Roster:
    """The roster in the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self, actor: Actor, kind: str, subject: str, *, from_on: date, until_on: date, affiliation: str = "",
        specialties: Sequence[str] = (), relations: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """Put somebody on it for a term; the entry's id. Forbidden without 'projects.roster'; NotFound for a person who has no
        account; Conflict when terms overlap."""
        require(actor, "projects.roster")
        if kind not in ROLES or until_on < from_on:
            raise InvalidInput("임기가 시작하기 전에 끝납니다.", next_step="임기를 확인하세요.", record="until_on")
        with self._store.transaction(actor) as tx:
            person = tx.one(
                "select name, coalesce(bureau, '') as bureau from users where 'user:' || id::text = :subject and active",
                subject=subject,
            )
            if person is None:
                raise NotFound("그런 사람이 없습니다.", next_step="사람 목록에서 고르세요.", record=subject)
            _no_overlap(tx, kind, subject, from_on, until_on)
            id = clock.new_id()
            tx.run(
                """insert into review_roster (id, kind, subject, name, affiliation, specialties, relations, from_on, until_on,
                  added_at, added_by)
                values (:id, :kind, :subject, :name, :affiliation, :specialties, :relations, :from_on, :until_on, :now, :by)""",
                {
                    "id": id, "kind": kind, "subject": subject, "name": person["name"], "from_on": from_on,
                    "affiliation": affiliation.strip() or person["bureau"], "specialties": _words(specialties),
                    "relations": _words(relations), "until_on": until_on, "now": clock.now(), "by": actor.subject,
                },
            )  # fmt: skip
            audit.record(tx, "review.roster", f"roster:{id}", {"kind": kind, "person": subject, "until": str(until_on)})
            return id

    def end(self, actor: Actor, entry: str, on: date, why: str) -> None:
        """End a term early (해촉). InvalidInput without a reason."""
        require(actor, "projects.roster")
        if not why.strip():
            raise InvalidInput("해촉 사유가 비었습니다.", next_step="사유를 적으세요.", record="why")
        with self._store.transaction(actor) as tx:
            changed = tx.run(
                """update review_roster set until_on = greatest(from_on, :on), ended_why = :why
                where id = cast(:id as uuid) and until_on > :on""",
                {"id": entry, "on": on, "why": why.strip()},
            )
            if not changed:
                raise NotFound("임기 중인 위원이 아닙니다.", next_step="명단을 새로 고치세요.", record=entry)
            audit.record(tx, "review.roster_end", f"roster:{entry}", {"on": str(on), "why": why.strip()})

    def listed(self, actor: Actor, kind: str, *, on: date | None = None) -> list[Row]:
        """Entries of a kind, those in term on a day when one is given."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select id::text as id, subject, name, affiliation, specialties, relations, from_on, until_on, ended_why
                from review_roster where kind = :kind
                  and (cast(:on as date) is null or :on between from_on and until_on) order by name, from_on""",
                kind=kind,
                on=on,
            )


def members(tx: Transaction, kind: str, on: date) -> tuple[Member, ...]:
    """Who is in term on a day, by name."""
    found = tx.all(
        """select r.subject, r.name, coalesce(u.bureau, '') as bureau, r.affiliation, r.specialties, r.relations
        from review_roster r join users u on 'user:' || u.id::text = r.subject and u.active
        where r.kind = :kind and :on between r.from_on and r.until_on order by r.name, r.subject""",
        kind=kind,
        on=on,
    )
    return tuple(
        Member(
            row["subject"], row["name"], row["bureau"], row["affiliation"], tuple(row["specialties"]),
            tuple(row["relations"]),
        )
        for row in found
    )  # fmt: skip


def _no_overlap(tx: Transaction, kind: str, subject: str, from_on: date, until_on: date) -> None:
    known = tx.one(
        """select until_on from review_roster where kind = :kind and subject = :subject
        and from_on <= :until and until_on >= :from""",
        kind=kind, subject=subject, until=until_on, **{"from": from_on},
    )  # fmt: skip
    if known is not None:
        raise Conflict(
            f"이미 {known['until_on']:%Y-%m-%d}까지 임기가 있습니다.",
            next_step="그 뒤부터 시작하거나 먼저 해촉하세요.",
            record=subject,
        )


def _words(texts: Sequence[str]) -> list[str]:
    return sorted({text.strip() for text in texts if text.strip()})

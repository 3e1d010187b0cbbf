"""Who sits on which body, for which term, and which body acts on a day: all by the rules in force on that day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Row, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.rounds import Member

RIGHT = "committee.seat"


@dataclass(frozen=True, slots=True)
class Body:
    """A body that can sit. until: the last day on which it exists (존속기한), None without one."""

    id: str
    name: tuple[str, str]
    until: date | None = None


def bodies(on: date) -> dict[str, Body]:
    """The bodies of a day, by id. NotFound before the ordinance."""
    told = parameter("committee.bodies", on=on).value
    return {id: Body(id, (one["ko"], one["en"]), one.get("until")) for id, one in told.items()}


def body_of(id: str, on: date) -> Body:
    """NotFound when there is none of that name; Conflict after its last day."""
    known = bodies(on)
    if id not in known:
        raise NotFound("그런 위원회가 없습니다.", next_step="화면을 새로 고치세요.", record=id)
    found = known[id]
    if found.until is not None and on > found.until:
        raise Conflict(
            f"‘{found.name[0]}’은(는) {found.until:%Y년 %-m월 %-d일}까지 둡니다.",
            next_step="조례를 확인하고 대신할 위원회를 정하세요.",
            record=id,
        )
    return found


def acting(tx: Transaction, on: date) -> str:
    """Which body acts on a day; '' while nobody has decided it."""
    found = tx.value(
        "select body from committee_acting where from_on <= :on order by from_on desc, seq desc limit 1", on=on
    )
    return str(found or "")


def let_act(tx: Transaction, body: str, from_on: date, why: str) -> None:
    """From a day on this body acts. Items and agendas stay as they are. InvalidInput without a reason."""
    require(tx.actor, RIGHT)
    body_of(body, from_on)
    if not why.strip():
        raise InvalidInput("대신하게 하는 근거가 비었습니다.", next_step="근거와 이유를 적으세요.", record="why")
    tx.run(
        """insert into committee_acting (from_on, body, why, at, by, by_name)
        values (:from_on, :body, :why, :now, :by, :name)""",
        {
            "from_on": from_on,
            "body": body,
            "why": why.strip(),
            "now": clock.now(),
            "by": tx.actor.subject,
            "name": tx.actor.name,
        },
    )
    audit.record(tx, "committee.acting", f"committee:{body}", {"from": str(from_on), "why": why.strip()})


def seat(
    tx: Transaction, body: str, subject: str, from_on: date, *, affiliation: str = "", specialties: Sequence[str] = (),
    relations: Sequence[str] = (), chair: bool = False,
) -> Row:  # fmt: skip
    """Appoint somebody for a term of the law. Conflict when the body is full, the terms are used up or overlap."""
    require(tx.actor, RIGHT)
    body_of(body, from_on)
    person = tx.one(
        "select name, coalesce(bureau, '') as bureau from users where 'user:' || id::text = :subject and active",
        subject=subject,
    )
    if person is None:
        raise NotFound("그런 사람이 없습니다.", next_step="사람 목록에서 고르세요.", record=subject)
    tx.run("select pg_advisory_xact_lock(hashtext('committee:' || :body))", {"body": body})
    until = _years_after(from_on, int(parameter("committee.term_years", on=from_on).value)) - timedelta(days=1)
    _may_serve(tx, body, subject, from_on, until)
    id = clock.new_id()
    tx.run(
        """insert into committee_members (id, body, subject, name, affiliation, specialties, relations, chair, from_on, until_on,
          added_at, added_by)
        values (:id, :body, :subject, :name, :affiliation, :specialties, :relations, :chair, :from_on, :until, :now, :by)""",
        {
            "id": id, "body": body, "subject": subject, "name": person["name"], "chair": chair, "from_on": from_on,
            "affiliation": affiliation.strip() or person["bureau"], "specialties": _words(specialties),
            "relations": _words(relations), "until": until, "now": clock.now(), "by": tx.actor.subject,
        },
    )  # fmt: skip
    audit.record(
        tx, "committee.seated", f"committee:{body}", {"person": subject, "from": str(from_on), "until": str(until)}
    )
    return {"id": id, "name": person["name"], "from_on": from_on, "until_on": until}


def _may_serve(tx: Transaction, body: str, subject: str, from_on: date, until: date) -> None:
    terms = tx.all(
        "select from_on, until_on from committee_members where body = :body and subject = :subject",
        body=body,
        subject=subject,
    )
    if any(term["from_on"] <= until and from_on <= term["until_on"] for term in terms):
        raise Conflict(
            "이미 임기 중인 위원입니다.", next_step="지금 임기가 끝난 다음 날부터 다시 맡기세요.", record=subject
        )
    allowed = int(parameter("committee.terms", on=from_on).value)
    if len(terms) >= allowed:
        raise Conflict(
            f"위원은 한 차례만 연임할 수 있어 모두 {allowed}번까지 맡습니다.",
            next_step="다른 사람을 위촉하세요.",
            record=subject,
        )
    most = int(parameter("committee.most_members", on=from_on).value)
    there = int(
        tx.value(
            "select count(*) from committee_members where body = :body and from_on <= :until and until_on >= :from",
            body=body, until=until, **{"from": from_on},
        )
    )  # fmt: skip
    if there >= most:
        raise Conflict(
            f"위원은 {most}명까지입니다. 지금 {there}명입니다.",
            next_step="해촉하거나 임기가 끝난 뒤에 위촉하세요.",
            record=body,
        )


def end(tx: Transaction, entry: str, on: date, why: str) -> None:
    """End a term early (해촉). InvalidInput without a reason; NotFound when nobody serves under this entry."""
    require(tx.actor, RIGHT)
    if not why.strip():
        raise InvalidInput("해촉 사유가 비었습니다.", next_step="사유를 적으세요.", record="why")
    changed = tx.run(
        """update committee_members set until_on = greatest(from_on, :on), ended_why = :why
        where id = cast(:id as uuid) and until_on > :on""",
        {"id": entry, "on": on, "why": why.strip()},
    )
    if not changed:
        raise NotFound("임기 중인 위원이 아닙니다.", next_step="명단을 새로 고치세요.", record=entry)
    audit.record(tx, "committee.ended", f"committee-member:{entry}", {"on": str(on), "why": why.strip()})


def sitting(tx: Transaction, body: str, on: date) -> list[Row]:
    """Who serves on a day: id, subject, name, affiliation, specialties, relations, chair, from_on, until_on; the chair first."""
    return tx.all(
        """select id::text as id, subject, name, affiliation, specialties, relations, chair, from_on, until_on
        from committee_members where body = :body and :on between from_on and until_on order by chair desc, name, subject""",
        body=body,
        on=on,
    )


def as_member(tx: Transaction, row: Row) -> Member:
    """As the rules on relations see them."""
    bureau = tx.value(
        "select coalesce(bureau, '') from users where 'user:' || id::text = :subject", subject=row["subject"]
    )
    return Member(
        row["subject"],
        row["name"],
        str(bureau or ""),
        row["affiliation"],
        tuple(row["specialties"]),
        tuple(row["relations"]),
    )


def _years_after(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, day=28)


def _words(texts: Sequence[str]) -> list[str]:
    return sorted({text.strip() for text in texts if text.strip()})

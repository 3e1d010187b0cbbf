"""Courses and their sessions: planned, enrolled in, attended, completed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from haechi.core import audit, clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.cases import rows
from haechi.office.learning.certificates import certify

KINDS = {
    "lecture": ("AI 특강", "Special lecture"),
    "prompt": ("프롬프트 심화", "Prompting in depth"),
    "owner": ("사업담당자 교육", "Training of project owners"),
    "duty": ("의무이수 과정", "Duty course"),
    "other": ("그 밖의 교육", "Other"),
}


@dataclass(frozen=True, slots=True)
class Course:
    """minutes: what it counts towards the duty. audience: roles, () for all staff. asked: questions of its test, 0: none."""

    title: str
    kind: str
    minutes: int
    about: str = ""
    audience: Sequence[str] = ()
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """right: number of the right choice, from 1."""

    text: str
    choices: Sequence[str]
    right: int


@dataclass(frozen=True, slots=True)
class Session:
    """When and where a course is held; times are aware."""

    enrol_from: datetime
    enrol_until: datetime
    starts_at: datetime
    ends_at: datetime
    seats: int
    place: str = ""


class Courses:
    """What is taught, and who sits in it. `store`: under haechi_app."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # --- planning ----------------------------------------------------------------------------------------------------

    def add_course(self, actor: Actor, new: Course, questions: Sequence[Question] = ()) -> str:
        """A course with its bank of questions; its id. InvalidInput when the bank has fewer than are asked."""
        require(actor, "learning.manage")
        _sound_course(new, questions)
        id = clock.new_id()
        with self._store.transaction(actor) as tx:
            tx.run(
                """insert into courses (id, title, kind, about, minutes, audience, asked, made_at, made_by)
                values (:id, :title, :kind, :about, :minutes, :audience, :asked, :now, :by)""",
                {**asdict(new), "audience": list(new.audience), "id": id, "now": clock.now(), "by": actor.subject},
            )
            for number, question in enumerate(questions, 1):
                tx.run(
                    """insert into course_questions (id, course_id, number, text, choices, right_choice)
                    values (:id, :course, :number, :text, :choices, :right)""",
                    {
                        "id": clock.new_id(), "course": id, "number": number, "text": question.text,
                        "choices": list(question.choices), "right": question.right,
                    },
                )  # fmt: skip
            audit.record(tx, "learning.course", f"course:{id}", {"title": new.title, "questions": len(questions)})
        return id

    def add_session(self, actor: Actor, course_id: str, new: Session) -> str:
        """A session of a course; its id. InvalidInput for times that cannot be."""
        require(actor, "learning.manage")
        if not new.enrol_from < new.enrol_until <= new.starts_at < new.ends_at or not 1 <= new.seats <= 10_000:
            raise InvalidInput(
                "시각이나 정원이 맞지 않습니다.",
                next_step="신청 시작 < 신청 마감 ≤ 교육 시작 < 교육 끝, 정원 1명 이상으로 적으세요.",
                record="session",
            )
        id = clock.new_id()
        with self._store.transaction(actor) as tx:
            if tx.value("select 1 from courses where id = :id", id=rows.as_uuid(course_id)) is None:
                raise NotFound("그런 과정이 없습니다.", next_step="목록에서 고르세요.", record=course_id)
            tx.run(
                """insert into course_sessions (id, course_id, place, enrol_from, enrol_until, starts_at, ends_at, seats, made_at,
                  made_by) values (:id, :course, :place, :enrol_from, :enrol_until, :starts_at, :ends_at, :seats, :now, :by)""",
                {**asdict(new), "id": id, "course": course_id, "now": clock.now(), "by": actor.subject},
            )
            audit.record(tx, "learning.session", f"session:{id}", {"course": course_id, "seats": new.seats})
        return id

    def catalogue(self, actor: Actor, *, since: datetime | None = None) -> list[Row]:
        """Sessions that end after `since` (default: now), soonest first, with their places and how the actor stands in them."""
        with self._store.transaction(actor) as tx:
            return [_with_places(tx, row) for row in tx.all(_SESSIONS, since=since or clock.now(), me=actor.subject)]

    def courses(self, actor: Actor) -> list[Row]:
        """Every course that is not closed."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                "select id::text as id, title, kind, minutes, asked from courses where closed_at is null order by title"
            )

    def plan(self, actor: Actor, year: int) -> list[dict[str, Any]]:
        """The year's plan beside what is scheduled: kind, wanted, scheduled (sessions, seats), short (ko) or ''."""
        with self._store.transaction(actor) as tx:
            held = tx.all(_HELD, year=year)
        from datetime import date

        wanted = parameter("learning.plan", on=date(year, 12, 31)).value
        return [{"kind": kind, "wanted": goal, **_against(kind, goal, held)} for kind, goal in wanted.items()]

    # --- sitting in it -----------------------------------------------------------------------------------------------

    def enrol(self, actor: Actor, session_id: str) -> str:
        """'enrolled' or 'waiting'. Conflict when it is too early, too late or cancelled; Forbidden for another audience."""
        with self._store.transaction(actor) as tx:
            audience = tx.value(
                "select c.audience from course_sessions s join courses c on c.id = s.course_id where s.id = :id",
                id=rows.as_uuid(session_id),
            )
            if audience is None:
                raise NotFound("그런 교육이 없습니다.", next_step="목록에서 다시 고르세요.", record=session_id)
            if audience and not set(audience) & actor.roles:
                raise Forbidden(
                    "이 교육의 대상이 아닙니다.", next_step="대상이 ‘전 직원’인 교육을 고르세요.", record=session_id
                )
            state = tx.value(
                "select haechi_enrol(cast(:id as uuid), cast(:session as uuid), :name, :now)",
                id=clock.new_id(), session=session_id, name=actor.name, now=clock.now(),
            )  # fmt: skip
            if state in _REFUSED:
                raise Conflict(_REFUSED[state][0], next_step=_REFUSED[state][1], record=session_id)
            audit.record(tx, f"learning.{state}", f"session:{session_id}", {})
        return str(state)

    def leave(self, actor: Actor, session_id: str) -> str:
        """Give one's place up; whoever moved up from the waiting list ('' for nobody) is told in the same moment."""
        with self._store.transaction(actor) as tx:
            moved = tx.value(
                "select haechi_leave(cast(:session as uuid), :now)", session=rows.as_uuid(session_id), now=clock.now()
            )
            if moved in ("none", "attended"):
                raise Conflict(
                    "취소할 신청이 없습니다." if moved == "none" else "이미 출석한 교육입니다.",
                    next_step="내 교육 목록을 확인하세요.",
                    record=session_id,
                )
            if moved:
                title = tx.value(
                    "select c.title from course_sessions s join courses c on c.id = s.course_id where s.id = :id",
                    id=session_id,
                )
                told = (f"‘{title}’ 교육에 빈자리가 나서 신청이 확정되었습니다.", f"A seat in '{title}' is yours now.")
                rows.notify(tx, [str(moved)], "course_promoted", told, case=None, key=f"promoted:{session_id}:{moved}")
            audit.record(tx, "learning.withdrawn", f"session:{session_id}", {"promoted": moved or None})
        return str(moved)

    def mine(self, actor: Actor) -> list[Row]:
        """The actor's own record, newest first, with certificates."""
        with self._store.transaction(actor) as tx:
            return tx.all(_MINE, me=actor.subject)

    # --- attendance --------------------------------------------------------------------------------------------------

    def roster(self, actor: Actor, session_id: str) -> list[Row]:
        """Who sits in a session and who waits, in their order."""
        require(actor, "learning.manage")
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select id::text as id, subject, name, bureau, state, checked_in_at, passed_at, completed_at from enrolments
                where session_id = :id and state <> 'withdrawn' order by state, turn""",
                id=rows.as_uuid(session_id),
            )

    def check_in(self, actor: Actor, enrolment_id: str) -> bool:
        """Note that somebody is there; False when that was noted before: nothing changes then. Conflict for a place on the
        waiting list, and before the day of the session."""
        require(actor, "learning.manage")
        with self._store.transaction(actor) as tx:
            row = tx.one(
                """select e.state, e.checked_in_at, s.starts_at, s.cancelled_at from enrolments e
                join course_sessions s on s.id = e.session_id where e.id = :id for update of e""",
                id=rows.as_uuid(enrolment_id),
            )
            if row is None or row["state"] != "enrolled":
                raise Conflict("자리가 확정된 신청이 아닙니다.", next_step="명단을 새로 고치세요.", record=enrolment_id)
            if row["checked_in_at"] is not None:
                return False
            if row["cancelled_at"] or clock.today() < row["starts_at"].astimezone(clock.SEOUL).date():
                raise Conflict(
                    "아직 교육 날이 아니거나 취소된 교육입니다.",
                    next_step="교육 날에 출석을 적으세요.",
                    record=enrolment_id,
                )
            tx.run(
                "update enrolments set checked_in_at = :now, checked_in_by = :by where id = :id",
                {"now": clock.now(), "by": actor.subject, "id": enrolment_id},
            )
            complete(tx, enrolment_id)
            audit.record(tx, "learning.checked_in", f"enrolment:{enrolment_id}", {})
        return True


def complete(tx: Transaction, enrolment_id: str) -> bool:
    """Count the course as done and write the certificate, where it was attended and passed; False otherwise. Once."""
    done = tx.value("select haechi_complete(cast(:id as uuid), :now)", id=enrolment_id, now=clock.now())
    if done:
        certify(tx, enrolment_id)
    return bool(done)


def _with_places(tx: Transaction, row: Row) -> dict[str, Any]:
    places = tx.one("select enrolled, waiting from haechi_places(cast(:id as uuid))", id=row["id"]) or {}
    return {**row, **places, "open": row["enrol_from"] <= clock.now() < row["enrol_until"]}


def _against(kind: str, goal: dict[str, Any], held: Sequence[Row]) -> dict[str, Any]:
    mine = [row for row in held if row["kind"] == kind and row["month"] in goal.get("months", range(1, 13))]
    seats, short = sum(row["seats"] for row in mine), ""
    if len(mine) < goal.get("times", 0):
        short = f"{goal['times']}회 가운데 {goal['times'] - len(mine)}회를 더 잡아야 합니다."
    elif any(row["seats"] < goal.get("each", 0) for row in mine):
        short = f"정원이 {goal['each']}명보다 적은 회차가 있습니다."
    elif seats < goal.get("people", 0):
        short = f"정원 {goal['people'] - seats:,}명이 모자랍니다."
    return {"sessions": len(mine), "seats": seats, "short": short}


def _sound_course(new: Course, questions: Sequence[Question]) -> None:
    if not new.title.strip() or new.kind not in KINDS or not 10 <= new.minutes <= 6000:
        raise InvalidInput(
            "과정 이름, 종류, 시간을 확인하세요.",
            next_step="이름을 적고 시간은 10분에서 6,000분 사이로 정하세요.",
            record="course",
        )
    if new.asked > len(questions):
        raise InvalidInput(
            f"평가 문항 {new.asked}개를 내려면 문제은행에 그만큼 있어야 합니다(지금 {len(questions)}개).",
            next_step="문항을 더 넣거나 낼 문항 수를 줄이세요.", record="asked",
        )  # fmt: skip
    for question in questions:
        if (
            not question.text.strip()
            or not 2 <= len(question.choices) <= 6
            or not 1 <= question.right <= len(question.choices)
        ):
            raise InvalidInput(
                f"문항을 읽을 수 없습니다: {question.text[:40]}",
                next_step="보기 2~6개와 정답 번호를 적으세요.",
                record="questions",
            )


_REFUSED = {
    "gone": ("취소되었거나 없는 교육입니다.", "다른 교육을 고르세요."),
    "early": ("아직 신청 기간이 아닙니다.", "신청 시작 시각 뒤에 다시 하세요."),
    "late": ("신청 기간이 지났습니다.", "다음 회차를 기다리거나 다른 교육을 고르세요."),
    "forbidden": ("직원만 신청할 수 있습니다.", "직원 계정으로 로그인하세요."),
}
_SESSIONS = """select s.id::text as id, c.title, c.kind, c.about, c.minutes, c.audience, c.asked, s.place, s.enrol_from, s.enrol_until,
s.starts_at, s.ends_at, s.seats, s.cancelled_at, (select e.state from enrolments e where e.session_id = s.id and e.subject = :me
and e.state <> 'withdrawn') as mine from course_sessions s join courses c on c.id = s.course_id where s.ends_at > :since
order by s.starts_at, c.title limit 200"""
_HELD = """select c.kind, s.seats, extract(month from s.starts_at at time zone 'Asia/Seoul')::integer as month from course_sessions s
join courses c on c.id = s.course_id where s.cancelled_at is null and extract(year from s.starts_at at time zone 'Asia/Seoul') = :year"""
_MINE = """select e.id::text as id, e.session_id::text as session_id, c.title, c.kind, c.minutes, c.asked, s.starts_at, s.ends_at, s.place,
e.state, e.checked_in_at, e.passed_at, e.completed_at, k.code, k.number, k.revoked_at,
(select count(*) from course_attempts a where a.enrolment_id = e.id) as attempts
from enrolments e join course_sessions s on s.id = e.session_id join courses c on c.id = s.course_id
left join certificates k on k.enrolment_id = e.id where e.subject = :me and e.state <> 'withdrawn' order by s.starts_at desc limit 200"""

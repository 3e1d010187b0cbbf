"""A course that one may enrol in, one that people finished, and a round of the fee support that takes applications."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from haechi.core import clock
from haechi.core.store import Actor, Store
from haechi.office.cases import Opening
from haechi.office.learning import Course, Courses, Question, Session
from haechi.office.support import NewRound, Rounds

if TYPE_CHECKING:
    from haechi.city.office import Office

TRAINED = ("staff.property", "staff.welfare", "owner.39")
LECTURE = Course("AI 특강: 회의록을 맡기고 사람이 확인하기", "lecture", 120, "실습 중심입니다. 노트북을 가져오세요.")
DUTY = Course("AI 의무이수: 안전하게 쓰기", "duty", 240, "개인정보, 확인, 출처를 다룹니다.", asked=2)
BANK = (
    Question("민원인의 전화번호를 AI 서비스에 넣어도 되나요?", ("된다", "안 된다", "급하면 된다"), 2),
    Question("AI가 쓴 답을 누가 확인하나요?", ("담당자", "AI", "아무도"), 1),
)
APPLICATION = {"service": "clova", "ask_won": "87000", "task": "보도자료 초안", "pledge": "yes"}


def demo(office: Office, people: Mapping[str, Actor]) -> None:
    """Once: what stands already is left alone."""
    store = office.cases.store
    team, courses = people["ai.team"], Courses(store)
    known = {course["title"] for course in courses.courses(team)}
    if DUTY.title not in known:
        _trained(courses, team, [people[login] for login in TRAINED])
    if LECTURE.title not in known:
        id = courses.add_course(team, LECTURE)
        courses.add_session(team, id, _session(timedelta(days=14), seats=100))
    _round(office, store, people)


def _session(ahead: timedelta, *, seats: int) -> Session:
    starts = datetime.combine(clock.today() + ahead, time(14), clock.SEOUL)
    return Session(
        clock.now() - timedelta(days=1),
        starts - timedelta(days=1),
        starts,
        starts + timedelta(hours=2),
        seats,
        "다목적홀",
    )


def _trained(courses: Courses, team: Actor, people: list[Actor]) -> None:
    """A session of today that three people attended; their test is left to them."""
    id = courses.add_course(team, DUTY, BANK)
    soon = clock.now() + timedelta(seconds=2)
    session = courses.add_session(
        team, id, Session(soon - timedelta(days=1), soon, soon, soon + timedelta(hours=4), 40, "교육장")
    )
    for one in people:
        courses.enrol(one, session)
    for row in courses.roster(team, session):
        courses.check_in(team, row["id"])


def _round(office: Office, store: Store, people: Mapping[str, Actor]) -> None:
    rounds, team, today = Rounds(store), people["ai.team"], clock.today()
    starts = today + timedelta(days=21)
    title = f"{starts.year}년 1회차"
    if any(row["title"] == title for row in rounds.listed(team)):
        return
    closes = datetime.combine(today + timedelta(days=14), time(18), clock.SEOUL)
    new = NewRound(title, 1, "subscription", clock.now(), closes, starts, 450, 120, 51_300_000, 90_000, "본예산")
    id = rounds.plan(team, new)
    rounds.open(team, id)
    who = people["staff.property"]
    opening = Opening(f"{title} 이용료 지원", bureau=who.bureau, round=id, key=f"fee:{id}:{who.subject}:0")
    case = office.cases.open(who, "fee_support", opening)
    office.cases.filings.save(who, case["id"], "fee_support", {**APPLICATION, "signed": who.name}, base=0)

"""Courses, their tests and certificates, and the yearly duty."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from tests.office.people import person

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.roles import guest
from haechi.core.store import Actor, Store
from haechi.office.cases import Cases, Hooks, Opening, Policy
from haechi.office.learning import (
    Certificates,
    Course,
    Courses,
    Duties,
    Exams,
    Question,
    Session,
    duty_of,
    hooks,
    last_day,
    paper,
    remind,
)
from haechi.office.letters import render

NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
BANK = [Question(f"맞는 것은? {n}", ("가", "나", "다"), 2) for n in range(1, 6)]
YEAR = 2026


@pytest.fixture(autouse=True)
def september():
    with clock.frozen(NOW):
        yield


@pytest.fixture
def team(owner_store: Store) -> Actor:
    return person(owner_store, "하늘찬", "staff", "ai_team", bureau="디지털도시국")


def _session(seats: int = 100, days: int = 7) -> Session:
    start = NOW + timedelta(days=days)
    return Session(NOW - timedelta(days=1), start - timedelta(hours=1), start, start + timedelta(hours=2), seats)


def _held(courses: Courses, team: Actor, *, seats: int = 100, minutes: int = 120, asked: int = 0) -> str:
    course = courses.add_course(team, Course("AI 특강", "lecture", minutes, asked=asked), BANK if asked else ())
    return courses.add_session(team, course, _session(seats))


def _staff(owner_store: Store, n: int, bureau: str = "재무국") -> list[Actor]:
    return [person(owner_store, f"직원{i}", "staff", bureau=bureau) for i in range(n)]


def _enrolment(courses: Courses, team: Actor, session: str, who: Actor) -> str:
    return next(str(row["id"]) for row in courses.roster(team, session) if row["subject"] == who.subject)


def test_a_seat_that_is_given_up_goes_to_whoever_waited_longest(store: Store, owner_store: Store, team: Actor) -> None:
    courses = Courses(store)
    session = _held(courses, team, seats=2)
    people = _staff(owner_store, 4)
    assert [courses.enrol(one, session) for one in people] == ["enrolled", "enrolled", "waiting", "waiting"]
    assert courses.enrol(people[0], session) == "enrolled", "asked twice is asked once"
    assert courses.leave(people[3], session) == ""
    assert courses.leave(people[0], session) == people[2].subject
    states = {row["subject"]: row["state"] for row in courses.roster(team, session)}
    assert states == {people[1].subject: "enrolled", people[2].subject: "enrolled"}
    inbox = Cases(store, Policy.in_force()).reading.inbox(people[2], limit=5)
    assert "빈자리" in inbox[0]["text_ko"]


def test_two_people_at_once_never_get_the_last_seat_both(store: Store, owner_store: Store, team: Actor) -> None:
    courses = Courses(store)
    session = _held(courses, team, seats=5)
    people = _staff(owner_store, 16)
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(lambda one: courses.enrol(one, session), people))
    assert states.count("enrolled") == 5
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: courses.leave(one, session), people[:8]))
    roster = courses.roster(team, session)
    assert sum(row["state"] == "enrolled" for row in roster) == 5
    assert len(roster) == 8


def test_a_course_ends_in_a_certificate_that_anybody_can_check(store: Store, owner_store: Store, team: Actor) -> None:
    courses, exams, certificates = Courses(store), Exams(store), Certificates(store)
    session = _held(courses, team, asked=5)
    (who,) = _staff(owner_store, 1)
    courses.enrol(who, session)
    enrolment = _enrolment(courses, team, session, who)
    with pytest.raises(Conflict, match="교육 날이"):
        courses.check_in(team, enrolment)
    with pytest.raises(Conflict, match="출석"):
        exams.begin(who, enrolment)
    with clock.frozen(NOW + timedelta(days=7, hours=1)):
        assert courses.check_in(team, enrolment)
        assert not courses.check_in(team, enrolment), "a second scan changes nothing"
        asked = exams.begin(who, enrolment)
        assert [q["id"] for q in exams.begin(who, enrolment)] == [q["id"] for q in asked]
        wrong = exams.hand_in(who, enrolment, asked[0]["attempt"], {q["id"]: 1 for q in asked})
        assert (wrong.right, wrong.passed) == (0, False)
        again = exams.hand_in(who, enrolment, asked[0]["attempt"], {q["id"]: 2 for q in asked})
        assert again.passed is False, "an attempt is handed in once"
        asked = exams.begin(who, enrolment)
        answers = {q["id"]: 2 if n < 3 else 1 for n, q in enumerate(asked)}
        passed = exams.hand_in(who, enrolment, asked[0]["attempt"], answers)
        assert (passed.right, passed.passed, passed.completed) == (3, True, True), "60 % is the pass mark"
        with pytest.raises(Conflict, match="이미 합격"):
            exams.begin(who, enrolment)
    (mine,) = courses.mine(who)
    told = certificates.check(guest("a" * 30), mine["code"])
    assert told is not None
    assert (told["title"], told["name"], told["revoked_at"]) == ("AI 특강", "직○0", None)
    assert set(told) == {"number", "name", "title", "minutes", "held_on", "issued_at", "revoked_at"}
    assert certificates.check(guest("a" * 30), "AAAA-BBBB-CCCC") is None
    (other,) = _staff(owner_store, 1, "복지실")
    with pytest.raises(NotFound):
        certificates.one(other, mine["code"])
    files = render(paper(certificates.one(who, mine["code"]), "해치시", "https://haechi.example/certificates"))
    assert files["pdf"].startswith(b"%PDF")
    with pytest.raises(InvalidInput, match="이유"):
        certificates.revoke(team, mine["code"], " ")
    certificates.revoke(team, mine["code"], "다른 사람이 대신 들었습니다.")
    assert (certificates.check(guest("a" * 30), mine["code"]) or {})["revoked_at"] is not None
    assert Duties(store).mine(who, YEAR).done_hours == 0


def test_nobody_who_takes_a_test_reads_the_right_choices(store: Store, owner_store: Store, team: Actor) -> None:
    _held(Courses(store), team, asked=5)
    (who,) = _staff(owner_store, 1)
    with store.transaction(who) as tx:
        assert tx.all("select right_choice from course_questions") == []
    with pytest.raises(InvalidInput, match="문제은행"):
        Courses(store).add_course(team, Course("빈 과정", "duty", 60, asked=3), BANK[:2])
    with pytest.raises(Forbidden):
        Courses(store).add_course(who, Course("몰래", "duty", 600))


def test_the_year_is_compared_with_the_city_plan(store: Store, team: Actor) -> None:
    courses = Courses(store)
    course = courses.add_course(team, Course("AI 특강", "lecture", 120))
    for day in (1, 2):
        courses.add_session(team, course, _session(100, day))
    prompt = courses.add_course(team, Course("프롬프트 심화", "prompt", 240))
    for _ in range(11):
        courses.add_session(team, prompt, _session(40, 10))
    plan = {row["kind"]: row for row in courses.plan(team, YEAR)}
    assert plan["lecture"]["short"] == "3회 가운데 1회를 더 잡아야 합니다."
    assert (plan["prompt"]["seats"], plan["prompt"]["short"]) == (440, "")
    assert plan["owner"]["short"] == "2회 가운데 2회를 더 잡아야 합니다."


def test_the_duty_follows_the_role_what_was_done_and_a_reasoned_exception(
    store: Store, owner_store: Store, team: Actor
) -> None:
    courses, duties = Courses(store), Duties(store)
    one, two = _staff(owner_store, 2)
    assert duties.mine(team, YEAR).required_hours == 8
    assert (duties.mine(one, YEAR).required_hours, duties.mine(one, YEAR).met) == (2, False)
    session = _held(courses, team, minutes=120)
    courses.enrol(one, session)
    with clock.frozen(NOW + timedelta(days=7, hours=1)):
        courses.check_in(team, _enrolment(courses, team, session, one))
    assert duties.mine(one, YEAR).met
    register = Hooks()
    hooks(register)
    cases = Cases(store, Policy.in_force(), register)
    case = str(cases.open(two, "duty_exception", Opening("휴직", bureau="재무국"))["id"])
    answers = {"year": str(YEAR), "reason": "leave", "detail": "3월부터 휴직", "hours": "2"}
    cases.filings.save(two, case, "duty_exception", answers, base=0)
    with pytest.raises(InvalidInput, match="보다 적어야"):
        cases.act(two, case, "ask")
    cases.filings.save(two, case, "duty_exception", {"hours": "0"}, base=1)
    cases.act(two, case, "ask")
    with pytest.raises(Forbidden):
        cases.act(two, case, "grant", note="내가 인정")
    cases.act(team, case, "grant", note="휴직을 확인했습니다.")
    told = duties.mine(two, YEAR)
    assert told.met
    assert "휴직" in told.why[0]
    with store.transaction(two) as tx:
        assert duty_of(tx, one.subject, YEAR).met is False, "another's record is not theirs to see"


def test_rates_are_for_all_and_names_for_who_looks_after_them(store: Store, owner_store: Store, team: Actor) -> None:
    courses, duties = Courses(store), Duties(store)
    money, welfare = _staff(owner_store, 3), _staff(owner_store, 2, "복지실")
    session = _held(courses, team)
    courses.enrol(money[0], session)
    with clock.frozen(NOW + timedelta(days=7, hours=1)):
        courses.check_in(team, _enrolment(courses, team, session, money[0]))
    rates = {row["bureau"]: row for row in duties.rates(welfare[0], YEAR)}
    assert (rates["재무국"]["people"], rates["재무국"]["met"], rates["재무국"]["percent"]) == (3, 1, 33.3)
    assert duties.gaps(money[1], YEAR) == []
    head = person(owner_store, "재무부장", "staff", bureau="재무국")
    with owner_store.transaction() as tx:
        login = tx.value("select login from users where 'user:' || id = :s", s=head.subject)
    with pytest.raises(InvalidInput):
        duties.name_head(team, "복지실", login)
    duties.name_head(team, "재무국", login)
    assert {row["bureau"] for row in duties.gaps(head, YEAR)} == {"재무국"}
    assert {row["bureau"] for row in duties.gaps(team, YEAR)} == {"재무국", "복지실", "디지털도시국"}


def test_reminders_come_on_their_days_and_once(store: Store, owner_store: Store, worker_store: Store) -> None:
    people = _staff(owner_store, 3)
    assert remind(worker_store) == 0
    assert last_day(YEAR).isoformat() == "2026-12-15"
    with clock.frozen(datetime(2026, 11, 20, tzinfo=UTC)):
        assert remind(worker_store) == 3
        assert remind(worker_store) == 0
    with clock.frozen(datetime(2026, 12, 9, tzinfo=UTC)):
        assert remind(worker_store) == 3
    inbox = Cases(store, Policy.in_force()).reading.inbox(people[0], limit=5)
    assert inbox[0]["text_ko"].startswith("2026년 AI 의무이수가 2시간 남았습니다.")

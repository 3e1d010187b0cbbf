"""Smart Life Week: the plan's own figures, booths that fit, sessions and speakers without a clash, one ticket once, 21 awards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from tests.office.people import person

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.store import Actor, Store
from haechi.office.cases import Cases, Hooks, Opening, Policy
from haechi.office.event import Editions, Meetings, Prize, Programme, Space, Tickets, faults, hang, measured_area, svg
from haechi.office.event.meetings import propose, slots_of
from haechi.office.event.prize import categories
from haechi.office.event.report import paper

ZONES = {"쇼룸": 3470, "대기업존": 608, "글로벌관": 377, "주제관": 2148, "기후테크": 504, "로봇쇼": 2952}
"""The city's plan for 2025: the main hall has 10,348 m²."""
C_HALL = (
    Space("hall", "C", area_m2=10_348),
    *(Space("zone", name, "C", area_m2=float(area)) for name, area in ZONES.items()),
)
DRAWN = (
    Space("hall", "H", w=40, d=30),
    Space("zone", "Z1", "H", ("주제관", "Themes"), 2, 2, 20, 20),
    Space("booth", "A1", "Z1", x=0, y=0, w=3, d=3),
    Space("booth", "A2", "Z1", x=6, y=0, w=3, d=3),
)
FIRM = {"name_ko": "해치로봇", "name_en": "Haechi Robots", "country": "대한민국", "where": "booth", "width": "3", "depth": "3",
        "theme": "로봇", "intro_ko": "돌봄 로봇을 만듭니다."}  # fmt: skip
ENTRY = dict.fromkeys(("problem", "design", "plan", "implementation", "learning", "value"), "…") | {"city": "바기오"}
SHEET = dict.fromkeys(("problem", "design", "plan", "implementation", "learning", "value"), "4") | {
    "opinion": "좋습니다."
}


@dataclass
class Week:
    cases: Cases
    editions: Editions
    programme: Programme
    tickets: Tickets
    meetings: Meetings
    prize: Prize
    team: Actor
    second: Actor
    day: date

    def at(self, hour: int, minute: int = 0) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, hour, minute, tzinfo=clock.SEOUL)


@pytest.fixture
def week(store: Store, owner_store: Store) -> Week:
    hooks = Hooks()
    hang(hooks)
    cases = Cases(store, Policy.in_force(), hooks)
    team = person(owner_store, "하늘찬", "staff", "ai_team", bureau="디지털도시국")
    second = person(owner_store, "한바다", "staff", "ai_team", bureau="디지털도시국")
    day = clock.today() + timedelta(days=5)
    made = Week(
        cases,
        Editions(store),
        Programme(store),
        Tickets(store),
        Meetings(store),
        Prize(store, cases),
        team,
        second,
        day,
    )
    made.editions.keep(
        team,
        "2026",
        name=("스마트라이프위크 2026", "SLW 2026"),
        begins_on=day,
        ends_on=day + timedelta(days=2),
        tickets=2,
        shown=True,
    )
    return made


def test_what_is_not_assigned_is_shown() -> None:
    assert measured_area(C_HALL, "C") == (10_059, 289)
    assert faults(C_HALL, aisle=3) == []
    (told,) = faults((*C_HALL, Space("zone", "더", "C", area_m2=290.0)), aisle=3)
    assert told.code == "C"


def test_booths_fit_their_zone_and_leave_an_aisle() -> None:
    assert faults(DRAWN, aisle=3) == []
    wrong = {
        "밖으로": Space("booth", "B", "Z1", x=18, y=0, w=3, d=3),
        "겹칩니다": Space("booth", "B", "Z1", x=7, y=1, w=3, d=3),
        "통로는": Space("booth", "B", "Z1", x=10, y=0, w=3, d=3),
        "없습니다": Space("booth", "B", "Z9", x=0, y=0, w=3, d=3),
    }
    for words, space in wrong.items():
        assert words in faults((*DRAWN, space), aisle=3)[0].text[0]
    assert faults((*DRAWN, Space("booth", "B", "Z1", x=9, y=0, w=3, d=3)), aisle=3) == [], "back to back"
    drawing = svg(DRAWN, "H", label="전시장", taken={"A1": "해치<로봇>"})
    assert "해치&lt;로봇&gt;" in drawing
    assert drawing.count("<rect") == 4


def test_the_plan_goes_out_and_comes_back_and_a_bad_one_changes_nothing(week: Week) -> None:
    table = "종류,코드,속한 곳,이름,영문 이름,x(m),y(m),폭(m),깊이(m),면적(㎡),전력(kW)\n전시장,H,,전시장,,0,0,40,30,,\n구역,Z,H,주제관,,2,2,20,20,,\n부스,A1,Z,,,0,0,3,3,,2\n"
    assert week.editions.read_plan(week.team, "2026", table.encode(), "plan.csv") == []
    before = week.editions.plan(week.team, "2026")["spaces"]
    for format in ("csv", "xlsx"):
        assert (
            week.editions.read_plan(
                week.team, "2026", week.editions.write_plan(week.team, "2026", format), f"p.{format}"
            )
            == []
        )
        assert week.editions.plan(week.team, "2026")["spaces"] == before
    (fault,) = week.editions.read_plan(week.team, "2026", table.replace("A1,Z,,,0", "A1,Z,,,19").encode(), "plan.csv")
    assert "밖으로" in fault.text[0]
    with pytest.raises(InvalidInput, match="H4의"):
        week.editions.read_plan(week.team, "2026", table.replace("A1,Z,,,0,0,3", "A1,Z,,,0,0,세").encode(), "plan.csv")
    assert week.editions.plan(week.team, "2026")["spaces"] == before


def test_an_exhibitor_gets_a_free_booth_and_a_page_in_the_online_hall(week: Week, owner_store: Store) -> None:
    table = "종류,코드,속한 곳,이름,영문 이름,x(m),y(m),폭(m),깊이(m),면적(㎡),전력(kW)\n전시장,H,,,,0,0,40,30,,\n구역,Z,H,,,2,2,20,20,,\n부스,A1,Z,,,0,0,3,3,,2\n"
    week.editions.read_plan(week.team, "2026", table.encode(), "plan.csv")
    firms = [person(owner_store, f"기업{n}", "citizen") for n in (1, 2)]
    cases = []
    for n, firm in enumerate(firms, 1):
        case = str(week.cases.open(firm, "exhibitor", Opening(f"해치로봇{n}", round="2026"))["id"])
        week.cases.filings.save(firm, case, "exhibitor", {**FIRM, "name_ko": f"해치로봇{n}"}, base=0)
        week.cases.act(firm, case, "apply")
        week.cases.act(week.team, case, "accept")
        cases.append(case)
    week.cases.act(week.team, cases[0], "place", sent={"booth": "A1"})
    with pytest.raises(Conflict, match="이미 다른 곳"):
        week.cases.act(week.team, cases[1], "place", sent={"booth": "A1"})
    week.cases.act(week.team, cases[1], "online_only")
    week.cases.act(firms[0], cases[0], "confirm")
    visitor = person(owner_store, "나시민", "citizen")
    (page,) = week.editions.online(visitor, "2026", words="돌봄 로봇")
    assert (page["name_ko"], page["booth"]) == ("해치로봇1", "A1")
    with pytest.raises(Conflict, match="부스가 빠졌습니다"):
        week.editions.read_plan(week.team, "2026", table.replace("A1", "A2").encode(), "plan.csv")
    week.cases.act(firms[0], cases[0], "withdraw")
    assert week.editions.online(visitor, "2026") == []


def test_no_room_and_no_speaker_is_in_two_places(week: Week) -> None:
    add, at = week.programme.add, week.at
    talk = {"title": ("도시와 AI", "Cities and AI"), "speakers": [("김연사", "해치대학교")]}
    add(week.team, "2026", room="A실", begins=at(10), ends=at(11), **talk)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="‘A실’에는 그 시각에"):
        add(week.team, "2026", room="A실", title=("다른 것", ""), begins=at(10, 30), ends=at(12))
    with pytest.raises(Conflict, match="김연사 연사는 그 시각에 ‘A실’"):
        add(week.team, "2026", room="B실", begins=at(10, 59), ends=at(12), **talk)  # type: ignore[arg-type]
    add(week.team, "2026", room="B실", begins=at(11), ends=at(12), **talk)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="행사 기간 밖"):
        add(
            week.team,
            "2026",
            room="A실",
            title=("지난 것", ""),
            begins=at(10) - timedelta(days=9),
            ends=at(11) - timedelta(days=9),
        )
    before = [{**one, "id": ""} for one in week.programme.sessions(week.team, "2026")]
    for format in ("csv", "xlsx"):
        assert (
            week.programme.read(week.team, "2026", week.programme.write(week.team, "2026", format), f"p.{format}") == 2
        )
        assert [{**one, "id": "", "speakers": [{**p, "session": before[0]["speakers"][0]["session"]} for p in one["speakers"]]}
                for one in week.programme.sessions(week.team, "2026")] == [
            {**one, "speakers": [{**p, "session": before[0]["speakers"][0]["session"]} for p in one["speakers"]]} for one in before
        ]  # fmt: skip
    calendar = week.programme.calendar(week.team, "2026")
    assert calendar.count("BEGIN:VEVENT") == 2
    assert all(len(line.encode()) <= 75 for line in calendar.split("\r\n"))


def test_a_ticket_comes_in_once_however_often_it_is_sent(week: Week, owner_store: Store) -> None:
    visitor = person(owner_store, "나시민", "citizen")
    code = week.tickets.register(visitor, "2026", name="나시민", key="form-1")
    with pytest.raises(Conflict, match="이미 등록"):
        week.tickets.register(visitor, "2026", name="나시민", key="form-1")
    other = week.tickets.register(visitor, "2026", name="도하루")
    with pytest.raises(Conflict, match="모두 찼습니다"):
        week.tickets.register(visitor, "2026", name="늦은이")
    week.tickets.cancel(visitor, other)
    week.tickets.register(visitor, "2026", name="늦은이")
    at = clock.now().isoformat()
    scans = [
        {"nonce": "d1-1", "code": code, "list": "입장", "at": at}, {"nonce": "d1-2", "code": code.lower(), "list": "입장", "at": at},
        {"nonce": "d1-3", "code": code, "list": "명찰", "at": at}, {"nonce": "d1-4", "code": other, "list": "입장", "at": at},
        {"nonce": "d1-5", "code": "ZZZZ", "list": "입장", "at": at},
    ]  # fmt: skip
    first = week.tickets.scan(week.team, "2026", scans)
    assert [one["outcome"] for one in first] == ["확인", "이미 확인", "확인", "취소된 표", "없는 표"]
    assert week.tickets.scan(week.team, "2026", scans) == first, "the same scans after the network came back"
    assert week.editions.figures(week.team, "2026")["visitors"] == 1
    with pytest.raises(Forbidden):
        week.tickets.scan(visitor, "2026", scans)
    with pytest.raises(Conflict, match="이미 입장"):
        week.tickets.cancel(visitor, code)


def test_nobody_is_shown_an_edition_before_it_is_public(week: Week, owner_store: Store) -> None:
    week.editions.keep(week.team, "2027", name=("다음", ""), begins_on=week.day, ends_on=week.day)
    with pytest.raises(NotFound):
        week.editions.one(person(owner_store, "나시민", "citizen"), "2027")


def test_meetings_do_not_clash_and_people_confirm_them(week: Week) -> None:
    slots = slots_of(week.at(10), week.at(11), minutes=30, tables=1)
    given = propose([("바기오", "가", False), ("바기오", "나", True), ("레이캬비크", "나", False)], slots)
    assert given["바기오", "나"][0] == week.at(10), "wished by both comes first"
    assert len(given) == 2
    for city, company, by in (
        ("바기오", "가", "도시"),
        ("바기오", "나", "도시"),
        ("바기오", "나", "기업"),
        ("레이캬비크", "나", "기업"),
    ):
        week.meetings.wish(week.team, "2026", city, company, by)
    assert week.meetings.propose(week.team, "2026", slots) == 2
    proposed = [one for one in week.meetings.listed(week.team, "2026") if one["state"] == "제안"]
    week.meetings.settle(week.team, proposed[0]["id"], "확정", proposed[0]["version"])
    with pytest.raises(Conflict, match="그사이"):
        week.meetings.settle(week.team, proposed[0]["id"], "거절", proposed[0]["version"])
    assert week.meetings.propose(week.team, "2026", slots_of(week.at(10), week.at(12), minutes=30, tables=1)) == 1
    taken = [(one["begins"], one["place"]) for one in week.meetings.listed(week.team, "2026") if one["begins"]]
    assert len(set(taken)) == len(taken) == 3


def test_a_category_has_no_more_winners_than_awards_and_a_juror_of_the_entrant_is_kept_out(
    week: Week, owner_store: Store
) -> None:
    assert sum(one.awards for one in categories().values()) == 21
    jurors = [person(owner_store, f"심사{n}", "staff", bureau="대학") for n in (1, 2)]
    for n in range(3):  # leadership has two awards
        entrant = person(owner_store, f"출품{n}", "citizen")
        case = str(week.cases.open(entrant, "award", Opening(f"출품작 {n}", round="2026"))["id"])
        week.cases.filings.save(entrant, case, "award_entry", {**ENTRY, "category": "leadership"}, base=0)
        week.cases.act(entrant, case, "enter")
        week.cases.act(week.team, case, "screen")
        with pytest.raises(InvalidInput, match="2명 이상"):
            week.cases.act(week.team, case, "hand_over")
        for juror in jurors:
            week.cases.people.name(week.team, case, "juror", juror.subject)
        week.cases.act(week.team, case, "hand_over")
        for juror in jurors:
            week.cases.filings.save(juror, case, "award_sheet", SHEET, base=0)
            week.cases.act(juror, case, "judge")
        (entry,) = [
            one for one in week.prize.table(week.team, "2026")["entries"]["leadership"] if one["case"]["id"] == case
        ]
        assert entry["points"] is None, "nobody sees points while the jury sits"
        week.cases.act(week.team, case, "nominate", note="최종 후보")
        with pytest.raises(Forbidden, match="두 사람이"):
            week.cases.act(week.team, case, "award", note="…")
        if n < 2:
            week.cases.act(week.second, case, "award", note="도시를 바꾸었습니다.")
        else:
            with pytest.raises(InvalidInput, match="2개 상이 모두"):
                week.cases.act(week.second, case, "award", note="…")
    table = week.prize.table(week.team, "2026")
    assert table["winners"]["leadership"] == 2
    assert table["entries"]["leadership"][0]["points"] == 80.0
    week.cases.people.recuse(jurors[0], case, jurors[0].subject, "회피", "같은 연구를 했습니다.")
    assert case not in str(week.prize.table(jurors[0], "2026"))


def test_the_report_keeps_stated_and_counted_figures_apart(week: Week) -> None:
    week.editions.keep(
        week.team, "2024", name=("스마트라이프위크 2024", ""), begins_on=date(2024, 10, 10), ends_on=date(2024, 10, 12),
        stated={"companies": {"value": 147, "source": "도시 계획"}, "attendees": {"value": 2917, "source": "도시 계획"}},
    )  # fmt: skip
    plan = week.editions.plan(week.team, "2024")
    made = paper("해치시", plan["edition"], week.editions.figures(week.team, "2024"), plan)
    told = next(part for part in made.parts if hasattr(part, "headed")).rows  # type: ignore[union-attr]
    assert ("참가기업", "147개", "미상") in told
    assert ("포럼 참관객", "2,917명", "미상") in told

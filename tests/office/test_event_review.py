"""What the first reading of Smart Life Week found: each test fails while the defect stands."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from tests.office.people import person
from tests.office.test_event import ENTRY, FIRM, SHEET, Week, week

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput
from haechi.core.store import Store
from haechi.office.cases import Opening
from haechi.office.event import Exhibitors, Space, faults
from haechi.office.event.exhibitors import Brought
from haechi.office.event.meetings import propose, slots_of

__all__ = ["week"]


def test_somebody_kept_out_of_a_winner_cannot_give_one_award_too_many(week: Week, owner_store: Store) -> None:
    jurors = [person(owner_store, f"심사{n}", "staff", bureau="대학") for n in (1, 2)]
    cases = []
    for n in range(3):
        entrant = person(owner_store, f"출품{n}", "citizen")
        case = str(week.cases.open(entrant, "award", Opening(f"출품작 {n}", round="2026"))["id"])
        week.cases.filings.save(entrant, case, "award_entry", {**ENTRY, "category": "leadership"}, base=0)
        week.cases.act(entrant, case, "enter")
        week.cases.act(week.team, case, "screen")
        for juror in jurors:
            week.cases.people.name(week.team, case, "juror", juror.subject)
        week.cases.act(week.team, case, "hand_over")
        for juror in jurors:
            week.cases.filings.save(juror, case, "award_sheet", SHEET, base=0)
            week.cases.act(juror, case, "judge")
        week.cases.act(week.team, case, "nominate", note="최종 후보")
        cases.append(case)
    week.cases.act(week.second, cases[0], "award", note="…")
    week.cases.act(week.second, cases[1], "award", note="…")
    week.cases.people.recuse(week.second, cases[0], week.second.subject, "회피", "출품 도시와 일했습니다.")
    with pytest.raises(InvalidInput, match="2개 상이 모두"):
        week.cases.act(week.second, cases[2], "award", note="…")


def _send(
    week: Week, device: str, many: list[dict[str, str]], gate: threading.Barrier, errors: list[Exception]
) -> None:
    scans = [{**one, "nonce": f"{device}-{n}"} for n, one in enumerate(many)]
    gate.wait()
    try:
        week.tickets.scan(week.team, "2026", scans)
    except Exception as error:
        errors.append(error)


def test_two_gates_that_come_back_online_together_both_get_an_answer(week: Week, owner_store: Store) -> None:
    visitor = person(owner_store, "나시민", "citizen")
    codes = [week.tickets.register(visitor, "2026", name=f"나시민{n}") for n in range(2)]
    at = clock.now().isoformat()
    for turn in range(8):
        errors: list[Exception] = []
        many = [{"code": codes[n % 2] if turn % 2 else f"ZZ{turn}{n}", "list": "입장", "at": at} for n in range(120)]
        gate = threading.Barrier(2)

        threads = [
            threading.Thread(target=_send, args=(week, f"{device}{turn}", many[::order], gate, errors))
            for device, order in (("a", 1), ("b", -1))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []


def test_a_nonce_of_another_ticket_is_refused(week: Week, owner_store: Store) -> None:
    visitor = person(owner_store, "나시민", "citizen")
    one, other = (week.tickets.register(visitor, "2026", name=name) for name in ("가", "나"))
    at = clock.now().isoformat()
    week.tickets.scan(week.team, "2026", [{"nonce": "n", "code": one, "list": "입장", "at": at}])
    with pytest.raises(Conflict, match="다른 표"):
        week.tickets.scan(week.team, "2026", [{"nonce": "n", "code": other, "list": "입장", "at": at}])


def test_meetings_of_another_length_do_not_overlap() -> None:
    begins = clock.now().replace(hour=1, minute=0, second=0, microsecond=0)
    standing = slots_of(begins, begins + timedelta(hours=1), minutes=30, tables=1)
    given = propose([("가시", "ㄱ", True)], standing)
    later = slots_of(begins + timedelta(minutes=20), begins + timedelta(minutes=60), minutes=20, tables=2)
    second = propose([("가시", "ㄴ", True)], later, [("가시", "ㄱ", given["가시", "ㄱ"])])
    assert second["가시", "ㄴ"][0] >= given["가시", "ㄱ"][1]


def test_a_table_is_not_given_twice_at_overlapping_times(week: Week) -> None:
    week.meetings.wish(week.team, "2026", "가시", "ㄱ", "도시")
    week.meetings.propose(week.team, "2026", slots_of(week.at(10), week.at(10, 30), minutes=30, tables=1))
    week.meetings.wish(week.team, "2026", "나시", "ㄴ", "도시")
    week.meetings.propose(week.team, "2026", slots_of(week.at(10, 20), week.at(10, 40), minutes=20, tables=1))
    timed = [one for one in week.meetings.listed(week.team, "2026") if one["begins"]]
    assert len(timed) == 1 or timed[0]["ends"] <= timed[1]["begins"]


def test_a_speaker_of_an_institute_with_brackets_comes_back_whole(week: Week) -> None:
    week.programme.add(
        week.team,
        "2026",
        room="A실",
        title=("말", ""),
        begins=week.at(10),
        ends=week.at(11),
        speakers=[("김연사", "해치대(서울)")],
    )
    week.programme.read(week.team, "2026", week.programme.write(week.team, "2026", "csv"), "p.csv")
    (session,) = week.programme.sessions(week.team, "2026")
    assert [(p["name"], p["affiliation"]) for p in session["speakers"]] == [("김연사", "해치대(서울)")]


def test_a_session_keeps_its_calendar_identity_through_a_file(week: Week) -> None:
    week.programme.add(week.team, "2026", room="A실", title=("말", ""), begins=week.at(10), ends=week.at(11))
    (before,) = week.programme.sessions(week.team, "2026")
    week.programme.read(week.team, "2026", week.programme.write(week.team, "2026", "csv"), "p.csv")
    (after,) = week.programme.sessions(week.team, "2026")
    assert after["id"] == before["id"]


def test_a_stated_area_that_the_drawing_does_not_have_is_told() -> None:
    hall = Space("hall", "H", w=40, d=30)
    assert faults((hall, Space("zone", "Z", "H", x=0, y=0, w=10, d=10, area_m2=500.0)), aisle=3) != []


def test_booths_of_two_zones_leave_an_aisle_too() -> None:
    spaces = (
        Space("hall", "H", w=40, d=30), Space("zone", "Z1", "H", x=0, y=0, w=10, d=10), Space("zone", "Z2", "H", x=11, y=0, w=10, d=10),
        Space("booth", "A", "Z1", x=7, y=0, w=3, d=3), Space("booth", "B", "Z2", x=0, y=0, w=3, d=3),
    )  # fmt: skip
    assert faults(spaces, aisle=3) != []


def test_booths_of_a_zone_without_a_drawing_do_not_outgrow_it() -> None:
    hall = Space("hall", "H", area_m2=1000.0)
    spaces = (hall, Space("zone", "Z", "H", area_m2=20.0), Space("booth", "A", "Z", x=0, y=0, w=5, d=5))
    assert faults(spaces, aisle=3) != []


def test_an_applicant_whom_the_office_puts_online_can_confirm(week: Week, owner_store: Store) -> None:
    firm = person(owner_store, "기업", "citizen")
    case = str(week.cases.open(firm, "exhibitor", Opening("해치로봇", round="2026"))["id"])
    week.cases.filings.save(firm, case, "exhibitor", FIRM, base=0)
    week.cases.act(firm, case, "apply")
    week.cases.act(week.team, case, "accept")
    week.cases.act(week.team, case, "online_only")
    week.cases.act(firm, case, "confirm")
    assert len(week.editions.online(week.team, "2026")) == 1


def test_the_second_of_two_editors_is_told(week: Week) -> None:
    before = week.editions.one(week.team, "2026")
    same = {"begins_on": week.day, "ends_on": week.day}
    week.editions.keep(week.team, "2026", name=("하나", ""), **same)
    with pytest.raises(Conflict, match="그사이"):
        week.editions.keep(week.second, "2026", name=("둘", ""), version=before["version"], **same)


def test_an_identifier_that_cannot_be_is_said_so(week: Week) -> None:
    with pytest.raises(InvalidInput):
        week.editions.keep(week.team, "가을", name=("하나", ""), begins_on=week.day, ends_on=week.day)


def test_a_survey_answer_out_of_range_is_said_so(week: Week) -> None:
    with pytest.raises(InvalidInput):
        week.editions.answer(week.team, "2026", satisfied=9, again=1)


def test_staff_outside_the_team_get_the_same_figures(week: Week, owner_store: Store) -> None:
    week.meetings.wish(week.team, "2026", "가시", "ㄱ", "도시")
    week.meetings.propose(week.team, "2026", slots_of(week.at(10), week.at(11), minutes=30, tables=1))
    (one,) = week.meetings.listed(week.team, "2026")
    week.meetings.settle(week.team, one["id"], "확정", one["version"])
    staff = person(owner_store, "직원", "staff", bureau="재무국")
    assert week.editions.figures(staff, "2026")["meetings"] == week.editions.figures(week.team, "2026")["meetings"] == 1


def test_exhibitors_go_out_and_come_back_and_a_new_row_is_decided_by_somebody_else(week: Week) -> None:
    table = Exhibitors(week.editions._store, week.cases)
    firm = {**FIRM, "power": 2.5, "intro_ko": '=돌봄, "로봇"\n둘째 줄', "website": ""}
    case = week.cases.open(week.team, "exhibitor", Opening("해치로봇", round="2026"))
    week.cases.filings.save(week.team, str(case["id"]), "exhibitor", firm, base=0)
    week.cases.act(week.team, str(case["id"]), "apply")
    for format in ("csv", "xlsx"):
        out = table.write(week.team, "2026", format)
        assert table.read(week.team, "2026", out, f"e.{format}") == Brought((), 1, ())
    text = table.write(week.team, "2026", "csv").decode("utf-8-sig")
    blank = text.replace(case["number"], "", 1)
    week.editions.keep(week.team, "2027", name=("다음", ""), begins_on=week.day, ends_on=week.day)
    (number,) = table.read(week.team, "2027", blank.encode(), "e.csv").opened
    assert table.read(week.team, "2027", blank.encode(), "e.csv").opened == (number,), (
        "the same file opens nothing more"
    )
    assert table.write(week.team, "2027", "csv").decode("utf-8-sig").replace(number, case["number"]) == text
    other = text.replace("해치로봇", "다른이름")
    assert table.read(week.team, "2026", other.encode(), "e.csv").other == (case["number"],)
    with pytest.raises(InvalidInput, match="2번째 줄의 ‘필요한 폭"):
        table.read(week.team, "2027", blank.replace(",3,3,", ",세,3,", 1).encode(), "e.csv")
    (opened,) = (one for one in week.cases.reading.listed(week.team, kinds=["exhibitor"], round="2027")[0])
    with pytest.raises(Forbidden):
        week.cases.act(week.team, str(opened["id"]), "accept")
    week.cases.act(week.second, str(opened["id"]), "accept")


def test_only_confirmed_meetings_are_in_the_calendar(week: Week) -> None:
    for company in ("ㄱ", "ㄴ"):
        week.meetings.wish(week.team, "2026", "가시", company, "도시")
    week.meetings.propose(week.team, "2026", slots_of(week.at(10), week.at(11), minutes=30, tables=1))
    one, _ = week.meetings.listed(week.team, "2026")
    week.meetings.settle(week.team, one["id"], "확정", one["version"])
    assert week.meetings.calendar(week.team, "2026").count("BEGIN:VEVENT") == 1


def test_entries_with_the_same_points_are_said_to_be_tied(week: Week, owner_store: Store) -> None:
    jurors = [person(owner_store, f"심사{n}", "staff", bureau="대학") for n in (1, 2)]
    for n, points in enumerate(("4", "4", "5")):
        entrant = person(owner_store, f"출품{n}", "citizen")
        case = str(week.cases.open(entrant, "award", Opening(f"출품작 {n}", round="2026"))["id"])
        week.cases.filings.save(entrant, case, "award_entry", {**ENTRY, "category": "special"}, base=0)
        week.cases.act(entrant, case, "enter")
        week.cases.act(week.team, case, "screen")
        for juror in jurors:
            week.cases.people.name(week.team, case, "juror", juror.subject)
        week.cases.act(week.team, case, "hand_over")
        for juror in jurors:
            week.cases.filings.save(juror, case, "award_sheet", {**SHEET, "problem": points}, base=0)
            week.cases.act(juror, case, "judge")
        week.cases.act(week.team, case, "nominate", note="최종 후보")
    entries = week.prize.table(week.team, "2026")["entries"]["special"]
    assert [(one["points"], one["tied"]) for one in entries] == [(84.0, False), (80.0, True), (80.0, True)]

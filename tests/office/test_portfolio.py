"""The portfolio: files out and in again, two editors at once, money that reconciles or says why it cannot."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.office.people import person

from haechi.city.office.telemetry import Telemetry
from haechi.core.contract import Scorecard
from haechi.core.errors import Conflict, Forbidden, HaechiError, InvalidInput
from haechi.core.store import Actor, Store
from haechi.office.portfolio import FORMATS, Changed, Portfolio, export, preview, store

Book = tuple[Portfolio, Actor, Actor]


@pytest.fixture
def book(store: Store, worker_store: Store, owner_store: Store, tmp_path: Path) -> Book:
    """The portfolio of the real manifests, somebody of the AI team, and another of it."""
    team = person(owner_store, "하늘찬", "staff", "ai_team", bureau="디지털도시국")
    second = person(owner_store, "한바다", "staff", "ai_team", bureau="디지털도시국")
    return Portfolio(store, Telemetry(worker_store, tmp_path)), team, second


def _cells(content: bytes, change: Callable[[list[dict[str, str]]], None]) -> bytes:
    """The CSV with its rows changed."""
    table = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    rows, told = list(table), io.StringIO(newline="")
    change(rows)
    writer = csv.DictWriter(told, list(table.fieldnames or ()))
    writer.writeheader()
    writer.writerows(rows)
    return told.getvalue().encode("utf-8-sig")


def _of(book: Portfolio, actor: Actor, number: int) -> Mapping[str, object]:
    return dict(next(row for row in book.whole(actor)["services"] if row["number"] == number))


@pytest.mark.parametrize("format", FORMATS)
def test_what_goes_out_comes_back_equal(book: Book, format: str) -> None:
    portfolio, team, _ = book
    portfolio.edit(team, 39, {"note": "=1+1 은 계산식이 아니라 메모", "contact": "'ai@city.example"}, version=0)
    portfolio.enter(team, 39, 2025, "본예산", 1_234_567_890, "2025년 예산서 12쪽")
    portfolio.enter(team, 0, 2025, "추경", None, "추경안", label="공통 기반")
    out = export(portfolio, team, format)
    same = preview(portfolio, team, format, out)
    assert (same.differences, same.faults) == ((), ())

    portfolio.edit(team, 39, {"note": "다른 메모"}, version=1)
    portfolio.enter(team, 39, 2025, "본예산", 5, "잘못 적음", version=1)
    seen = preview(portfolio, team, format, out)
    assert {(one.number, one.what) for one in seen.differences} == {(39, "note"), (39, "예산 2025 본예산")}
    assert _of(portfolio, team, 39)["won"] == 5, "a preview stores nothing"
    assert store(portfolio, team, format, out, seen.digest) == 2
    assert (
        export(portfolio, team, format) == out if format != "xlsx" else _of(portfolio, team, 39)["won"] == 1_234_567_890
    )
    assert not preview(portfolio, team, format, out).differences
    assert portfolio.one(team, 39)["changes"][0]["origin"] == "import"


def test_bad_cells_are_named_and_nothing_is_stored(book: Book) -> None:
    portfolio, team, _ = book
    portfolio.enter(team, 26, 2025, "본예산", None, "예산서")

    def spoil(rows: list[dict[str, str]]) -> None:
        rows[0]["신규·계속"] = "새것"
        rows[1]["담당 실국"] = ""
        rows[2]["신규·계속"] = "미상"
        rows[-1]["금액(원)"] = "일억"
        rows.append({**rows[-1], "번호": "99", "금액(원)": "1"})

    spoilt = _cells(export(portfolio, team, "csv"), spoil)
    seen = preview(portfolio, team, "csv", spoilt)
    assert [(one.row, one.column) for one in seen.faults][:2] == [(2, "신규·계속"), (3, "담당 실국")]
    assert [one.column for one in seen.faults][2:] == ["금액(원)", "번호"]
    assert "미상" in seen.faults[1].message
    with pytest.raises(InvalidInput, match="4개"):
        store(portfolio, team, "csv", spoilt, seen.digest)
    with pytest.raises(InvalidInput, match="XLSX"):
        preview(portfolio, team, "xlsx", b"no workbook")
    with pytest.raises(InvalidInput, match="JSON"):
        preview(portfolio, team, "json", json.dumps({"rows": []}).encode())


def test_a_file_previewed_is_not_stored_over_a_later_change(book: Book) -> None:
    portfolio, team, second = book

    def new(rows: list[dict[str, str]]) -> None:
        rows[0]["신규·계속"] = "신규"

    content = _cells(export(portfolio, team, "csv"), new)
    seen = preview(portfolio, team, "csv", content)
    number = seen.differences[0].number
    portfolio.edit(second, number, {"continuity": "계속"}, version=0)
    with pytest.raises(Conflict, match="바뀌었습니다"):
        store(portfolio, team, "csv", content, seen.digest)
    assert _of(portfolio, team, number)["continuity"] == "계속"


def test_totals_agree_or_say_why_they_cannot_be_known(book: Book) -> None:
    portfolio, team, _ = book
    whole = portfolio.whole(team)
    lines = {line.what[0]: line for line in whole["lines"]}
    fields = [lines[name] for name in ("AI 약자와의 동행", "AI 매력 서비스 확대", "AI 안전망 조성", "AI 업무방식 혁신")]
    assert [line.ours for line in fields] == [10, 11, 16, 8]
    assert all(line.agrees for line in (*fields, lines["서비스"]))
    assert lines["서비스"].ours == 45
    bureaux = lines["담당 실국"]
    assert (bureaux.plan, bureaux.ours, bureaux.agrees) == (23, 22, None)
    assert "23개 가운데 22개" in bureaux.why[0]
    assert (lines["신규"].plan, lines["신규"].agrees) == (8, None)
    assert "45개 서비스" in lines["신규"].why[0]

    money = whole["money"]
    assert (money.plan_won, money.entered, money.unknown) == (62_200_000_000, 0, 45)
    portfolio.enter(team, 1, 2025, "본예산", 700_000_000, "예산서")
    portfolio.enter(team, 1, 2025, "추경", None, "추경안")
    portfolio.enter(team, 2, 2025, "본예산", 300_000_000, "예산서")
    portfolio.enter(team, 0, 2025, "본예산", 7, "예산서", label="공통")
    money = portfolio.whole(team)["money"]
    assert (money.entered, money.unknown, money.apart) == (1_000_000_000, 44, 7)
    assert "61,200,000,000원 적습니다" in money.words[0]
    assert "44개의 금액이 미상" in money.words[0]


def test_two_editors_lose_nothing(book: Book) -> None:
    portfolio, team, second = book
    portfolio.edit(team, 26, {"note": "첫 메모", "continuity": "신규"}, version=0)
    portfolio.edit(second, 26, {"contact": "team@city.example"}, version=0)  # another cell: both stand
    with pytest.raises(Changed) as told:
        portfolio.edit(second, 26, {"note": "다른 메모"}, version=0)
    assert told.value.differences == [{"field": "note", "theirs": "첫 메모", "mine": "다른 메모", "by": "하늘찬"}]
    row = _of(portfolio, team, 26)
    assert (row["note"], row["contact"], row["version"]) == ("첫 메모", "team@city.example", 2)
    assert portfolio.edit(second, 26, {"note": "다른 메모"}, version=2)["note"] == "다른 메모"
    assert sorted(one["field"] for one in portfolio.one(team, 26)["changes"]) == [
        "contact",
        "continuity",
        "note",
        "note",
    ]


def test_another_bureau_is_refused_and_a_line_of_money_is_not_overwritten(book: Book, owner_store: Store) -> None:
    portfolio, team, second = book
    own = str(_of(portfolio, team, 39)["bureau"])
    inside = person(owner_store, "박나린", "staff", "service_owner", bureau=own)
    outside = person(owner_store, "김해솔", "staff", "service_owner", bureau="없는국")
    staff = person(owner_store, "정보슬", "staff", bureau=own)
    for refused in (outside, staff):
        with pytest.raises(Forbidden):
            portfolio.edit(refused, 39, {"note": "안 됨"}, version=0)
        with pytest.raises(Forbidden):
            portfolio.enter(refused, 39, 2025, "본예산", 1, "예산서")
        with pytest.raises(Forbidden):
            preview(portfolio, refused, "json", export(portfolio, team, "json"))
    portfolio.edit(inside, 39, {"note": "됨"}, version=0)
    first = portfolio.enter(inside, 39, 2025, "본예산", 1_000, "예산서 3쪽")
    with pytest.raises(Conflict, match=r"1,000원\(예산서 3쪽\)"):
        portfolio.enter(second, 39, 2025, "본예산", 2_000, "예산서 4쪽")
    again = portfolio.enter(second, 39, 2025, "본예산", 2_000, "예산서 4쪽", version=first["version"])
    assert (again["won"], again["version"]) == (2_000, 2)
    with pytest.raises(HaechiError, match="출처"):
        portfolio.enter(team, 39, 2026, "본예산", 1, " ")


def test_readings_come_from_trials_or_say_why_there_are_none(book: Book, tmp_path: Path) -> None:
    from datetime import timedelta

    from haechi.city.trials import JsonLinesScorecards
    from haechi.core import clock

    sources = book[0].sources
    manifest = next(one for one in sources.manifests() if one.built and any(kpi.source == "trial" for kpi in one.kpis))
    kpi = next(kpi for kpi in manifest.kpis if kpi.source == "trial")
    today = clock.today()
    before = {one.kpi: one for one in sources.readings(manifest.number, today - timedelta(days=30), today)}
    assert set(before) == {one.id for one in manifest.kpis}
    assert all(one.value is not None or one.why for one in before.values())
    assert before[kpi.id].value is None
    JsonLinesScorecards(tmp_path / "scorecards.jsonl").add(
        [Scorecard(manifest.number, kpi.id, 0.5, kpi.unit, kpi.better, kpi.target, 20, (0.3, 0.7), "set", 7, "m", True)]
    )
    after = {one.kpi: one for one in sources.readings(manifest.number, today - timedelta(days=30), today)}
    assert (after[kpi.id].value, after[kpi.id].n) == (0.5, 20)
    assert "seed 7" in after[kpi.id].source
    idle = next(one for one in sources.manifests() if not one.built)
    assert all(one.value is None and one.why for one in sources.readings(idle.number, today, today))
    assert not sources.running(idle.number).known
    assert sources.health()[idle.number].state == "not_built"
    assert sources.health()[manifest.number].state == "unknown"
    assert sources.tiers() == {}

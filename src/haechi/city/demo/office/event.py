"""Editions of Smart Life Week: 2024 as the city's plan tells it, 2025 with its hall, and one of the demonstration, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from haechi.core import clock
from haechi.core.store import Actor
from haechi.office.event.editions import SPACE_COLUMNS
from haechi.office.event.sheets import write

if TYPE_CHECKING:
    from haechi.city.office import Office

SOURCE = "도시 계획(2025)"
STATED = {"companies": 147, "countries": 72, "cities": 109, "speakers": 144, "attendees": 2917, "visitors": 30000}
ZONES = {"쇼룸": 3470, "대기업존": 608, "글로벌관": 377, "주제관": 2148, "기후테크": 504, "로봇쇼": 2952}
DRAWN = (
    ("전시장", "D", "", "시연 전시장", "Demo hall", 0, 0, 60, 36, "", ""),
    ("구역", "D1", "D", "돌봄", "Care", 2, 2, 26, 14, "", ""),
    ("구역", "D2", "D", "안전", "Safety", 32, 2, 26, 14, "", ""),
    *(
        ("부스", f"D{zone}-{n}", f"D{zone}", "", "", (n - 1) * 7 + 2, 6, 4, 4, "", 2)
        for zone in (1, 2)
        for n in (1, 2, 3)
    ),
)
DAY = date(2027, 9, 28)


def demo(office: Office, people: Mapping[str, Actor]) -> None:
    """Each edition once."""
    team, known = people["ai.team"], {row["id"] for row in office.editions.listed(people["ai.team"])}
    if "2024" not in known:
        stated = {name: {"value": value, "source": SOURCE} for name, value in STATED.items()}
        office.editions.keep(
            team, "2024", name=("스마트라이프위크 2024", "Smart Life Week 2024"), begins_on=date(2024, 10, 10), ends_on=date(2024, 10, 12),
            place="코엑스", stated=stated, shown=True,
        )  # fmt: skip
    if "2025" not in known:
        office.editions.keep(
            team, "2025", name=("스마트라이프위크 2025", "Smart Life Week 2025"), begins_on=date(2025, 9, 30), ends_on=date(2025, 10, 2),
            place="코엑스 C홀·E홀·더플라츠", shown=True,
        )  # fmt: skip
        rows = [("전시장", "C", "", "3층 C홀", "Hall C", "", "", "", "", 10348, "")]
        rows += [("구역", name, "C", name, "", "", "", "", "", area, "") for name, area in ZONES.items()]
        office.editions.read_plan(team, "2025", write(SPACE_COLUMNS, rows, "csv"), "plan.csv")
    if "2027demo" not in known:
        office.editions.keep(
            team, "2027demo", name=("시연 행사 2027", "Demonstration 2027"), begins_on=DAY, ends_on=date(2027, 9, 30),
            place="해치시 전시관(가상)", tickets=500, shown=True,
        )  # fmt: skip
        office.editions.read_plan(team, "2027demo", write(SPACE_COLUMNS, DRAWN, "csv"), "plan.csv")
        for hour, room, title in (
            (10, "가람실", "돌봄과 AI"),
            (10, "누리실", "침수 예측의 한계"),
            (13, "가람실", "시민이 묻는 AI"),
        ):
            office.programme.add(
                team, "2027demo", room=room, title=(title, ""), begins=datetime(DAY.year, DAY.month, DAY.day, hour, tzinfo=clock.SEOUL),
                ends=datetime(DAY.year, DAY.month, DAY.day, hour + 1, tzinfo=clock.SEOUL), speakers=[(f"{room[:2]} 연사 {hour}", "해치대학교(가상)")],
            )  # fmt: skip

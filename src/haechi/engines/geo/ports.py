"""The types of the geo engine: where a point lies, what a text says of a place."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from haechi.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Point:
    """A point in WGS84 (EPSG:4326), degrees. Made from anything else by `projection`."""

    lat: float
    lon: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lat) and math.isfinite(self.lon)):
            raise InvalidInput(
                "위치의 위도나 경도가 수가 아닙니다.", next_step="위도와 경도를 도(°) 단위의 수로 보내세요."
            )
        if abs(self.lat) > 90 or abs(self.lon) > 180:
            swapped = abs(self.lon) <= 90 and abs(self.lat) <= 180
            raise InvalidInput(
                f"위도 {self.lat:g}, 경도 {self.lon:g}는 있을 수 없는 위치입니다.",
                next_step="위도와 경도의 순서가 바뀌었습니다. 위도를 앞에 쓰세요."
                if swapped
                else "위도는 -90~90, 경도는 -180~180 사이로 보내세요.",
                record="point",
            )


@dataclass(frozen=True, slots=True)
class Area:
    """A legal district (법정동) by its eight-digit code, with the names above it. gu: 자치구, 시 or 군."""

    code: str
    sido: str
    gu: str
    dong: str


@dataclass(frozen=True, slots=True)
class Located:
    """Where a point lies. inside: within the city of this installation.

    area: None where the point lies in no district of the country (the sea, abroad). near: other districts (gu) of the
    city within `NEAR_METRES`, because a phone's position is not more exact than that. source, as_of: of the borders.
    """

    point: Point
    inside: bool
    area: Area | None
    near: tuple[str, ...]
    source: str
    as_of: str

    @property
    def gu(self) -> str:
        """The city's district, '' outside the city."""
        return self.area.gu if self.inside and self.area else ""

    @property
    def words(self) -> str:
        """'중구 태평로1가' inside the city, the full name elsewhere, '' nowhere."""
        if self.area is None:
            return ""
        names = (self.area.gu, self.area.dong) if self.inside else (self.area.sido, self.area.gu, self.area.dong)
        return " ".join(name for name in names if name)


@dataclass(frozen=True, slots=True)
class Named:
    """What a text says of a place. gu: '' when it names none or several could be meant; `candidates` then has them.

    dong: '' when only the district is named. elsewhere: the text names another city or province ('부산광역시').
    """

    text: str
    gu: str = ""
    dong: str = ""
    candidates: tuple[tuple[str, str], ...] = ()
    elsewhere: str = ""


class Borders(Protocol):
    """Polygons of legal districts."""

    source: str
    as_of: str

    def areas(self) -> Iterable[Area]:
        """Every legal district of the city."""
        ...

    def at(self, point: Point) -> Area | None:
        """The district that holds the point, anywhere in the country; the smallest code on a shared border."""
        ...

    def near(self, point: Point, metres: float) -> tuple[str, ...]:
        """Districts (gu) of the city that come within `metres` of the point, sorted."""
        ...

    def inner_point(self, gu: str) -> Point:
        """A point surely inside the district (gu)."""
        ...

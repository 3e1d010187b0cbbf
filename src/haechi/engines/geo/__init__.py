"""Where a point or an address lies: district (자치구) and legal dong (법정동), inside the city or not."""

from haechi.engines.geo.geo import NEAR_METRES, Geo
from haechi.engines.geo.ports import Area, Borders, Located, Named, Point
from haechi.engines.geo.projection import from_wgs84, to_wgs84

__all__ = ["NEAR_METRES", "Area", "Borders", "Geo", "Located", "Named", "Point", "from_wgs84", "to_wgs84"]

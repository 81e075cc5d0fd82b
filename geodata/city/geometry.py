"""Geometry of GeoJSON features, checked by hand: a city's file may hold anything where coordinates should be."""

from __future__ import annotations

import math
from typing import Any

import orjson
import shapely
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, Polygon

from geodata.city.parsers import BadValueError
from geodata.streets.geodesy import EARTH_RADIUS_M

METRES_PER_DEGREE = math.radians(EARTH_RADIUS_M)
"""Length of one degree of latitude on the sphere, 111,195 m."""

MAX_LON, MAX_LAT = 180.0, 90.0
MIN_LINE = 2
MIN_RING = 4
"""A ring of RFC 7946 has at least three corners and repeats the first."""


def distance_m(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Great-circle distance between two positions in degrees, in metres (haversine formula)."""
    phi_a, phi_b = math.radians(lat_a), math.radians(lat_b)
    half = (
        math.sin((phi_b - phi_a) / 2) ** 2
        + math.cos(phi_a) * math.cos(phi_b) * math.sin(math.radians(lon_b - lon_a) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def point_of(geometry: Any) -> tuple[str, str]:
    """Return longitude and latitude of a Point as texts, for the same parsers as a CSV cell.

    Raises
    ------
    BadValueError
        It is no Point with two or three numbers.
    """
    _need_type(geometry, ("Point",))
    lon, lat = _position(geometry.get("coordinates"))
    return repr(lon), repr(lat)


def polygon_of(geometry: Any) -> Polygon | MultiPolygon:
    """Return a valid shapely polygon.

    Raises
    ------
    BadValueError
        It is neither a Polygon nor a MultiPolygon of closed rings within the bounds of longitude and latitude, or it is
        not valid (crosses itself, has a hole outside).
    """
    kind = _need_type(geometry, ("Polygon", "MultiPolygon"))
    coordinates = geometry.get("coordinates")
    parts = [coordinates] if kind == "Polygon" else coordinates
    if not isinstance(parts, list) or not parts:
        raise BadValueError(f"the {kind} has no coordinates")
    polygons = [_polygon(part) for part in parts]
    shape = polygons[0] if kind == "Polygon" else MultiPolygon(polygons)
    if not shapely.is_valid(shape):
        raise BadValueError(f"the {kind} is not valid: {shapely.is_valid_reason(shape)}")
    return shape


def place_of(geometry: Any) -> shapely.Geometry | None:
    """Return a valid shapely geometry: a point, lines or polygons; None where there is none.

    Raises
    ------
    BadValueError
        It is of another type, or not valid.
    """
    if geometry is None:
        return None
    kind = _need_type(geometry, ("Point", "LineString", "MultiLineString", "Polygon", "MultiPolygon"))
    if "Polygon" in kind:
        return polygon_of(geometry)
    coordinates = geometry.get("coordinates")
    if kind == "Point":
        return Point(_in_the_world(_position(coordinates)))
    if kind == "LineString":
        return _line(coordinates)
    if not isinstance(coordinates, list) or not coordinates:
        raise BadValueError("the MultiLineString has no coordinates")
    return MultiLineString([_line(part) for part in coordinates])


def bad_geometry(geometry: Any) -> str:
    """Return the beginning of a geometry as text, for a report."""
    try:
        return orjson.dumps(geometry).decode()[:80]
    except TypeError:
        return str(geometry)[:80]


def _need_type(geometry: Any, kinds: tuple[str, ...]) -> str:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in kinds:
        raise BadValueError(f"the geometry is {kind!r}, not a {' or '.join(kinds)}")
    return str(kind)


def _polygon(rings: Any) -> Polygon:
    if not isinstance(rings, list) or not rings:
        raise BadValueError("a polygon has no ring")
    read = []
    for ring in rings:
        if not isinstance(ring, list) or len(ring) < MIN_RING:
            raise BadValueError("a ring has fewer than four positions")
        positions = [_position(position) for position in ring]
        if positions[0] != positions[-1]:
            raise BadValueError("a ring does not end where it starts")
        for position in positions:
            _in_the_world(position)
        read.append(positions)
    return Polygon(read[0], read[1:])


def _line(positions: Any) -> LineString:
    if not isinstance(positions, list):
        raise BadValueError("the line has no list of positions")
    read = [_in_the_world(_position(position)) for position in positions]
    if len(set(read)) < MIN_LINE:
        raise BadValueError("a line has fewer than two different positions")
    return LineString(read)


def _in_the_world(position: tuple[float, float]) -> tuple[float, float]:
    lon, lat = position
    if abs(lon) > MAX_LON or abs(lat) > MAX_LAT:
        raise BadValueError(f"the position [{lon:g}, {lat:g}] is outside the world")
    return position


def _position(position: Any) -> tuple[float, float]:
    # A third number is a height, which RFC 7946 allows and a street map ignores.
    if (
        not isinstance(position, list)
        or len(position) not in {2, 3}
        or not all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in position)
    ):
        raise BadValueError("a position is not two numbers, longitude and latitude")
    return float(position[0]), float(position[1])

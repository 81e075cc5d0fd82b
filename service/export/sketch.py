"""A route as a small picture for paper: its line over pale streets, its stops, and numbers where there is room."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Feature = dict[str, Any]
    Place = tuple[float, float]

WIDTH: Final = 1000.0
"""Units of the picture from left to right; it is scaled to the paper."""
FLATTEST: Final = 0.35
STEEPEST: Final = 0.5
MARGIN: Final = 0.05
NUMBER_ROOM: Final = 17.0
"""Units between the middles of two numbers that can be read beside one another."""
_FINE: Final = frozenset({"service", "track", "path", "footway", "pedestrian", "steps", "cycleway"})


class _View:
    """From longitude and latitude to units: a plane that is true near the middle of the stops."""

    def __init__(self, places: Sequence[Place]) -> None:
        west, east = min(lon for lon, _ in places), max(lon for lon, _ in places)
        south, north = min(lat for _, lat in places), max(lat for _, lat in places)
        self._squeeze = math.cos(math.radians((south + north) / 2))
        # A route of one stop is still shown with a few hundred metres around it.
        span_x = max((east - west) * self._squeeze, 0.004) * (1 + 2 * MARGIN)
        span_y = max(north - south, 0.002) * (1 + 2 * MARGIN)
        self.height = WIDTH * min(max(span_y / span_x, FLATTEST), STEEPEST)
        self._scale = min(WIDTH / span_x, self.height / span_y)
        self._middle = (west + east) / 2, (south + north) / 2

    def place(self, lon: float, lat: float) -> Place:
        x = WIDTH / 2 + (lon - self._middle[0]) * self._squeeze * self._scale
        y = self.height / 2 - (lat - self._middle[1]) * self._scale
        return x, y

    def line(self, coordinates: Iterable[Sequence[float]]) -> str:
        """Return a line as an SVG path, or nothing where it lies outside."""
        placed = [self.place(lon, lat) for lon, lat, *_ in coordinates]
        if all(x < 0 for x, _ in placed) or all(x > WIDTH for x, _ in placed):
            return ""
        if all(y < 0 for _, y in placed) or all(y > self.height for _, y in placed):
            return ""
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)


def route_sketch(route: Sequence[Feature], streets: Sequence[Feature]) -> str:
    """Return the text of an SVG file.

    Parameters
    ----------
    route
        The features of a driver's map: a LineString for each trip, a Point for each step.
    streets
        LineStrings with the class of the street as ``highway``.
    """
    points = [one for one in route if one["properties"]["kind"] != "trip"]
    stops: dict[int, Place] = {}
    for one in points:
        if one["properties"]["kind"] == "visit":
            stops.setdefault(one["properties"]["stop_number"], tuple(one["geometry"]["coordinates"][:2]))
    shown = list(stops.values()) or [tuple(one["geometry"]["coordinates"][:2]) for one in points]
    if not shown:
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} 1"/>'
    view = _View(shown)
    minor: list[str] = []
    major: list[str] = []
    for street in streets:
        kind = street["properties"].get("highway", "").removesuffix("_link")
        if kind not in _FINE:
            lines = minor if kind in ("residential", "unclassified", "living_street", "") else major
            lines.append(view.line(street["geometry"]["coordinates"]))
    trips = [view.line(one["geometry"]["coordinates"]) for one in route if one["properties"]["kind"] == "trip"]
    marks = [_yard(view, one) for one in points if one["properties"]["kind"] in ("depart", "unload")]
    box = f"0 0 {WIDTH:.0f} {view.height:.0f}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="Noto Sans Khmer" fill="none">',
            f'<rect width="{WIDTH:.0f}" height="{view.height:.0f}" fill="#f6f5f2"/>',
            f'<path d="{"".join(minor)}" stroke="#d8d4ca" stroke-width="2"/>',
            f'<path d="{"".join(major)}" stroke="#c6c0b2" stroke-width="4"/>',
            f'<path d="{"".join(trips)}" stroke="#1d6f42" stroke-width="3" stroke-linejoin="round" opacity="0.8"/>',
            *sorted(set(marks)),
            *_stops(view, stops),
            "</svg>",
        ]
    )


def _stops(view: _View, stops: dict[int, Place]) -> list[str]:
    """Draw every stop as a dot, and its number where no earlier one stands."""
    dots: list[str] = []
    numbers: list[str] = []
    taken: list[Place] = []
    for number, (lon, lat) in stops.items():
        x, y = view.place(lon, lat)
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1a2024"/>')
        if all(math.hypot(x - a, y - b) >= NUMBER_ROOM for a, b in taken):
            taken.append((x, y))
            numbers.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9.5" fill="#ffffff" stroke="#1a2024" stroke-width="1.5"/>'
                f'<text x="{x:.1f}" y="{y + 3.6:.1f}" font-size="10" font-weight="700" fill="#1a2024" '
                f'text-anchor="middle">{number}</text>'
            )
    return [*dots, *numbers]


def _yard(view: _View, step: Feature) -> str:
    """Draw the depot as a square, a disposal site as a triangle, each with its name; nothing where it lies outside."""
    x, y = view.place(*step["geometry"]["coordinates"][:2])
    if not (0 < x < WIDTH and 0 < y < view.height):
        return ""
    unload = step["properties"]["kind"] == "unload"
    shape = f"M{x:.1f} {y - 9:.1f}l9 16h-18z" if unload else f"M{x - 8:.1f} {y - 8:.1f}h16v16h-16z"
    before = x > WIDTH * 0.8  # its name would be cut off at the right
    name = escape(str(step["properties"]["id"]))
    return (
        f'<path d="{shape}" fill="#4a5560" stroke="#ffffff" stroke-width="1.5"/>'
        f'<text x="{x - 13 if before else x + 13:.1f}" y="{y + 5:.1f}" font-size="14" font-weight="700" '
        f'fill="#4a5560" stroke="none" text-anchor="{"end" if before else "start"}">{name}</text>'
    )

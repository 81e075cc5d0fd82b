"""A plan as one SVG picture: streets in grey, routes in colour, stops, depots, disposal sites, a legend.

The picture shows the part of the city where the stops are. What lies outside, most often the landfill, is pointed at
from the edge with its distance, and a small overview in a corner shows the whole way there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

import numpy as np
import shapely

from geodata.maps.path import route_path
from geodata.streets.geodesy import EARTH_RADIUS_M, haversine_m
from optimizer.problem.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from geodata.streets.roads import RoadNetwork
    from geodata.streets.snap import Places
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan, Route

    Lines = Sequence[NDArray[np.float64]]

# Paul Tol's "bright" and "vibrant" schemes (SRON/EPS/TN/09-002, 2021), told apart by colour-blind readers too;
# without the greys, which the streets have.
COLOURS: Final = (
    "#4477aa", "#ee6677", "#228833", "#ee7733", "#aa3377", "#0077bb", "#ccbb44", "#009988", "#cc3311", "#66ccee",
)  # fmt: skip
# Yards, field tracks and footpaths are too fine to be seen, and too many to be sent, when much of a region is shown.
FINE: Final = ("service", "track", "path", "footway", "pedestrian", "steps", "cycleway", "bridleway")
FINE_UP_TO_M: Final = 6_000
MAJOR: Final = ("motorway", "trunk", "primary", "secondary", "tertiary")

# Coordinates inside the map are whole tenths of a pixel: short to write, and finer than an eye can see.
UNITS_PER_PX: Final = 10
MARGIN: Final = 0.06
FLATTEST: Final = 0.5
STEEPEST: Final = 0.85
INSET_PX: Final = 120
LEGEND_ROW_PX: Final = 22
HEAD_PX: Final = 56
FOOT_PX: Final = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """From longitude and latitude to units of the picture: a plane that is true near the middle of the town."""

    west: float
    north: float
    units_per_degree: float
    squeeze: float
    width: float
    height: float

    @classmethod
    def around(cls, points: NDArray[np.float64], *, width_px: float, height_px: tuple[float, float]) -> _View:
        """Fit float64[n, 2] into the width; the height follows the shape of what is shown, within its bounds."""
        (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
        squeeze = float(np.cos(np.radians((south + north) / 2)))
        # A town of one stop is still shown with a few hundred metres around it.
        span_x = max((east - west) * squeeze, 0.004) * (1 + 2 * MARGIN)
        span_y = max(north - south, 0.002) * (1 + 2 * MARGIN)
        lowest, highest = height_px
        scale = width_px / span_x
        height = min(max(span_y * scale, lowest), highest)
        scale = min(scale, height / span_y)
        return cls(
            west=(west + east) / 2 - width_px / scale / squeeze / 2,
            north=(south + north) / 2 + height / scale / 2,
            units_per_degree=scale * UNITS_PER_PX,
            squeeze=squeeze,
            width=width_px * UNITS_PER_PX,
            height=height * UNITS_PER_PX,
        )

    @property
    def height_m(self) -> float:
        """How much of the ground is shown from top to bottom, in metres."""
        return float(np.radians(self.height / self.units_per_degree)) * EARTH_RADIUS_M

    def place(self, coords: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[k, 2] in units, x to the right and y down."""
        x = (coords[..., 0] - self.west) * self.squeeze * self.units_per_degree
        y = (self.north - coords[..., 1]) * self.units_per_degree
        return np.stack((x, y), axis=-1)

    def shows(self, placed: NDArray[np.float64]) -> bool:
        """Whether the box around some points touches the view."""
        (left, top), (right, bottom) = placed.min(axis=0), placed.max(axis=0)
        return bool(right >= 0 and bottom >= 0 and left <= self.width and top <= self.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """A route ready to be drawn."""

    route: Route
    colour: str
    lines: tuple[NDArray[np.float64], ...]
    stops: NDArray[np.float64]


def plan_picture(
    problem: Problem,
    plan: Plan,
    network: RoadNetwork,
    places: Places,
    *,
    title: str,
    attribution: str,
    width_px: int = 900,
) -> str:
    """Return a plan as the text of an SVG file.

    Parameters
    ----------
    places
        One for each index of the problem's travel matrix.
    title
        Its first line, such as the city's name and the date.
    attribution
        Whom the map's data comes from; it stands in the lower right corner.
    width_px
        Its width; the height follows.

    Raises
    ------
    ValueError
        If the plan has no visit anywhere, or the network has no path where a route drives.
    """
    drawn = [_drawn(problem, route, network, places, number) for number, route in enumerate(plan.routes)]
    unserved = _points(places, [problem.visit_by_id[left.visit].kerb[:1] for left in plan.unserved])
    points = np.concatenate([unserved, *(item.stops for item in drawn)])
    if not len(points):
        raise ValueError("There is nothing to draw: no visit of the plan stands on a street.")
    view = _View.around(points, width_px=width_px, height_px=(FLATTEST * width_px, STEEPEST * width_px))
    map_px = view.height / UNITS_PER_PX
    total_px = HEAD_PX + map_px + LEGEND_ROW_PX * (len(drawn) + 1) + FOOT_PX
    depots = [(depot.id, _at(places, depot.node)) for depot in problem.depots]
    used = {step.id for route in plan.routes for step in route.steps if step.kind is StepKind.UNLOAD}
    sites = [(site.id, _at(places, site.node)) for site in problem.disposal_sites if site.id in used]
    return "".join(
        (
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width_px} {total_px:.0f}" width="{width_px}" '
                f'height="{total_px:.0f}" font-family="system-ui, Noto Sans, Segoe UI, sans-serif" font-size="13">'
            ),
            f"<title>{escape(title)}</title>",
            '<rect width="100%" height="100%" fill="#fff"/>',
            _head(problem, plan, title),
            (
                f'<svg y="{HEAD_PX}" width="{width_px}" height="{map_px:.0f}" viewBox="0 0 {view.width:.0f} '
                f'{view.height:.0f}"><rect width="100%" height="100%" fill="#f6f7f8"/>'
            ),
            _streets(network, view),
            *(_route(item, view, number, len(drawn)) for number, item in enumerate(drawn)),
            *(_stops(item, view) for item in drawn),
            _crosses(unserved, view),
            *(_mark(view, name, position, "depot") for name, position in depots),
            *(_mark(view, name, position, "site") for name, position in sites),
            _overview(drawn, view, points, [position for _, position in (*depots, *sites)]),
            "</svg>",
            _legend(drawn, HEAD_PX + map_px, width_px),
            (
                f'<text x="{width_px - 8}" y="{total_px - 9:.0f}" text-anchor="end" font-size="11" fill="#68707a">'
                f"{escape(attribution)}</text></svg>"
            ),
        )
    )


def _drawn(problem: Problem, route: Route, network: RoadNetwork, places: Places, number: int) -> _Drawn:
    nodes = [(step.node,) for step in route.steps if step.kind is StepKind.VISIT]
    return _Drawn(
        route=route,
        colour=COLOURS[number % len(COLOURS)],
        lines=route_path(problem, route, network, places).trips,
        stops=_points(places, nodes),
    )


def _points(places: Places, nodes: Iterable[tuple[int, ...]]) -> NDArray[np.float64]:
    found = [_at(places, node) for some in nodes for node in some]
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def _at(places: Places, node: int) -> NDArray[np.float64]:
    return np.array([places.lon[node], places.lat[node]], dtype=np.float64)


def _head(problem: Problem, plan: Plan, title: str) -> str:
    figures = (
        f"{len(plan.routes)} routes · {plan.distance_m / 1_000:,.0f} km · {plan.duration_s / 3_600:,.1f} h · "
        f"{plan.collected_kg / 1_000:,.1f} t · {plan.cost.operating_micro / 1e6:,.0f} {problem.currency}"
    )
    if plan.unserved:
        figures += f" · {len(plan.unserved)} visit{'s' if len(plan.unserved) > 1 else ''} unserved"
    return (
        f'<text x="12" y="24" font-size="18" font-weight="600" fill="#1b1f24">{escape(title)}</text>'
        f'<text x="12" y="45" fill="#444b54">{escape(figures)}</text>'
    )


def _streets(network: RoadNetwork, view: _View) -> str:
    minor: list[str] = []
    major: list[str] = []
    for street in network.to_geojson_lines():
        if street.highway in FINE and view.height_m > FINE_UP_TO_M:
            continue
        placed = view.place(street.coords)
        if view.shows(placed):
            kind = major if street.highway.removesuffix("_link") in MAJOR else minor
            kind.append(_path(placed, tolerance=6))
    return (
        '<g fill="none" stroke-linecap="round" stroke-linejoin="round">'
        f'<path d="{"".join(minor)}" stroke="#dadfe4" stroke-width="14"/>'
        f'<path d="{"".join(major)}" stroke="#c3cad2" stroke-width="30"/></g>'
    )


def _route(item: _Drawn, view: _View, number: int, count: int) -> str:
    # Routes that share a street lie beside one another, not one upon the other.
    shift = (number - (count - 1) / 2) * 14
    path = "".join(_path(view.place(line), tolerance=4) for line in item.lines)
    return (
        f'<path d="{path}" fill="none" stroke="{item.colour}" stroke-width="24" stroke-linejoin="round" '
        f'stroke-opacity=".8" transform="translate({shift:.0f} {shift:.0f})"/>'
    )


def _stops(item: _Drawn, view: _View) -> str:
    placed = np.unique(np.round(view.place(item.stops)).astype(np.int64), axis=0)
    circles = "".join(f'<circle cx="{x}" cy="{y}" r="36"/>' for x, y in placed)
    return f'<g fill="{item.colour}" stroke="#fff" stroke-width="12">{circles}</g>'


def _crosses(points: NDArray[np.float64], view: _View) -> str:
    if not len(points):
        return ""
    placed = np.unique(np.round(view.place(points)).astype(np.int64), axis=0)
    path = "".join(f"M{x - 25} {y - 25}l50 50m0-50l-50 50" for x, y in placed)
    return f'<path d="{path}" stroke="#c0152f" stroke-width="14" fill="none"/>'


def _mark(view: _View, name: str, position: NDArray[np.float64], kind: str) -> str:
    """Draw a depot (square) or a disposal site (triangle); one outside the view is pointed at from its edge."""
    x, y = view.place(position)
    if not (0 <= x <= view.width and 0 <= y <= view.height):
        return _pointer(view, name, position)
    sign = "M-60-60h120v120h-120z" if kind == "depot" else "M0-80l75 130h-150z"
    end, text_x = ("end", -95) if x > view.width * 0.8 else ("start", 95)
    return (
        f'<g transform="translate({x:.0f} {y:.0f})"><path d="{sign}" fill="#1b1f24" stroke="#fff" stroke-width="14"/>'
        f"{_label(name, text_x, 45, end)}</g>"
    )


def _pointer(view: _View, name: str, position: NDArray[np.float64]) -> str:
    middle = np.array([view.width, view.height]) / 2
    way = view.place(position) - middle
    inset = 130
    reach = np.min((middle - inset) / np.maximum(np.abs(way), 1e-9))
    x, y = middle + way * min(reach, 1.0)
    angle = np.degrees(np.arctan2(way[1], way[0]))
    centre_lon = view.west + view.width / 2 / view.squeeze / view.units_per_degree
    centre_lat = view.north - view.height / 2 / view.units_per_degree
    far_m = float(haversine_m(np.array([centre_lon]), np.array([centre_lat]), position[:1], position[1:])[0])
    end, text_x = ("end", -110) if way[0] > 0 else ("start", 110)
    return (
        f'<g transform="translate({x:.0f} {y:.0f})"><path d="M-70-70l130 70l-130 70l30-70z" fill="#1b1f24" '
        f'stroke="#fff" stroke-width="14" transform="rotate({angle:.0f})"/>'
        f"{_label(f'{name}, {far_m / 1_000:.0f} km', text_x, 45, end)}</g>"
    )


def _label(text: str, x: float, y: float, anchor: str) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="130" font-weight="600" text-anchor="{anchor}" fill="#1b1f24" '
        f'stroke="#fff" stroke-width="40" stroke-linejoin="round" paint-order="stroke">{escape(text)}</text>'
    )


def _overview(
    drawn: Sequence[_Drawn], view: _View, points: NDArray[np.float64], ends: Sequence[NDArray[np.float64]]
) -> str:
    """Draw the whole way in the corner with the fewest stops, if there is more than the view shows."""
    if all(view.shows(view.place(end[None])) for end in ends):
        return ""
    everything = np.concatenate([points, np.array(ends), *(line for item in drawn for line in item.lines)])
    small = _View.around(everything, width_px=INSET_PX, height_px=(INSET_PX * 0.4, INSET_PX))
    placed = view.place(points)
    corners = [(left, top) for top in (True, False) for left in (True, False)]
    width, height = small.width + 200, small.height + 200

    def stops_in(corner: tuple[bool, bool]) -> int:
        inside_x = placed[:, 0] < width if corner[0] else placed[:, 0] > view.width - width
        inside_y = placed[:, 1] < height if corner[1] else placed[:, 1] > view.height - height
        return int((inside_x & inside_y).sum())

    left, top = min(corners, key=stops_in)
    x = 80 if left else view.width - small.width - 80
    y = 80 if top else view.height - small.height - 80
    routes = "".join(
        f'<path d="{"".join(_path(small.place(line), tolerance=6) for line in item.lines)}" stroke="{item.colour}"/>'
        for item in drawn
    )
    corner = small.place(np.array([[view.west, view.north]]))[0]
    zoom = small.units_per_degree / view.units_per_degree
    frame = (
        f'<rect x="{corner[0]:.0f}" y="{corner[1]:.0f}" width="{view.width * zoom:.0f}" '
        f'height="{view.height * zoom:.0f}" fill="none" stroke="#1b1f24" stroke-width="10"/>'
    )
    return (
        f'<svg x="{x:.0f}" y="{y:.0f}" width="{small.width:.0f}" height="{small.height:.0f}">'
        '<rect width="100%" height="100%" fill="#fff" fill-opacity=".92" stroke="#9aa3ad" stroke-width="16"/>'
        f'<g fill="none" stroke-width="14" stroke-linejoin="round">{routes}</g>{frame}</svg>'
    )


def _legend(drawn: Sequence[_Drawn], top_px: float, width_px: int) -> str:
    columns = (0.30, 0.42, 0.54, 0.68, 0.80, 0.94)
    heads = ("stops", "trips", "km", "hours", "tonnes", "back at")
    y = top_px + LEGEND_ROW_PX - 6
    rows = [_row(heads, columns, y, width_px, "#68707a"), f'<text x="40" y="{y:.0f}" fill="#68707a">vehicle</text>']
    twice = {item.route.vehicle for item in drawn if sum(i.route.vehicle == item.route.vehicle for i in drawn) > 1}
    for item in drawn:
        y += LEGEND_ROW_PX
        route = item.route
        name = f"{route.vehicle}, shift {route.shift}" if route.vehicle in twice else route.vehicle
        minutes = route.return_s // 60
        cells = (
            str(len(np.unique(item.stops, axis=0))),
            str(sum(step.kind is StepKind.UNLOAD for step in route.steps)),
            f"{route.distance_m / 1_000:,.1f}",
            f"{route.duration_s / 3_600:,.1f}",
            f"{_collected_kg(route) / 1_000:,.1f}",
            f"{minutes // 60:02d}:{minutes % 60:02d}",
        )
        rows.append(
            f'<rect x="12" y="{y - 11:.0f}" width="20" height="12" rx="3" fill="{item.colour}"/>'
            f'<text x="40" y="{y:.0f}" fill="#1b1f24">{escape(name)}</text>'
        )
        rows.append(_row(cells, columns, y, width_px, "#1b1f24"))
    return "".join(rows)


def _row(cells: Sequence[str], columns: Sequence[float], y: float, width_px: int, fill: str) -> str:
    return "".join(
        f'<text x="{column * width_px:.0f}" y="{y:.0f}" text-anchor="end" fill="{fill}">{escape(cell)}</text>'
        for cell, column in zip(cells, columns, strict=True)
    )


def _collected_kg(route: Route) -> int:
    return sum(
        before.load_kg
        for before, step in zip(route.steps, route.steps[1:], strict=False)
        if step.kind is StepKind.UNLOAD
    )


def _path(placed: NDArray[np.float64], *, tolerance: float) -> str:
    """Return an SVG path in whole units, thinned to within ``tolerance`` of them, relative after its first point."""
    thinned = shapely.get_coordinates(shapely.simplify(shapely.linestrings(placed), tolerance))
    whole = np.round(thinned).astype(np.int64)
    steps = np.diff(whole, axis=0)
    steps = steps[np.any(steps != 0, axis=1)]
    if not len(steps):
        return ""
    return f"M{whole[0][0]} {whole[0][1]}l" + "".join(
        (f"{dx}" if dx < 0 or not number else f" {dx}") + (f"{dy}" if dy < 0 else f" {dy}")
        for number, (dx, dy) in enumerate(steps.tolist())
    )

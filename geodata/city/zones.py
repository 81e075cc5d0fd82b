"""Door-to-door collection: the waste of a zone that no container holds, as stops along its streets.

Until streets themselves are served as arcs, the bags in front of the doors of a stretch of street are carried as one
made-up container in the middle of that stretch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geodata.city.geometry import METRES_PER_DEGREE
from geodata.city.records import Container
from geodata.streets.rules import ACCESS_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from geodata.city.dataset import CityDataset
    from geodata.city.records import Zone
    from geodata.streets.roads import RoadNetwork

MAX_STOP_KG = 150.0
"""About 250 people's waste of a day: what two loaders throw in while the truck creeps along one block."""

SERVICE_S_PER_KG = 1.2
"""Our own working figure: two loaders lift a bag of 5 kg about every 6 seconds."""

MIN_PIECE_M = 10.0
"""Shorter pieces of street are corners, not frontages."""

_HOUSES = frozenset({"residential", "living_street", "unclassified", "tertiary", "road"})
_CELLS = 1 << 16


def door_to_door(
    zone: Zone,
    network: RoadNetwork,
    held_kg_per_day: float,
    *,
    density_kg_per_l: float,
    max_stop_kg: float = MAX_STOP_KG,
    service_s_per_kg: float = SERVICE_S_PER_KG,
) -> tuple[Container, ...]:
    """Turn what a zone's containers do not hold into stops along its streets.

    The streets inside the polygon are laid end to end in a spatial order and cut into stretches of equal length, as
    many as keep each within ``max_stop_kg``; each stretch has one stop, in its middle.

    Parameters
    ----------
    zone
        The zone, with its waste per day and its collection days.
    network
        The streets, built for the city's fleet.
    held_kg_per_day
        What containers in the zone receive on a typical day, kg.
    density_kg_per_l
        Loose density of the zone's stream.
    max_stop_kg
        Largest amount at one stop on a collection day.
    service_s_per_kg
        Loading time.

    Returns
    -------
    tuple of Container
        With ids ``zone:<id>:<n>``; full on the collection day; empty when nothing is left over, or when the zone holds
        no street that a vehicle may use. The same arguments give the same stops.

    Raises
    ------
    ValueError
        The density or the largest amount is not above 0.
    """
    if density_kg_per_l <= 0 or max_stop_kg <= 0:
        raise ValueError(
            f"Zone {zone.id!r} needs a density and a largest amount above 0, but got {density_kg_per_l} kg/l and "
            f"{max_stop_kg} kg."
        )
    days = 7 / len(zone.schedule) if zone.schedule else 1.0
    left_kg_per_day = zone.kg_per_day - held_kg_per_day
    if left_kg_per_day <= 0:
        return ()
    segments, lines, lengths_m = _frontages(zone, network)
    if segments.size == 0:
        return ()
    left_kg = left_kg_per_day * days
    count = math.ceil(left_kg / max_stop_kg)
    ends_m = np.cumsum(lengths_m)
    at_m = (np.arange(count) + 0.5) * (float(ends_m[-1]) / count)
    pieces = np.searchsorted(ends_m, at_m).clip(0, segments.size - 1)
    shares = 1 - (ends_m[pieces] - at_m) / lengths_m[pieces]
    points = shapely.line_interpolate_point(lines[pieces], shares, normalized=True)
    litres = left_kg / count / density_kg_per_l
    return tuple(
        Container(
            id=f"zone:{zone.id}:{number}",
            lon=round(float(shapely.get_x(point)), 7),
            lat=round(float(shapely.get_y(point)), 7),
            volume_l=max(1, math.floor(litres)),
            stream=zone.stream,
            fill=1.0,
            schedule=zone.schedule,
            fill_rate_l_per_day=litres / days,
            service_s=math.ceil(left_kg / count * service_s_per_kg),
            windows=(),
            access_class=_largest_class(network, int(segment)),
            sensor_id=None,
            stop_id=None,
            street=network.street_name(int(segment)) or None,
            prize=None,
            locked_vehicle=None,
        )
        for number, (point, segment) in enumerate(zip(points, segments[pieces], strict=True), start=1)
    )


def zone_containers(city: CityDataset, network: RoadNetwork) -> tuple[Container, ...]:
    """Return the door-to-door stops of all zones of a city; a container counts for the first zone that it stands in."""
    held = held_kg_per_day(city)
    return tuple(
        stop
        for zone in city.zones
        for stop in door_to_door(zone, network, held[zone.id], density_kg_per_l=city.density_kg_per_l(zone.stream))
    )


def held_kg_per_day(city: CityDataset) -> dict[str, float]:
    """Return what the containers of each zone receive on a typical day, in kg, by zone id.

    A container without a fill rate is taken to be filled, to its stated or the default level, once for each day of its
    schedule, or once a day when it has none.
    """
    held = {zone.id: 0.0 for zone in city.zones}
    if not city.containers or not city.zones:
        return held
    points = shapely.points([(container.lon, container.lat) for container in city.containers])
    free = np.ones(len(points), dtype=np.bool_)
    for zone in city.zones:
        inside = free & shapely.intersects(zone.polygon, points)
        free &= ~inside
        held[zone.id] = sum(
            _litres_per_day(city.containers[index], city.default_fill)
            * city.density_kg_per_l(city.containers[index].stream)
            for index in np.flatnonzero(inside)
        )
    return held


def _litres_per_day(container: Container, default_fill: float) -> float:
    if container.fill_rate_l_per_day is not None:
        return container.fill_rate_l_per_day
    level = default_fill if container.fill is None else container.fill
    days = 7 if container.schedule is None else len(container.schedule)
    return container.volume_l * level * days / 7


def _frontages(zone: Zone, network: RoadNetwork) -> tuple[NDArray[np.intp], NDArray[np.object_], NDArray[np.float64]]:
    """Return segment, line and length in metres of each piece of a lived-in street in the zone, near ones together."""
    once = network.single()
    twin = network.reverse[once]
    drivable = network.usable[:, once].any(axis=0) | ((twin >= 0) & network.usable[:, twin].any(axis=0))
    houses = np.array([network.way_highway[way] in _HOUSES for way in network.way[once]], dtype=np.bool_)
    # A quarter along a trunk road alone is still lived in.
    for chosen in (once[drivable & houses], once[drivable]):
        found = _inside(zone, network, chosen)
        if found[0].size:
            return found
    return found


def _inside(
    zone: Zone, network: RoadNetwork, segments: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.object_], NDArray[np.float64]]:
    of: list[int] = []
    lines: list[shapely.LineString] = []
    for segment, line in _meeting(zone, network, segments):
        cut = line if shapely.covers(zone.polygon, line) else shapely.intersection(zone.polygon, line)
        for part in shapely.get_parts(cut):
            if part.geom_type == "LineString" and _length_m(part) >= MIN_PIECE_M:
                of.append(int(segment))
                lines.append(part)
    lengths = np.array([_length_m(line) for line in lines], dtype=np.float64)
    west, south, east, north = zone.polygon.bounds
    middles = [shapely.line_interpolate_point(line, 0.5, normalized=True) for line in lines]
    keys = [_interleave(_cell(point.x, west, east), _cell(point.y, south, north)) for point in middles]
    order = sorted(range(len(lines)), key=lambda index: (keys[index], of[index]))
    ordered = np.empty(len(lines), dtype=np.object_)
    ordered[:] = [lines[index] for index in order]
    return np.array([of[index] for index in order], dtype=np.intp), ordered, lengths[order]


def _meeting(zone: Zone, network: RoadNetwork, segments: NDArray[np.intp]) -> Iterator[tuple[int, shapely.LineString]]:
    """Yield the segments that meet the zone, in order, with their lines."""
    if not segments.size:
        return
    shapely.prepare(zone.polygon)
    shapes = [network.shape(int(segment)) for segment in segments]
    points = np.concatenate(shapes)
    every = shapely.linestrings(
        np.column_stack((network.shape_lon[points], network.shape_lat[points])),
        indices=np.repeat(np.arange(len(shapes)), [shape.size for shape in shapes]),
    )
    for at in np.flatnonzero(shapely.intersects(zone.polygon, every)).tolist():
        yield int(segments[at]), every[at]


def _length_m(line: shapely.LineString) -> float:
    coords = shapely.get_coordinates(line)
    scale = math.cos(math.radians(float(coords[0, 1])))
    steps = np.diff(coords, axis=0) * METRES_PER_DEGREE
    return float(np.hypot(steps[:, 0] * scale, steps[:, 1]).sum())


def _cell(value: float, low: float, high: float) -> int:
    share = (value - low) / (high - low) if high > low else 0.0
    return min(_CELLS - 1, max(0, int(share * _CELLS)))


def _interleave(x: int, y: int) -> int:
    """Return the place of a cell on the Z-order curve (Morton, 1966), which keeps near cells near each other."""
    key = 0
    for bit in range(16):
        key |= (x >> bit & 1) << 2 * bit | (y >> bit & 1) << 2 * bit + 1
    return key


def _largest_class(network: RoadNetwork, segment: int) -> str | None:
    """Return the largest class that may drive there; None when every profile may."""
    twin = int(network.reverse[segment])
    usable = network.usable[:, segment] | (network.usable[:, twin] if twin >= 0 else False)
    if usable.all():
        return None
    allowed = [profile.access_class for profile, free in zip(network.profiles, usable, strict=True) if free]
    return min(allowed, key=ACCESS_CLASSES.index)

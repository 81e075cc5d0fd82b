"""Maps as GeoJSON (RFC 7946) for phones, pages and other programs.

Positions are longitude, latitude in degrees with at most 7 decimals (about a centimetre); every function returns the
bytes of a FeatureCollection, UTF-8, media type ``application/geo+json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import shapely

from geodata.maps.words import LANGUAGES, sentence, turn_text
from geodata.streets.instructions import instructions
from optimizer.problem.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from geodata.city.dataset import Container, DepotRecord, DisposalSiteRecord, Zone
    from geodata.maps.path import DrivenLeg, Position
    from geodata.streets.roads import RoadNetwork
    from geodata.streets.snap import Places
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan, Route, Trip, Unserved

    Clock = Callable[[int], str]
    Feature = dict[str, Any]

MEDIA_TYPE: Final = "application/geo+json"
DECIMALS: Final = 7


def route_geojson(
    problem: Problem,
    route: Route,
    network: RoadNetwork,
    places: Places,
    *,
    clock: Clock,
    container_positions: Mapping[str, Position] | None = None,
    why: Mapping[str, str] | None = None,
) -> bytes:
    """Return one route for its driver: a LineString for each trip, then a Point for each step with its way, in order.

    Parameters
    ----------
    places
        One for each index of the problem's travel matrix.
    clock
        Turns seconds of the service day into ISO 8601 with the city's offset.
    container_positions
        lon and lat of containers by id; those of a visit then stand in its Point, beside their ids.
    why
        By container, why it is visited today; stands beside its id.

    Raises
    ------
    ValueError
        If the network has no path where the route drives.
    """
    positions = container_positions or {}
    return collection(
        route_features(problem, route, network, places, clock=clock, container_positions=positions, why=why)
    )


def plan_geojson(
    problem: Problem,
    plan: Plan,
    network: RoadNetwork,
    places: Places,
    *,
    clock: Clock,
    container_positions: Mapping[str, Position] | None = None,
    why: Mapping[str, str] | None = None,
) -> bytes:
    """Return all routes of a plan as ``route_geojson`` does, without the ways, and each visit that stays unserved.

    An unserved visit that no street reaches stands where its first container stands; without
    ``container_positions`` its geometry is null.
    """
    positions = container_positions or {}
    features: list[Feature] = []
    for route in plan.routes:
        found = route_features(problem, route, network, places, clock=clock, container_positions=positions, why=why)
        features += without_ways(found)
    return collection(features + unserved_features(problem, plan, places, container_positions=positions))


def containers_geojson(containers: Iterable[Container]) -> bytes:
    """Return containers as Points."""
    return collection(
        {
            "type": "Feature",
            "id": container.id,
            "geometry": point((container.lon, container.lat)),
            "properties": {
                "kind": "container",
                "id": container.id,
                "stop": container.stop_id,
                "stream": container.stream,
                "volume_l": container.volume_l,
                "fill": container.fill,
                "fill_rate_l_per_day": container.fill_rate_l_per_day,
                "schedule": None if container.schedule is None else sorted(container.schedule),
                "service_s": container.service_s,
                "windows_s": [list(window) for window in container.windows],
                "access_class": container.access_class,
                "sensor": container.sensor_id,
                "street": container.street,
                "prize": container.prize,
                "vehicle": container.locked_vehicle,
            },
        }
        for container in containers
    )


def depots_geojson(depots: Iterable[DepotRecord]) -> bytes:
    """Return depots as Points."""
    return collection(
        {
            "type": "Feature",
            "id": depot.id,
            "geometry": point((depot.lon, depot.lat)),
            "properties": {"kind": "depot", "id": depot.id},
        }
        for depot in depots
    )


def disposal_sites_geojson(sites: Iterable[DisposalSiteRecord]) -> bytes:
    """Return disposal sites as Points."""
    return collection(
        {
            "type": "Feature",
            "id": site.id,
            "geometry": point((site.lon, site.lat)),
            "properties": {
                "kind": "disposal_site",
                "id": site.id,
                "windows_s": [list(window) for window in site.windows],
                "unloading_s": site.unloading_s,
                "streams": sorted(site.streams),
                "gate_fee_per_t": site.gate_fee_per_t,
            },
        }
        for site in sites
    )


def zones_geojson(zones: Iterable[Zone]) -> bytes:
    """Return zones as Polygons and MultiPolygons, outer rings anticlockwise as RFC 7946 wants them."""
    return collection(
        {
            "type": "Feature",
            "id": zone.id,
            "geometry": _polygons(zone),
            "properties": {
                "kind": "zone",
                "id": zone.id,
                "name": zone.name,
                "people": zone.people,
                "kg_per_person_day": zone.kg_per_person_day,
                "contractor": zone.contractor,
                "stream": zone.stream,
                "schedule": None if zone.schedule is None else sorted(zone.schedule),
            },
        }
        for zone in zones
    )


def streets_geojson(network: RoadNetwork) -> bytes:
    """Return the streets, each piece once, thinned for drawing, with class and name."""
    return collection(
        {
            "type": "Feature",
            "geometry": line(street.coords),
            "properties": {"kind": "street", "highway": street.highway, "name": street.name or None},
        }
        for street in network.to_geojson_lines()
    )


def collection(features: Iterable[Feature]) -> bytes:
    """Return the bytes of a FeatureCollection."""
    return orjson.dumps({"type": "FeatureCollection", "features": list(features)}, option=orjson.OPT_SERIALIZE_NUMPY)


def point(position: Position) -> dict[str, Any]:
    """Return a Point."""
    return {"type": "Point", "coordinates": [round(float(number), DECIMALS) for number in position]}


def line(coords: NDArray[np.float64]) -> dict[str, Any]:
    """Return a LineString of float64[k, 2], lon and lat."""
    return {"type": "LineString", "coordinates": np.round(coords, DECIMALS).tolist()}


def _polygons(zone: Zone) -> dict[str, Any]:
    oriented = shapely.orient_polygons(zone.polygon)
    parts = oriented.geoms if oriented.geom_type == "MultiPolygon" else [oriented]
    rings = [
        [np.round(shapely.get_coordinates(ring), DECIMALS).tolist() for ring in (part.exterior, *part.interiors)]
        for part in parts
    ]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def route_features(
    problem: Problem,
    route: Route,
    network: RoadNetwork,
    places: Places,
    *,
    clock: Clock,
    container_positions: Mapping[str, Position],
    why: Mapping[str, str] | None = None,
) -> list[Feature]:
    """Return the features of ``route_geojson``, for those who put several routes into one collection."""
    from geodata.maps.path import route_path  # noqa: PLC0415 - compiled code, which a server starts without

    path = route_path(problem, route, network, places)
    trips = route.trips
    lines: list[Feature] = []
    left_s = route.departure_s
    for trip, coords in zip(trips, path.trips, strict=True):
        lines.append(_trip_feature(problem, route, trip, len(lines) + 1, coords, left_s, clock))
        left_s = trip.steps[-1].departure_s
    points: list[Feature] = []
    stop_number, stop = 0, None
    load_before_kg = 0
    trip_numbers = [number for number, trip in enumerate(trips, start=1) for _ in trip.steps]
    for number, (step, position) in enumerate(zip(route.steps, path.positions, strict=True)):
        properties: dict[str, Any] = {
            "kind": step.kind.value,
            "id": step.id,
            "vehicle": route.vehicle,
            "shift": route.shift,
            "trip": trip_numbers[number],
            "step": number,
            "arrival": clock(step.arrival_s),
            "arrival_s": step.arrival_s,
            "start": clock(step.start_s),
            "start_s": step.start_s,
            "departure": clock(step.departure_s),
            "departure_s": step.departure_s,
            "load_kg": step.load_kg,
            "load_l": step.load_l,
            "leg_distance_m": step.leg_distance_m,
            "leg_duration_s": step.leg_duration_s,
        }
        if step.kind is StepKind.VISIT:
            visit = problem.visit_by_id[step.id]
            # Visits in a row at one stop are one halt for the crew.
            stop_number += visit.stop != stop
            stop = visit.stop
            properties |= {
                "stop": visit.stop,
                "stop_number": stop_number,
                "stream": visit.stream,
                "demand_kg": visit.demand_kg,
                "demand_l": visit.demand_l,
                "containers": [_container(name, container_positions, why) for name in visit.containers],
            }
        elif step.kind is not StepKind.BREAK:
            stop = None
        under_way = step.kind is StepKind.DEPART and problem.shift_by_id[route.shift].out
        if under_way:
            properties["under_way"] = True
        properties["instruction"] = sentence(properties, LANGUAGES[0], unloaded_kg=load_before_kg, under_way=under_way)
        driven = path.legs[number]
        if driven is not None:
            properties["way"] = _way(network, places, driven)
        load_before_kg = step.load_kg
        points.append(
            {
                "type": "Feature",
                "id": f"{route.shift}/{number}",
                "geometry": point(position),
                "properties": properties,
            }
        )
    return lines + points


def without_ways(features: Iterable[Feature]) -> list[Feature]:
    """Return features of routes without the ways to drive, for those who look at all routes and drive none."""
    return [
        feature | {"properties": {name: value for name, value in feature["properties"].items() if name != "way"}}
        for feature in features
    ]


def unserved_features(
    problem: Problem, plan: Plan, places: Places, *, container_positions: Mapping[str, Position]
) -> list[Feature]:
    """Return a feature for each visit that a plan leaves out."""
    return [_unserved_feature(problem, unserved, places, container_positions) for unserved in plan.unserved]


def _trip_feature(
    problem: Problem, route: Route, trip: Trip, number: int, coords: NDArray[np.float64], left_s: int, clock: Clock
) -> Feature:
    steps = trip.steps
    visits = [problem.visit_by_id[step.id] for step in steps if step.kind is StepKind.VISIT]
    return {
        "type": "Feature",
        "id": f"{route.shift}/trip/{number}",
        "geometry": line(coords),
        "properties": {
            "kind": "trip",
            "vehicle": route.vehicle,
            "shift": route.shift,
            "trip": number,
            "start": clock(left_s),
            "start_s": left_s,
            "end": clock(steps[-1].departure_s),
            "end_s": steps[-1].departure_s,
            "distance_m": sum(step.leg_distance_m for step in steps),
            "visits": len(visits),
            "collected_kg": sum(visit.demand_kg for visit in visits),
            "streams": sorted({visit.stream for visit in visits}),
            "disposal_site": next((step.id for step in steps if step.kind is StepKind.UNLOAD), None),
        },
    }


def _way(network: RoadNetwork, places: Places, driven: DrivenLeg) -> list[dict[str, Any]]:
    """Say how to drive a leg, turn by turn."""
    turns = [
        {
            "maneuver": one.maneuver,
            "street": one.street,
            "distance_m": one.distance_m,
            "bearing_deg": one.bearing_deg,
            "lon": round(one.lon, DECIMALS),
            "lat": round(one.lat, DECIMALS),
        }
        for one in instructions(network, places, driven.start, driven.end, driven.leg)
    ]
    return [turn | {"text": turn_text(turn, LANGUAGES[0])} for turn in turns]


def _container(name: str, positions: Mapping[str, Position], why: Mapping[str, str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"id": name}
    position = positions.get(name)
    if position is not None:
        found |= {"lon": round(float(position[0]), DECIMALS), "lat": round(float(position[1]), DECIMALS)}
    if why is not None and name in why:
        found["why"] = why[name]
    return found


def _unserved_feature(
    problem: Problem, unserved: Unserved, places: Places, containers: Mapping[str, Position]
) -> Feature:
    visit = problem.visit_by_id[unserved.visit]
    position = next((containers[name] for name in visit.containers if name in containers), None)
    if visit.kerb:
        position = float(places.lon[visit.kerb[0]]), float(places.lat[visit.kerb[0]])
    return {
        "type": "Feature",
        "id": f"unserved/{visit.id}",
        "geometry": None if position is None else point(position),
        "properties": {
            "kind": "unserved",
            "id": visit.id,
            "stop": visit.stop,
            "stream": visit.stream,
            "demand_kg": visit.demand_kg,
            "demand_l": visit.demand_l,
            "containers": [_container(name, containers) for name in visit.containers],
            "reason": unserved.reason.value,
            "detail": unserved.detail,
        },
    }

"""Routes, plans and a city's parts as GeoJSON."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely

from geodata.maps.geojson import (
    containers_geojson,
    depots_geojson,
    disposal_sites_geojson,
    plan_geojson,
    route_geojson,
    streets_geojson,
    zones_geojson,
)
from geodata.maps.path import point_at, route_path
from geodata.streets.geodesy import haversine_m
from geodata.streets.legs import leg
from optimizer.problem.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan
    from scenarios.day import Day

    Planned = tuple[Problem, Plan]

METRES_A_DEGREE = 111_195.0


def clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


@pytest.fixture(scope="module")
def drawn(day: Day, planned: Planned) -> list[dict[str, Any]]:
    problem, plan = planned
    features: list[dict[str, Any]] = json.loads(
        route_geojson(problem, plan.routes[0], day.network, day.places, clock=clock)
    )["features"]
    return features


def positions(geometry: dict[str, Any]) -> Iterator[list[float]]:
    found = shapely.get_coordinates(shapely.from_geojson(json.dumps(geometry)))
    yield from found.tolist()


def length_m(coordinates: list[list[float]]) -> float:
    lon, lat = np.array(coordinates).T
    return float(haversine_m(lon[:-1], lat[:-1], lon[1:], lat[1:]).sum())


def test_route_has_a_line_for_each_trip_then_a_point_for_each_step(
    drawn: list[dict[str, Any]], planned: Planned
) -> None:
    """A route is its trips' LineStrings followed by one Point for each step, in the order of the day."""
    route = planned[1].routes[0]
    kinds = [feature["properties"]["kind"] for feature in drawn]
    assert kinds == ["trip", "trip", *(step.kind.value for step in route.steps)]
    assert [feature["geometry"]["type"] for feature in drawn] == ["LineString"] * 2 + ["Point"] * len(route.steps)
    assert [feature["properties"]["step"] for feature in drawn[2:]] == list(range(len(route.steps)))


def test_trip_is_as_long_as_planned(drawn: list[dict[str, Any]], planned: Planned) -> None:
    """The length of a trip's line equals the distance that the plan counts, within 0.1 % and half a metre a leg."""
    for feature, trip in zip(drawn[:2], planned[1].routes[0].trips, strict=True):
        planned_m = sum(step.leg_distance_m for step in trip.steps)
        assert feature["properties"]["distance_m"] == planned_m
        assert length_m(feature["geometry"]["coordinates"]) == pytest.approx(
            planned_m, rel=1e-3, abs=0.5 * len(trip.steps)
        )


def test_every_vertex_lies_on_a_usable_street(day: Day, drawn: list[dict[str, Any]], planned: Planned) -> None:
    """Each vertex of a trip lies within a metre of a street that the vehicle may use."""
    problem, plan = planned
    network = day.network
    profile = network.profile_index(problem.vehicle_by_id[plan.routes[0].vehicle].profile)
    lines = [shapely.linestrings(network.coords(int(s))) for s in np.flatnonzero(network.usable[profile])]
    tree = shapely.STRtree(lines)
    for feature in drawn[:2]:
        points = shapely.points(feature["geometry"]["coordinates"])
        _, distance = tree.query_nearest(points, return_distance=True, all_matches=False)
        assert distance.max() * METRES_A_DEGREE < 1.0


def test_trips_join(day: Day, drawn: list[dict[str, Any]], planned: Planned) -> None:
    """The first trip begins at the depot, each other one where the last ended, and the last one ends at the depot."""
    problem, plan = planned
    vehicle = problem.vehicle_by_id[plan.routes[0].vehicle]
    node = problem.depot_by_id[vehicle.depot].node
    depot = [round(float(day.places.lon[node]), 7), round(float(day.places.lat[node]), 7)]
    first, second = (feature["geometry"]["coordinates"] for feature in drawn[:2])
    assert first[0] == depot
    assert second[0] == first[-1]
    assert second[-1] == depot


def test_break_stands_where_the_truck_is_by_then(day: Day, planned: Planned) -> None:
    """A break inside a drive lies on the segment that the truck is on when the time before the break has passed."""
    problem, plan = planned
    route = plan.routes[0]
    number = next(n for n, step in enumerate(route.steps) if step.kind is StepKind.BREAK)
    before, rest, after = route.steps[number - 1 : number + 2]
    assert before.kind is StepKind.VISIT
    assert after.kind is StepKind.UNLOAD
    assert before.departure_s < rest.arrival_s < after.arrival_s
    network, places = day.network, day.places
    profile_name = problem.vehicle_by_id[route.vehicle].profile
    profile = network.profile_index(profile_name)
    way = leg(network, profile_name, places, before.node, after.node)
    assert way is not None
    left_ms = (rest.arrival_s - before.departure_s) * 1000.0
    segments = [int(segment) for segment in way.segments]
    on_first = 1 - places.along_mm[before.node] / network.length_mm[segments[0]]
    took = [network.travel_ms[profile][segment] for segment in segments]
    took[0] = took[0] * on_first
    near = [segments[i] for i in range(len(segments)) if sum(took[:i]) - 1500 <= left_ms <= sum(took[: i + 1]) + 1500]
    position = shapely.Point(route_path(problem, route, network, places).positions[number])
    away_m = min(shapely.distance(position, shapely.linestrings(network.coords(s))) for s in near) * METRES_A_DEGREE
    assert away_m < 1.0


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_leg_ends_are_the_places(day: Day, planned: Planned, share: float) -> None:
    """When none of a leg's time has passed the truck is at its beginning, when all has, at its end."""
    problem, plan = planned
    profile = problem.vehicle_by_id[plan.routes[0].vehicle].profile
    start, end = plan.routes[0].steps[0].node, plan.routes[0].steps[1].node
    way = leg(day.network, profile, day.places, start, end)
    assert way is not None
    found = point_at(day.network, day.network.profile_index(profile), day.places, start, end, way, share)
    place = end if share else start
    assert found == pytest.approx((day.places.lon[place], day.places.lat[place]), abs=1e-7)


def test_steps_say_what_to_do(drawn: list[dict[str, Any]], planned: Planned) -> None:
    """A visit's Point names its containers, stop and load, an unloading's the load it leaves, all with their times."""
    problem, plan = planned
    for feature, step in zip(drawn[2:], plan.routes[0].steps, strict=True):
        properties = feature["properties"]
        assert properties["arrival"] == clock(step.arrival_s)
        assert (properties["arrival_s"], properties["departure_s"]) == (step.arrival_s, step.departure_s)
        assert (properties["load_kg"], properties["load_l"]) == (step.load_kg, step.load_l)
        assert properties["instruction"].endswith(".")
        if step.kind is StepKind.VISIT:
            visit = problem.visit_by_id[step.id]
            assert [container["id"] for container in properties["containers"]] == list(visit.containers)
            assert properties["stop"] == visit.stop
        if step.kind is StepKind.UNLOAD:
            assert properties["load_kg"] == 0
            assert step.id in properties["instruction"]


def test_plan_holds_every_route_and_every_unserved_visit(day: Day, planned: Planned) -> None:
    """A plan's collection has each route's features once and one feature for each unserved visit, with its reason."""
    problem, plan = planned
    at = {container.id: (container.lon, container.lat) for container in day.city.containers}
    features = json.loads(plan_geojson(problem, plan, day.network, day.places, clock=clock, container_positions=at))[
        "features"
    ]
    trips = [f["properties"]["shift"] for f in features if f["properties"]["kind"] == "trip"]
    assert trips == [route.shift for route in plan.routes for _ in route.trips]
    left = {f["properties"]["id"]: f["properties"]["reason"] for f in features if f["properties"]["kind"] == "unserved"}
    assert left == {unserved.visit: unserved.reason.value for unserved in plan.unserved}
    assert len({feature["id"] for feature in features}) == len(features)
    emptied = [c for f in features if f["properties"]["kind"] == "visit" for c in f["properties"]["containers"]]
    assert all((c["lon"], c["lat"]) == pytest.approx(at[c["id"]], abs=1e-7) for c in emptied if c["id"] in at)


def test_positions_are_longitude_latitude_with_seven_decimals(day: Day, planned: Planned) -> None:
    """No position of any map has more than seven decimals, or leaves the city's surroundings by a swap."""
    problem, plan = planned
    city = day.city
    west, south, east, north = day.network.bounds
    for data in (
        plan_geojson(problem, plan, day.network, day.places, clock=clock),
        containers_geojson(city.containers),
        depots_geojson(city.depots),
        disposal_sites_geojson(city.disposal_sites),
        zones_geojson(city.zones),
        streets_geojson(day.network),
    ):
        collection = json.loads(data)
        assert collection["type"] == "FeatureCollection"
        assert collection["features"]
        assert "crs" not in collection
        for feature in collection["features"]:
            for lon, lat in positions(feature["geometry"]):
                assert (round(lon, 7), round(lat, 7)) == (lon, lat)
                assert west - 0.05 <= lon <= east + 0.05
                assert south - 0.05 <= lat <= north + 0.05


def test_zone_rings_turn_as_rfc_7946_wants(day: Day) -> None:
    """Outer rings run anticlockwise, whichever way the city's file drew them."""
    turned = [
        type(day.city.zones[0])(**_fields(zone, polygon=shapely.reverse(zone.polygon))) for zone in day.city.zones
    ]
    for data in (zones_geojson(day.city.zones), zones_geojson(turned)):
        for feature in json.loads(data)["features"]:
            polygon = shapely.from_geojson(json.dumps(feature["geometry"]))
            for part in shapely.get_parts(polygon):
                assert shapely.is_ccw(shapely.get_exterior_ring(part))


def _fields(zone: Any, **changed: Any) -> dict[str, Any]:
    return {name: getattr(zone, name) for name in zone.__dataclass_fields__} | changed


def test_plan_of_other_streets_is_refused(day: Day, planned: Planned) -> None:
    """A route that drives where this network has no path is refused with a sentence, not drawn wrongly."""
    problem, plan = planned
    nowhere = day.places.take(np.arange(len(day.places)))
    nowhere.segment[:] = -1
    with pytest.raises(ValueError, match="has no path in this network"):
        route_geojson(problem, plan.routes[0], day.network, nowhere, clock=clock)


def test_unserved_visit_that_no_street_reaches_stands_at_its_containers(day: Day, planned: Planned) -> None:
    """An unserved visit off every street stands at its first container, and nowhere when that is unknown."""
    problem, plan = planned
    lost = problem.visit_by_id[plan.unserved[0].visit]
    visits = tuple(dataclasses.replace(v, kerb=()) if v.id == lost.id else v for v in problem.visits)
    cut_off = dataclasses.replace(problem, visits=visits)

    def geometry(positions: dict[str, tuple[float, float]]) -> Any:
        data = plan_geojson(cut_off, plan, day.network, day.places, clock=clock, container_positions=positions)
        return next(f["geometry"] for f in json.loads(data)["features"] if f["id"] == f"unserved/{lost.id}")

    assert geometry({lost.containers[0]: (103.5, 13.25)}) == {"type": "Point", "coordinates": [103.5, 13.25]}
    assert geometry({}) is None


def test_door_to_door_is_no_container(day: Day, planned: Planned) -> None:
    """What is collected door to door is said to be collected along the street, not to be emptied from a container."""
    problem, plan = planned
    route = plan.routes[0]
    served = {step.id for step in route.steps if step.kind is StepKind.VISIT}
    visits = tuple(dataclasses.replace(v, containers=("zone:Z1:1",)) if v.id in served else v for v in problem.visits)
    data = route_geojson(dataclasses.replace(problem, visits=visits), route, day.network, day.places, clock=clock)
    said = [f["properties"]["instruction"] for f in json.loads(data)["features"] if f["properties"]["kind"] == "visit"]
    assert said
    assert all("along the street" in text and "container" not in text for text in said)

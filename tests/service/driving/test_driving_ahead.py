"""Which street a truck means that cannot pass."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from driving_day import MONDAY, Driven, at, done
from sqlmodel import Session

from scenarios.day import roads_of
from service.driving.ahead import AHEAD_M, street_ahead
from service.driving.streets import stated_overlays, with_overlays

EAST_M = 111_195.0  # of a degree at the equator


def step(name: str, x_m: float, y_m: float) -> dict[str, Any]:
    return {
        "properties": {"kind": "visit", "id": name, "trip": 1},
        "geometry": {"coordinates": [x_m / EAST_M, y_m / EAST_M]},
    }


def route(*corners: tuple[float, float], steps: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    coordinates = [[x / EAST_M, y / EAST_M] for x, y in corners]
    return [{"properties": {"kind": "trip"}, "geometry": {"coordinates": coordinates}}, *steps]


def ahead(features: list[dict[str, Any]], x_m: float, y_m: float, after: str | None = None) -> Any:
    """Return the street ahead in metres, rounded."""
    found = street_ahead(features, x_m / EAST_M, y_m / EAST_M, after=after)
    return None if found is None else [(round(x * EAST_M), round(y * EAST_M)) for x, y in found["coordinates"]]


# Along the equator to a corner at 100 m, north to B, and back over the same corner to the west and south to C.
CROSS = route(
    (0, 0), (100, 0), (100, 200), (100, 0), (100, -200),
    steps=(step("A", 0, 0), step("B", 100, 200), step("C", 100, -200)),
)  # fmt: skip


def test_at_a_corner_the_street_that_the_route_takes_next_is_meant() -> None:
    """At the corner the line leads 40 m into the next street, of those that meet there."""
    assert ahead(CROSS, 100, 1) == [(100, 1), (100, 1 + AHEAD_M)]
    assert ahead(CROSS, 98, 0)[-1] == (100, AHEAD_M - 2)


def test_a_corner_that_is_passed_twice_is_meant_from_the_last_stop_on() -> None:
    """After B has been spoken of, the street south of the corner is the next one."""
    assert ahead(CROSS, 100, 0, "A")[-1] == (100, AHEAD_M)
    assert ahead(CROSS, 100, 0, "B")[-1] == (100, -AHEAD_M)


def test_away_from_the_route_and_at_its_end_nothing_is_known() -> None:
    """Farther than 30 m from the route, and where it ends, there is no street ahead; at 29 m there is."""
    assert ahead(CROSS, 50, -31) is None
    assert ahead(CROSS, 50, -29) is not None
    assert ahead(CROSS, 100, -198, "B") is None


@pytest.fixture
def corner(driven: Driven) -> tuple[str, dict[str, Any], tuple[float, float]]:
    """Return a shift, a visit of it, and a corner at which its truck turns."""
    shift = driven.shifts()[0]
    features = driven.client.get(driven.of_day(f"shifts/{shift}/route.geojson")).json()["features"]
    line = np.array(next(one["geometry"]["coordinates"] for one in features if one["properties"]["kind"] == "trip"))
    first = driven.visits(shift)[0]
    way = np.diff(line, axis=0)
    across = np.abs(way[:-1, 0] * way[1:, 1] - way[:-1, 1] * way[1:, 0])
    turn = across / (np.linalg.norm(way[:-1], axis=1) * np.linalg.norm(way[1:], axis=1) + 1e-30)
    bend = int(np.flatnonzero(turn > 0.9)[0]) + 1
    return shift, first, tuple(line[bend])


def test_a_truck_that_cannot_pass_at_a_corner_closes_the_next_street(driven: Driven, corner: Any) -> None:
    """Reported exactly at a corner of the built-in city, the closure finds its street and is not ambiguous."""
    shift, first, (lon, lat) = corner
    driven.send(
        shift,
        done(1, first) | {"time": at(first["arrival_s"])},
        {"sequence": 2, "kind": "could_not_pass", "lon": lon, "lat": lat, "time": at(first["departure_s"] + 60)},
    )
    app: Any = driven.client.app
    date = dt.date.fromisoformat(MONDAY)
    with Session(app.state.engine) as session:
        [stated] = stated_overlays(session, driven.city_id, date)
        version = app.state.cities.current(session, driven.city_id)
        city = app.state.cities.dataset(version.id, version.content_hash)
    network = roads_of(with_overlays(city, [stated]), date)
    [placed] = network.overlays
    assert placed.findings == ()
    assert placed.segments

"""Where a route runs and where each of its steps happens, on the streets exactly as they were planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geodata.streets.geodesy import haversine_m
from geodata.streets.legs import legs
from optimizer.problem.plan import StepKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geodata.streets.legs import Leg
    from geodata.streets.roads import RoadNetwork
    from geodata.streets.snap import Places
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Route

Position = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrivenLeg:
    """A leg with the places between which it lies."""

    start: int
    end: int
    leg: Leg


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoutePath:
    """The geometry of one route.

    Attributes
    ----------
    trips
        for each of the route's trips float64[k, 2], lon and lat, k at least 2. A trip begins where the one before
        ended.
    positions
        lon and lat of each of the route's steps; a break inside a drive lies where the truck is by then.
    legs
        the drive to each of the steps, from the last one that is no break; None where nothing is driven.
    """

    trips: tuple[NDArray[np.float64], ...]
    positions: tuple[Position, ...]
    legs: tuple[DrivenLeg | None, ...]


def route_path(problem: Problem, route: Route, network: RoadNetwork, places: Places) -> RoutePath:
    """Follow a route along the streets.

    Raises
    ------
    ValueError
        If the network has no path where the route drives: it was planned on another one.
    """
    profile = problem.vehicle_by_id[route.vehicle].profile
    driven = _drives(route)
    pairs = [pair for pair in driven if pair is not None]
    found = dict(zip(pairs, legs(network, profile, places, pairs), strict=True))
    for (start, end), leg in found.items():
        if leg is None:
            raise ValueError(
                f"Route {route.shift!r} drives from place {start} to place {end}, between which profile {profile!r} "
                "has no path in this network; the plan belongs to other streets."
            )
    lines: list[NDArray[np.float64]] = []
    positions: list[Position] = []
    driven_legs: list[DrivenLeg | None] = []
    number = 0
    for trip in route.trips:
        pieces = [np.array([positions[-1] if positions else _position(places, trip.steps[0].node)])]
        for _step in trip.steps:
            pair = driven[number]
            leg = found[pair] if pair is not None else None
            if pair is not None and leg is not None and route.steps[number].kind is not StepKind.BREAK:
                pieces.append(leg.coords)
                driven_legs.append(DrivenLeg(start=pair[0], end=pair[1], leg=leg))
            else:
                driven_legs.append(None)
            positions.append(_step_position(problem, network, places, route, number, leg))
            number += 1
        lines.append(_line(pieces))
    return RoutePath(trips=tuple(lines), positions=tuple(positions), legs=tuple(driven_legs))


def _drives(route: Route) -> list[tuple[int, int] | None]:
    """For each step the places between which the truck drives to it (a break: drives when it begins), or None."""
    pairs: list[tuple[int, int] | None] = []
    for number, step in enumerate(route.steps):
        last = _last_place(route, number)
        coming = number if step.kind is not StepKind.BREAK else _next_place(route, number)
        if last is None or coming is None or route.steps[last].node == route.steps[coming].node:
            pairs.append(None)
        else:
            pairs.append((route.steps[last].node, route.steps[coming].node))
    return pairs


def _last_place(route: Route, number: int) -> int | None:
    """Return the number of the last step before this one that is no break."""
    return next((i for i in reversed(range(number)) if route.steps[i].kind is not StepKind.BREAK), None)


def _next_place(route: Route, number: int) -> int | None:
    """Return the number of the next step after this one that is no break."""
    later = range(number + 1, len(route.steps))
    return next((i for i in later if route.steps[i].kind is not StepKind.BREAK), None)


def _step_position(
    problem: Problem, network: RoadNetwork, places: Places, route: Route, number: int, leg: Leg | None
) -> Position:
    step = route.steps[number]
    last, coming = _last_place(route, number), _next_place(route, number)
    if step.kind is not StepKind.BREAK or leg is None or last is None or coming is None:
        return _position(places, step.node)
    before, after = route.steps[last], route.steps[coming]
    # What was driven since the last place is the time that passed, less the breaks taken on the way.
    driven_s, since_s = 0, before.departure_s
    for passed in route.steps[last + 1 : number + 1]:
        driven_s += passed.arrival_s - since_s
        since_s = passed.departure_s
    share = driven_s / after.leg_duration_s if after.leg_duration_s else 0.0
    profile = network.profile_index(problem.vehicle_by_id[route.vehicle].profile)
    return point_at(network, profile, places, before.node, after.node, leg, share)


def point_at(
    network: RoadNetwork, profile: int, places: Places, start: int, end: int, leg: Leg, share: float
) -> Position:
    """Return lon and lat of the truck when this share (0 to 1) of the leg's time has passed.

    The truck is as quick on each segment as the network says; the leg's first and last segment are driven in part.
    """
    segments = np.asarray(leg.segments, dtype=np.intp)
    length_mm = network.length_mm[segments].astype(np.float64)
    driven_mm = length_mm.copy()
    driven_mm[-1] = places.along_of(end, int(segments[-1]))
    driven_mm[0] -= places.along_of(start, int(segments[0]))
    time_ms = network.travel_ms[profile][segments] * driven_mm / length_mm
    passed_ms = np.concatenate(([0.0], np.cumsum(time_ms)))
    passed_mm = np.concatenate(([0.0], np.cumsum(driven_mm)))
    share = min(max(share, 0.0), 1.0)
    along = np.interp(share * passed_ms[-1], passed_ms, passed_mm) / max(passed_mm[-1], 1.0)
    lon, lat = leg.coords[:, 0], leg.coords[:, 1]
    shape_m = np.concatenate(([0.0], np.cumsum(haversine_m(lon[:-1], lat[:-1], lon[1:], lat[1:]))))
    at_m = along * shape_m[-1]
    return float(np.interp(at_m, shape_m, lon)), float(np.interp(at_m, shape_m, lat))


def _position(places: Places, node: int) -> Position:
    return float(places.lon[node]), float(places.lat[node])


def _line(pieces: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    coords = np.concatenate(pieces)
    keep = np.ones(len(coords), dtype=np.bool_)
    keep[1:] = np.any(coords[1:] != coords[:-1], axis=1)
    coords = coords[keep]
    # A trip without a drive is still a line for those who read it: two positions that coincide.
    return coords if len(coords) > 1 else np.repeat(coords, 2, axis=0)

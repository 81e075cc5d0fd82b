"""The street path of a leg: shape, length, time and streets of the very path that the travel matrix has measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geodata.streets.hierarchy import router_of
from geodata.streets.paths import SETTLED, search, workspace
from geodata.streets.states import place_costs, profile_graph, unpack
from geodata.streets.travel import is_wide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from geodata.streets.network import RoadNetwork
    from geodata.streets.snap import Places


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leg:
    """A path along the streets from one place to another.

    Attributes
    ----------
    coords
        float64[k, 2], lon and lat, k of 2 or more; begins and ends at the places' points on the street.
    distance_m, duration_s
        whole metres and seconds, equal to the matrix's cell.
    segments
        int32[m], directed segments in order, the first and the last driven in part.
    streets
        names of the streets in order, without repeats in a row; streets without a name are left out.
    """

    coords: NDArray[np.float64]
    distance_m: int
    duration_s: int
    segments: NDArray[np.int32]
    streets: tuple[str, ...]


def leg(network: RoadNetwork, profile: str, places: Places, i: int, j: int) -> Leg | None:
    """Path from place ``i`` to place ``j``, or None where there is no way.

    Raises
    ------
    KeyError
        The network was built without this profile.
    """
    return legs(network, profile, places, [(i, j)])[0]


def legs(network: RoadNetwork, profile: str, places: Places, pairs: Iterable[tuple[int, int]]) -> list[Leg | None]:
    """Paths between pairs of places, in the order of the pairs; None where there is no way.

    Raises
    ------
    KeyError
        The network was built without this profile.
    """
    wanted = [(int(i), int(j)) for i, j in pairs]
    # Into and out of a yard there are several ways; the quickest is the one that the matrix has measured.
    ways = [[(a, b) for a in places.ways_to(i) for b in places.ways_to(j)] for i, j in wanted]
    found = iter(_by_these_ways(network, profile, places, [way for choice in ways for way in choice]))
    best: list[Leg | None] = []
    for choice in ways:
        costs = [next(found) for _ in choice]
        best.append(min((cost for cost in costs if cost is not None), key=lambda pair: pair[0], default=(0, None))[1])
    return best


def _by_these_ways(
    network: RoadNetwork, profile: str, places: Places, asked: list[tuple[int, int]]
) -> list[tuple[int, Leg] | None]:
    """Return the packed cost and the leg from place to place, each by its own kerb; None where there is no way."""
    segment, into, out_of = place_costs(network, profile, places)
    found: list[tuple[int, Leg] | None] = [None] * len(asked)
    by_source: dict[int, list[int]] = {}
    for position, (i, j) in enumerate(asked):
        if segment[i] < 0 or segment[j] < 0:
            continue
        if segment[i] == segment[j] and into[j] >= into[i]:
            path = np.array([segment[i]], dtype=np.int32)
            cost = int(into[j] - into[i])
            found[position] = (cost, _leg(network, places, i, j, path, cost))
        else:
            by_source.setdefault(int(segment[i]), []).append(position)
    for source, positions in by_source.items():
        targets = {int(segment[asked[position][1]]) for position in positions}
        routes = _paths_plain(network, profile, source, targets) if is_wide(network) else None
        for position in positions:
            i, j = asked[position]
            there = int(segment[j])
            route = router_of(network, profile).path(source, there) if routes is None else routes.get(there)
            if route is not None:
                between, path = route
                cost = int(out_of[i]) + between + int(into[j])
                found[position] = (cost, _leg(network, places, i, j, path, cost))
    return found


def _paths_plain(
    network: RoadNetwork, profile: str, source: int, targets: set[int]
) -> dict[int, tuple[int, NDArray[np.int32]]]:
    """Do what ``Router.path`` does, by a plain search, for those targets that can be reached."""
    graph = profile_graph(network, profile)
    space = workspace(graph.cost.size)
    states = {target: graph.states[graph.first[target] : graph.first[target + 1]] for target in targets}
    marked = np.concatenate(list(states.values()))
    space.is_target[marked] = True
    search(source, marked.size, graph, space)
    found: dict[int, tuple[int, NDArray[np.int32]]] = {}
    for target, own in states.items():
        reached = [int(state) for state in own if space.slot[state] == SETTLED]
        if not reached:
            continue
        path = [min(reached, key=lambda state: int(space.reached[state]))]
        while (before := int(space.parent[path[-1]])) >= 0:
            path.append(before)
        segments = np.concatenate(([source], graph.segment[path[::-1]])).astype(np.int32)
        found[target] = (int(space.reached[path[0]]), segments)
    return found


def _leg(network: RoadNetwork, places: Places, i: int, j: int, path: NDArray[np.int32], cost: int) -> Leg:
    ms, mm = unpack(np.array([cost], dtype=np.int64))
    streets: list[str] = []
    for segment in path.tolist():
        name = network.street_name(segment)
        if name and (not streets or streets[-1] != name):
            streets.append(name)
    return Leg(
        coords=_geometry(network, places, i, j, path),
        distance_m=int((mm[0] + 500) // 1000),
        duration_s=int((ms[0] + 500) // 1000),
        segments=path,
        streets=tuple(streets),
    )


def _geometry(network: RoadNetwork, places: Places, i: int, j: int, path: NDArray[np.int32]) -> NDArray[np.float64]:
    """Lay the shapes of the segments end to end, from place ``i`` to place ``j``; no point stands twice in a row."""
    begin_mm, end_mm = int(places.along_mm[i]), int(places.along_mm[j])
    origin, target = (places.lon[i], places.lat[i]), (places.lon[j], places.lat[j])
    pieces: list[NDArray[np.float64]] = [np.array([origin])]
    for position, segment in enumerate(path.tolist()):
        shape = network.shape(segment)
        at = np.abs(network.shape_mm[shape] - network.shape_mm[shape[0]])
        after = begin_mm if position == 0 else -1
        until = end_mm if position == len(path) - 1 else np.inf
        inner = shape[(at > after) & (at < until)]
        pieces.append(np.column_stack((network.shape_lon[inner], network.shape_lat[inner])))
    pieces.append(np.array([target]))
    line = np.concatenate(pieces)
    moves = np.concatenate(([True], (np.diff(line, axis=0) != 0).any(axis=1)))
    line = line[moves]
    # A GeoJSON line has two positions at least, even where nothing moves.
    return line if len(line) > 1 else np.repeat(line, 2, axis=0)

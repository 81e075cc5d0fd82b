"""Travel time and distance between places, along the same quickest path.

From a place a truck drives on to the end of its directed segment, over further segments, and along the target's
segment up to the target. A target ahead on the same segment is reached directly; one behind it only by going round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geodata.streets.contraction import INFINITE
from geodata.streets.geodesy import haversine_m
from geodata.streets.hierarchy import router_of
from geodata.streets.paths import Ends, fill, workspace
from geodata.streets.states import place_costs, profile_graph, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geodata.streets.network import RoadNetwork
    from geodata.streets.snap import Places

# There is no way; never a large number, which could be added up by mistake.
NO_PATH: Final = -1
# Half of what 32 bits of millimetres hold is 2,147 km; no quickest path across a thousand kilometres is that crooked.
_WIDEST_M: Final = 1_000_000.0


def travel_matrix(
    network: RoadNetwork,
    profile: str,
    places: Places,
    *,
    sources: Sequence[int] | NDArray[np.integer] | None = None,
    targets: Sequence[int] | NDArray[np.integer] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Measure travel time and distance from places to places, row = from.

    Parameters
    ----------
    network, profile
        the streets, and the name of the profile that drives.
    places
        n places on this network.
    sources, targets
        positions of the places that give the rows and the columns; all of them by default.

    Returns
    -------
    duration_s, distance_m
        int32[rows, columns], rounded half up; ``NO_PATH`` (-1) in both where there is no way, or where the profile
        may not use the street of either place. A place is 0 from itself even then.

    Raises
    ------
    KeyError
        The network was built without this profile.
    """
    ends = _ends(network, profile, places, sources, targets)
    if is_wide(network):
        ms, mm = _apart(_plain(network, profile, ends))
        duration_s, distance_m = _thousandth(ms), _thousandth(mm)
    else:
        duration_s, distance_m = router_of(network, profile).rounded(ends)
    if places.twin is not None:
        _through_yards(network, profile, places, ends, duration_s, distance_m)
    return duration_s, distance_m


def travel_ms_mm(
    network: RoadNetwork,
    profile: str,
    places: Places,
    *,
    sources: Sequence[int] | NDArray[np.integer] | None = None,
    targets: Sequence[int] | NDArray[np.integer] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Do the same in exact milliseconds and millimetres, int64[rows, columns]."""
    ends = _ends(network, profile, places, sources, targets)
    return _apart(_plain(network, profile, ends) if is_wide(network) else router_of(network, profile).packed(ends))


def plain_ms_mm(
    network: RoadNetwork,
    profile: str,
    places: Places,
    *,
    sources: Sequence[int] | NDArray[np.integer] | None = None,
    targets: Sequence[int] | NDArray[np.integer] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Do the same by a plain Dijkstra search from each place: what the hierarchy is held against."""
    return _apart(_plain(network, profile, _ends(network, profile, places, sources, targets)))


def is_wide(network: RoadNetwork) -> bool:
    """Whether quickest paths may be too long for the millimetres of a packed cost to add up in any order."""
    west, south, east, north = network.bounds
    corner = haversine_m(*(np.array([degrees]) for degrees in (west, south, east, north)))
    return float(corner[0]) > _WIDEST_M


def _ends(
    network: RoadNetwork,
    profile: str,
    places: Places,
    sources: Sequence[int] | NDArray[np.integer] | None,
    targets: Sequence[int] | NDArray[np.integer] | None,
) -> Ends:
    segment, into, out_of = place_costs(network, profile, places)
    everything = np.arange(len(places))
    return Ends(
        rows=everything if sources is None else np.asarray(sources, dtype=np.int64).reshape(-1),
        columns=everything if targets is None else np.asarray(targets, dtype=np.int64).reshape(-1),
        segment=segment,
        into=into,
        out_of=out_of,
    )


def _through_yards(
    network: RoadNetwork,
    profile: str,
    places: Places,
    ends: Ends,
    duration_s: NDArray[np.int32],
    distance_m: NDArray[np.int32],
) -> None:
    """Write the rows and columns of yards anew: a truck comes and leaves by whichever kerb is quicker."""
    assert places.twin is not None
    rows, columns = ends.rows.tolist(), ends.columns.tolist()
    for at, row in enumerate(rows):
        if places.twin[row] >= 0:
            cost = _quickest(network, profile, places, [row], columns)[0]
            duration_s[at], distance_m[at] = (_thousandth(exact) for exact in _apart(cost))
    for at, column in enumerate(columns):
        if places.twin[column] >= 0:
            cost = _quickest(network, profile, places, rows, [column])[:, 0]
            duration_s[:, at], distance_m[:, at] = (_thousandth(exact) for exact in _apart(cost))


def _quickest(
    network: RoadNetwork, profile: str, places: Places, rows: list[int], columns: list[int]
) -> NDArray[np.int64]:
    """Return the least packed cost over all ways out of each row and into each column, int64[rows, columns]."""
    out = [way for row in rows for way in places.ways_to(row)]
    into = [way for column in columns for way in places.ways_to(column)]
    ends = _ends(network, profile, places, out, into)
    cost = _plain(network, profile, ends) if is_wide(network) else router_of(network, profile).packed(ends)
    first_row = np.cumsum([0, *(len(places.ways_to(row)) for row in rows[:-1])])
    first_column = np.cumsum([0, *(len(places.ways_to(column)) for column in columns[:-1])])
    least: NDArray[np.int64] = np.minimum.reduceat(np.minimum.reduceat(cost, first_row, axis=0), first_column, axis=1)
    same = np.asarray(rows)[:, None] == np.asarray(columns)[None, :]
    least[same] = 0
    return least


def _plain(network: RoadNetwork, profile: str, ends: Ends) -> NDArray[np.int64]:
    graph = profile_graph(network, profile)
    # Places on the same segment share one search: from its end on, their paths are the same.
    by_segment = np.argsort(ends.segment[ends.rows], kind="stable")
    return fill(ends, by_segment, graph, workspace(graph.cost.size))


def _apart(cost: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ms, mm = unpack(cost)
    none = cost >= INFINITE
    ms[none] = mm[none] = NO_PATH
    return ms, mm


def _thousandth(exact: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.where(exact == NO_PATH, NO_PATH, (exact + 500) // 1000).astype(np.int32)

"""Travel time and distance between places, along the same quickest path.

From a place a truck drives on to the end of its directed segment, over further segments, and along the target's
segment up to the target. A target ahead on the same segment is reached directly; one behind it only by going round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geodata.streets.paths import UNREACHED, Ends, fill, workspace
from geodata.streets.states import place_costs, profile_graph, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geodata.streets.roads import RoadNetwork
    from geodata.streets.snap import Places

# There is no way; never a large number, which could be added up by mistake.
NO_PATH: Final = -1


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
    ms, mm = travel_ms_mm(network, profile, places, sources=sources, targets=targets)
    return _thousandth(ms), _thousandth(mm)


def travel_ms_mm(
    network: RoadNetwork,
    profile: str,
    places: Places,
    *,
    sources: Sequence[int] | NDArray[np.integer] | None = None,
    targets: Sequence[int] | NDArray[np.integer] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Do the same in exact milliseconds and millimetres, int64[rows, columns]."""
    graph = profile_graph(network, profile)
    segment, into, out_of = place_costs(network, profile, graph, places)
    everything = np.arange(len(places))
    ends = Ends(
        rows=everything if sources is None else np.asarray(sources, dtype=np.int64).reshape(-1),
        columns=everything if targets is None else np.asarray(targets, dtype=np.int64).reshape(-1),
        segment=segment,
        into=into,
        out_of=out_of,
    )
    # Places on the same segment share one search: from its end on, their paths are the same.
    by_segment = np.argsort(segment[ends.rows], kind="stable")
    cost = fill(ends, by_segment, graph, workspace(graph.cost.size))
    ms, mm = unpack(cost)
    none = cost == UNREACHED
    ms[none] = mm[none] = NO_PATH
    return ms, mm


def _thousandth(exact: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.where(exact == NO_PATH, NO_PATH, (exact + 500) // 1000).astype(np.int32)

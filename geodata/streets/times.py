"""Travel times of a large day: computed from the streets when they are asked for, and remembered within bounds.

A square of 10,000 places for three profiles is 2.4 GB, of which a search reads a small part: the blocks of its
districts, and the legs of the plans that it judges. Blocks are computed anew each time, as fast as memory could hand
them out. What lies between a depot or disposal site and any other place is computed once: every route has such legs.
Other legs are kept in a table in which a new one takes the place of what stood there.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from geodata.streets.hierarchy import keep_router, router_of
from geodata.streets.states import place_costs, profile_graph, unpack
from geodata.streets.travel import is_wide, travel_matrix
from optimizer.problem.matrix import SQUARE_CELLS, TravelMatrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geodata.streets.hierarchy import Router
    from geodata.streets.network import RoadNetwork
    from geodata.streets.snap import Places
    from geodata.streets.states import ProfileGraph
    from optimizer.problem.matrix import Nodes, TravelTimes

# A table of 2^20 legs is 16 MB; a plan of 10,000 visits has some 10,000.
_TABLE_BITS: Final = 20
# So many legs, in the order of their streets on the map, share one block.
_TOGETHER: Final = 256
# 2^64 divided by the golden ratio: multiplication spreads keys that follow each other (Knuth, TAOCP 3, section 6.4).
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_LOW: Final = 0xFFFFFFFF

Cells = tuple["NDArray[np.int32]", "NDArray[np.int32]"]


def travel_times(network: RoadNetwork, places: Places, *, n: int, hubs: Sequence[int]) -> TravelTimes:
    """Return the times between the first ``n`` places for all profiles: as squares while they are small.

    Parameters
    ----------
    n
        Places that a day asks about; what follows them are other kerbs of yards.
    hubs
        Depots and disposal sites.
    """
    names = [profile.name for profile in network.profiles]
    if n * n * len(names) > SQUARE_CELLS:
        return StreetTimes(network, places, n=n, hubs=hubs)
    every = np.arange(n)
    cells = {name: travel_matrix(network, name, places, sources=every, targets=every) for name in names}
    return TravelMatrix(
        {name: duration_s for name, (duration_s, _) in cells.items()},
        {name: distance_m for name, (_, distance_m) in cells.items()},
    )


class _Spokes(NamedTuple):
    """Seconds and metres from h hubs to all places, int32[h, n], and from all places to them, int32[n, h]."""

    out: Cells
    into: Cells


class StreetTimes:
    """Travel times (``optimizer.problem.matrix.TravelTimes``) that are computed when they are asked for.

    Equal, cell by cell, to the squares of ``travel_matrix``. It may be shared by threads; a copy that is pickled to
    another process takes streets and hierarchies along, and forgets what was asked.

    Parameters
    ----------
    network, places
        The streets, and n places with what ``with_yards`` has added.
    n
        How many of the places the day asks about.
    hubs
        Places that every route meets, all yards among them.

    Raises
    ------
    ValueError
        If a yard is no hub.
    """

    def __init__(self, network: RoadNetwork, places: Places, *, n: int, hubs: Sequence[int]) -> None:
        yards = np.flatnonzero(places.twin >= 0).tolist() if places.twin is not None else []
        if missing := sorted(set(yards) - set(hubs)):
            raise ValueError(f"Every yard must be a hub, but these are none: {missing}.")
        self._network = network
        self._places = places
        self._plain = replace(places, twin=None)
        self._n = n
        self._hubs = tuple(sorted(set(hubs)))
        self._hub_at = np.full(n, -1, dtype=np.intp)
        self._hub_at[list(self._hubs)] = np.arange(len(self._hubs))
        self._profiles = tuple(sorted(profile.name for profile in network.profiles))
        self._number = {name: number for number, name in enumerate(self._profiles)}
        self._spokes: dict[str, _Spokes] = {}
        self._known: dict[tuple[str, str], Any] = {}
        self._keys = np.full(1 << _TABLE_BITS, -1, dtype=np.int64)
        self._values = np.empty(1 << _TABLE_BITS, dtype=np.int64)
        self._lock = threading.RLock()

    def __reduce__(self) -> tuple[Any, ...]:
        routers = {} if is_wide(self._network) else {name: router_of(self._network, name) for name in self._profiles}
        return _unpickled, (self._network, routers, self._places, self._n, self._hubs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StreetTimes):
            return NotImplemented
        return self.profiles == other.profiles and all(
            self.fingerprint(name) == other.fingerprint(name) for name in self.profiles
        )

    def __hash__(self) -> int:
        return hash((self.n, self.profiles))

    @property
    def n(self) -> int:
        """How many places there are."""
        return self._n

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names of the vehicle profiles, sorted."""
        return self._profiles

    def block(self, profile: str, rows: Nodes, columns: Nodes) -> Cells:
        """Compute seconds and metres from each of ``rows`` to each of ``columns``, ``int32[r, c]``; not remembered."""
        row, column = np.asarray(rows, dtype=np.intp), np.asarray(columns, dtype=np.intp)
        row_hub, column_hub = self._hub_at[row], self._hub_at[column]
        from_hub, to_hub = row_hub >= 0, column_hub >= 0
        spokes = self._spokes_of(profile)
        if from_hub.all():
            return spokes.out[0][np.ix_(row_hub, column)], spokes.out[1][np.ix_(row_hub, column)]
        if to_hub.all():
            return spokes.into[0][np.ix_(row, column_hub)], spokes.into[1][np.ix_(row, column_hub)]
        cells = travel_matrix(self._network, profile, self._plain, sources=row, targets=column)
        for metric in (0, 1):
            cells[metric][from_hub] = spokes.out[metric][np.ix_(row_hub[from_hub], column)]
            cells[metric][:, to_hub] = spokes.into[metric][np.ix_(row, column_hub[to_hub])]
        return cells

    def legs(self, profile: str, origins: Nodes, destinations: Nodes) -> Cells:
        """Return seconds and metres from each origin to the destination beside it, ``int32[k]``."""
        origin, destination = np.asarray(origins, dtype=np.int64), np.asarray(destinations, dtype=np.int64)
        spokes = self._spokes_of(profile)
        keys = (self._number[profile] * self._n + origin) * self._n + destination
        slots = (keys.astype(np.uint64) * _SPREAD) >> np.uint64(64 - _TABLE_BITS)
        with self._lock:
            values = self._values[slots]
            new = self._keys[slots] != keys
        seconds, metres = _apart(values)
        from_hub, to_hub = self._hub_at[origin], self._hub_at[destination]
        for metric, cells in enumerate((seconds, metres)):
            cells[from_hub >= 0] = spokes.out[metric][from_hub[from_hub >= 0], destination[from_hub >= 0]]
            cells[to_hub >= 0] = spokes.into[metric][origin[to_hub >= 0], to_hub[to_hub >= 0]]
        new &= (from_hub < 0) & (to_hub < 0)
        if new.any():
            seconds[new], metres[new] = self._computed(profile, origin[new], destination[new])
            with self._lock:
                self._keys[slots[new]] = keys[new]
                self._values[slots[new]] = _together(seconds[new], metres[new])
        return seconds, metres

    def fastest_m_per_s(self, profile: str) -> float:
        """Return a bound from the fastest street.

        Seconds and metres are rounded: a leg of 1 s has taken less than 1.5 s and a metre less than it says, and each
        of its ends may have lost a millisecond.
        """
        if ("fastest", profile) not in self._known:
            graph = self._graph(profile)
            ms, mm = unpack(graph.cost[: graph.usable.size][graph.usable])
            self._known["fastest", profile] = 1.5 * float((mm / ms).max(initial=0.0)) + 1.0
        return float(self._known["fastest", profile])

    def fingerprint(self, profile: str) -> Mapping[str, Any]:
        """Return the number of places, a SHA-256 over all that decides the times, and the bound of the speed."""
        if ("fingerprint", profile) not in self._known:
            digest = hashlib.sha256()
            twin = np.full(len(self._places), -1) if self._places.twin is None else self._places.twin
            for part in (*self._graph(profile), *place_costs(self._network, profile, self._places), twin):
                digest.update(str(part.shape).encode())
                digest.update(part.astype("<i8").data)
            self._known["fingerprint", profile] = {
                "n": self._n,
                "sha256": digest.hexdigest(),
                "fastest_m_per_s": self.fastest_m_per_s(profile),
            }
        known: Mapping[str, Any] = self._known["fingerprint", profile]
        return known

    def _graph(self, profile: str) -> ProfileGraph:
        if is_wide(self._network):
            return profile_graph(self._network, profile)
        return router_of(self._network, profile).graph

    def _spokes_of(self, profile: str) -> _Spokes:
        if profile not in self._spokes:
            every = np.arange(self._n)
            self._spokes[profile] = _Spokes(
                out=travel_matrix(self._network, profile, self._places, sources=self._hubs, targets=every),
                into=travel_matrix(self._network, profile, self._places, sources=every, targets=self._hubs),
            )
        return self._spokes[profile]

    def _computed(self, profile: str, origin: NDArray[np.int64], destination: NDArray[np.int64]) -> Cells:
        """Compute legs in blocks of some that begin near each other: one by one each would pay for a whole search."""
        seconds, metres = np.empty(origin.size, dtype=np.int32), np.empty(origin.size, dtype=np.int32)
        segment = self._places.segment[origin]
        near = segment if is_wide(self._network) else router_of(self._network, profile).place_key[segment]
        order = np.lexsort((destination, origin, near))
        for first in range(0, origin.size, _TOGETHER):
            some = order[first : first + _TOGETHER]
            rows, row = np.unique(origin[some], return_inverse=True)
            columns, column = np.unique(destination[some], return_inverse=True)
            block_s, block_m = travel_matrix(self._network, profile, self._plain, sources=rows, targets=columns)
            seconds[some], metres[some] = block_s[row, column], block_m[row, column]
        return seconds, metres


def _unpickled(
    network: RoadNetwork, routers: Mapping[str, Router], places: Places, n: int, hubs: Sequence[int]
) -> StreetTimes:
    for name, router in routers.items():
        keep_router(network, name, router)
    return StreetTimes(network, places, n=n, hubs=hubs)


def _together(seconds: NDArray[np.int32], metres: NDArray[np.int32]) -> NDArray[np.int64]:
    return (seconds.astype(np.int64) << 32) | (metres.astype(np.int64) & _LOW)


def _apart(values: NDArray[np.int64]) -> Cells:
    return (values >> 32).astype(np.int32), (values & _LOW).astype(np.uint32).view(np.int32)

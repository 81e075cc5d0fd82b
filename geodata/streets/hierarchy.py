"""Many-to-many travel costs and single paths out of a profile's contraction hierarchy."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from geodata.streets.contraction import contract
from geodata.streets.states import profile_graph
from geodata.streets.sweeps import Cells, Climb, Sources, Targets, descent, fill_cells, fill_rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geodata.streets.network import RoadNetwork
    from geodata.streets.paths import Ends
    from geodata.streets.states import ProfileGraph

# Where sources that lie together climb together is decided on a grid of 2^16 by 2^16.
_GRID: Final = (1 << 16) - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Router:
    """A profile's graph with its hierarchy, states numbered by importance (0 is the most important).

    Attributes
    ----------
    graph
        what the profile may drive, by state.
    number
        int32[states], each state's number by importance.
    climb
        the arcs that climb.
    down_start, down_tail, down_cost
        the arcs that descend to each state, by number: int64[states + 1], int32[d], int64[d].
    climb_arc, down_arc
        int32: where each arc stands among all arcs.
    tail, head
        int32[arcs], states (not their numbers) between which all arcs run.
    child_a, child_b
        int32[arcs], the two arcs that a shortcut stands for, -1 for an arc of the graph.
    place_key
        int64[segments], segments near each other have keys near each other.
    """

    graph: ProfileGraph
    number: NDArray[np.int32]
    climb: Climb
    down_start: NDArray[np.int64]
    down_tail: NDArray[np.int32]
    down_cost: NDArray[np.int64]
    climb_arc: NDArray[np.int32]
    down_arc: NDArray[np.int32]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    child_a: NDArray[np.int32]
    child_b: NDArray[np.int32]
    place_key: NDArray[np.int64]

    def packed(self, ends: Ends) -> NDArray[np.int64]:
        """Packed costs between places, int64[rows, columns], 2^62 where there is no way."""
        return fill_cells(self.climb, *self._ask(ends))

    def rounded(self, ends: Ends) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Seconds and metres between places, int32[rows, columns] each, rounded half up, -1 for no way."""
        return fill_rounded(self.climb, *self._ask(ends))

    def _ask(self, ends: Ends) -> tuple[object, Sources, Targets, Cells]:
        row_segment, column_segment = ends.segment[ends.rows], ends.segment[ends.columns]
        sources = np.unique(row_segment[row_segment >= 0])
        sources = sources[np.argsort(self.place_key[sources], kind="stable")]
        targets, target = np.unique(column_segment, return_inverse=True)
        missing = int(targets.size > 0 and targets[0] < 0)
        targets = targets[missing:]
        to = self._targets(targets)
        source_of = np.full(self.graph.usable.size, -1, dtype=np.int64)
        source_of[sources] = np.arange(sources.size)
        row_source = np.where(row_segment >= 0, source_of[row_segment], -1)
        own_source = np.where(column_segment >= 0, source_of[column_segment], -1)
        row_start, row = _grouped(row_source, sources.size)
        own_start, own = _grouped(own_source, sources.size)
        cells = Cells(
            row_start=row_start,
            row=row,
            out_of=ends.out_of[ends.rows],
            row_into=ends.into[ends.rows],
            row_place=ends.rows,
            target=target.astype(np.int64) - missing,
            into=ends.into[ends.columns],
            column_place=ends.columns,
            own_start=own_start,
            own=own,
        )
        down = descent(self.down_start, self.down_tail, self.down_cost, to)
        return down, self._sources(sources), to, cells

    def _sources(self, segments: NDArray[np.int64]) -> Sources:
        start, flat = _slices(self.graph.start, segments)
        return Sources(start=start, seed=self.number[self.graph.successor[flat]], cost=self.graph.turn[flat])

    def _targets(self, segments: NDArray[np.int64]) -> Targets:
        start, flat = _slices(self.graph.first, segments)
        return Targets(start=start, state=self.number[self.graph.states[flat]])


def make_router(network: RoadNetwork, profile: str) -> Router:
    """Contract a profile's graph.

    Raises
    ------
    KeyError
        The network was built without this profile.
    """
    graph = profile_graph(network, profile)
    contracted = contract(graph)
    number = (contracted.rank.size - 1 - contracted.rank).astype(np.int32)
    by_number = np.argsort(number)
    up_start, up = _slices(contracted.up_start, by_number)
    down_start, down = _slices(contracted.down_start, by_number)
    climb_arc, down_arc = contracted.up_arc[up], contracted.down_arc[down]
    return Router(
        graph=graph,
        number=number,
        climb=Climb(start=up_start, to=number[contracted.head[climb_arc]], cost=contracted.cost[climb_arc]),
        down_start=down_start,
        down_tail=number[contracted.tail[down_arc]],
        down_cost=contracted.cost[down_arc],
        climb_arc=climb_arc,
        down_arc=down_arc,
        tail=contracted.tail,
        head=contracted.head,
        child_a=contracted.child_a,
        child_b=contracted.child_b,
        place_key=_place_keys(network),
    )


_kept: weakref.WeakKeyDictionary[RoadNetwork, dict[str, Router]] = weakref.WeakKeyDictionary()


def router_of(network: RoadNetwork, profile: str) -> Router:
    """Return the router of a network and profile, made on first use and kept as long as the network is.

    Raises
    ------
    KeyError
        The network was built without this profile.
    """
    routers = _kept.setdefault(network, {})
    if profile not in routers:
        routers[profile] = make_router(network, profile)
    return routers[profile]


def _slices(
    start: NDArray[np.int64], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lay chosen rows of a compressed table end to end: where each begins, and the positions of its entries."""
    lengths = np.diff(start)[chosen]
    begins = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return begins, np.arange(begins[-1]) + np.repeat(start[:-1][chosen] - begins[:-1], lengths)


def _grouped(group: NDArray[np.int64], groups: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the members of each group, those of group -1 left out."""
    order = np.argsort(group, kind="stable")
    order = order[np.searchsorted(group[order], 0) :]
    return np.concatenate(([0], np.cumsum(np.bincount(group[order], minlength=groups)))).astype(np.int64), order


def _place_keys(network: RoadNetwork) -> NDArray[np.int64]:
    """Number the segments along a curve that fills the plane, bit by bit of both coordinates (Morton's order)."""
    west, south, east, north = network.bounds
    x = np.clip((network.node_lon - west) / max(east - west, 1e-9) * _GRID, 0, _GRID).astype(np.int64)
    y = np.clip((network.node_lat - south) / max(north - south, 1e-9) * _GRID, 0, _GRID).astype(np.int64)
    keys = np.zeros(x.size, dtype=np.int64)
    for bit in range(16):
        keys |= ((x >> bit & 1) << (2 * bit)) | ((y >> bit & 1) << (2 * bit + 1))
    return keys[network.head]

"""Many-to-many travel costs and single paths out of a profile's contraction hierarchy."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from geodata.streets.contraction import INFINITE, contract
from geodata.streets.states import profile_graph
from geodata.streets.sweeps import Cells, Climb, Sources, Targets, descent, fill_cells, fill_rounded
from geodata.streets.unpacking import AllArcs, Half, quickest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geodata.streets.network import RoadNetwork
    from geodata.streets.paths import Ends
    from geodata.streets.states import ProfileGraph
    from geodata.streets.sweeps import Descent

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
    by_number
        int64[states], the state of each number.
    climb
        the arcs that climb.
    down_start, down_tail, down_cost
        the arcs that descend to each state, by number: int64[states + 1], int32[d], int64[d].
    climb_arc, down_arc
        int32: where each arc stands among all arcs.
    arcs
        all arcs, and what the shortcuts among them stand for.
    place_key
        int64[segments], segments near each other have keys near each other.
    """

    graph: ProfileGraph
    number: NDArray[np.int32]
    by_number: NDArray[np.int64]
    climb: Climb
    down_start: NDArray[np.int64]
    down_tail: NDArray[np.int32]
    down_cost: NDArray[np.int64]
    climb_arc: NDArray[np.int32]
    down_arc: NDArray[np.int32]
    arcs: AllArcs
    place_key: NDArray[np.int64]

    def packed(self, ends: Ends) -> NDArray[np.int64]:
        """Compute packed costs between places, int64[rows, columns], 2^62 where there is no way."""
        return fill_cells(self.climb, *self.ask(ends))

    def rounded(self, ends: Ends) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Compute seconds and metres between places, int32[rows, columns] each, rounded half up, -1 for no way."""
        return fill_rounded(self.climb, *self.ask(ends))

    def path(self, source: int, target: int) -> tuple[int, NDArray[np.int32]] | None:
        """Find the quickest way from the end of one segment to the beginning of another, or round to the same one.

        Returns
        -------
        cost
            packed, of what lies between the two segments.
        segments
            int32[k], all segments in order, the two among them; None where there is no way.
        """
        own = slice(self.graph.start[source], self.graph.start[source + 1])
        to = slice(self.graph.first[target], self.graph.first[target + 1])
        cost, numbers = quickest(
            self.number[self.graph.successor[own]],
            self.graph.turn[own],
            self.number[self.graph.states[to]],
            Half(self.climb.start, self.climb.to, self.climb.cost, self.climb_arc),
            Half(self.down_start, self.down_tail, self.down_cost, self.down_arc),
            self.arcs,
        )
        if cost >= INFINITE:
            return None
        between = self.graph.segment[self.by_number[numbers]]
        return int(cost), np.concatenate(([source], between)).astype(np.int32)

    def ask(self, ends: Ends) -> tuple[Descent, Sources, Cells]:
        """Lay out for the sweeps what a question between places needs."""
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
        same_row, same_column = _same(ends.rows, ends.columns)
        cells = Cells(
            row_start=row_start,
            row=row,
            out_of=ends.out_of[ends.rows],
            row_into=ends.into[ends.rows],
            target=target.astype(np.int64) - missing,
            into=ends.into[ends.columns],
            own_start=own_start,
            own=own,
            same_row=same_row,
            same_column=same_column,
            lost=row_segment < 0,
        )
        down = descent(self.down_start, self.down_tail, self.down_cost, to)
        return down, self._sources(sources), cells

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
        by_number=by_number,
        climb=Climb(start=up_start, to=number[contracted.head[climb_arc]], cost=contracted.cost[climb_arc]),
        down_start=down_start,
        down_tail=number[contracted.tail[down_arc]],
        down_cost=contracted.cost[down_arc],
        climb_arc=climb_arc,
        down_arc=down_arc,
        arcs=AllArcs(
            tail=number[contracted.tail],
            head=number[contracted.head],
            child_a=contracted.child_a,
            child_b=contracted.child_b,
        ),
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


def keep_router(network: RoadNetwork, profile: str, router: Router) -> None:
    """Keep a router that was made before, for as long as the network is."""
    _kept.setdefault(network, {})[profile] = router


def _slices(start: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lay chosen rows of a compressed table end to end: where each begins, and the positions of its entries."""
    lengths = np.diff(start)[chosen]
    begins = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return begins, np.arange(begins[-1]) + np.repeat(start[:-1][chosen] - begins[:-1], lengths)


def _grouped(group: NDArray[np.int64], groups: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the members of each group, those of group -1 left out."""
    order = np.argsort(group, kind="stable")
    order = order[np.searchsorted(group[order], 0) :]
    return np.concatenate(([0], np.cumsum(np.bincount(group[order], minlength=groups)))).astype(np.int64), order


def _same(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the cells whose row and column are the same place."""
    order = np.argsort(columns, kind="stable")
    begin = np.searchsorted(columns[order], rows, side="left")
    count = np.searchsorted(columns[order], rows, side="right") - begin
    row = np.repeat(np.arange(rows.size), count)
    within = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)
    return row, order[np.repeat(begin, count) + within]


def _place_keys(network: RoadNetwork) -> NDArray[np.int64]:
    """Put the segments in Morton's order: along a curve that fills the plane, bit by bit of both coordinates."""
    west, south, east, north = network.bounds
    x = np.clip((network.node_lon - west) / max(east - west, 1e-9) * _GRID, 0, _GRID).astype(np.int64)
    y = np.clip((network.node_lat - south) / max(north - south, 1e-9) * _GRID, 0, _GRID).astype(np.int64)
    keys = np.zeros(x.size, dtype=np.int64)
    for bit in range(16):
        keys |= ((x >> bit & 1) << (2 * bit)) | ((y >> bit & 1) << (2 * bit + 1))
    return keys[network.head]

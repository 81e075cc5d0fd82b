"""Quickest paths by Dijkstra's algorithm over states, from the end of a segment: plain, slow, and the reference.

The hierarchy that answers in the product (``hierarchy``) must equal it in every cell; it also takes over where a
network is too large for the hierarchy's numbers.

Time and distance travel together in one whole number: milliseconds in the upper half, millimetres in the lower.
The smaller number is the quicker path and, of equally quick ones, the shorter; adding two adds both halves. So
every path has one cost, both its figures belong to the same path, and a leg found again for its geometry has the
same cost whichever search finds it.

All compiled loops that call each other stand in this one file, because a compiled function that is kept on disk is
made anew when its own file changes, not when a function that it calls does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from geodata.streets._compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geodata.streets.states import ProfileGraph

UNREACHED: Final = np.iinfo(np.int64).max
UNSEEN: Final = -1
SETTLED: Final = -2
_MM_BITS: Final = 32
_MM_MASK: Final = (1 << _MM_BITS) - 1
# Past twelve days or 4,294 km a path is not followed: its cost would not fit the halves of the packed number.
_LARGEST_COST: Final = (2**30) << _MM_BITS
_HEAP_WAYS: Final = 4  # two levels of a binary heap in one: fewer cache misses, as many comparisons


class Workspace(NamedTuple):
    """Memory that searches share, one after the other.

    ``is_target`` bool[states] marks what is looked for. ``reached`` int64[states] holds the packed cost to a state's
    beginning, ``parent`` int32[states] the state before it (-1 right after the source), ``slot`` int32[states] its
    place in the heap, or ``UNSEEN``, or ``SETTLED`` once its cost is final. ``heap`` is the queue and ``keys``
    its costs; ``touched`` lists the states to forget.
    """

    is_target: NDArray[np.bool_]
    reached: NDArray[np.int64]
    parent: NDArray[np.int32]
    slot: NDArray[np.int32]
    heap: NDArray[np.int32]
    keys: NDArray[np.int64]
    touched: NDArray[np.int32]


class Ends(NamedTuple):
    """Where paths begin and end: positions among the places, and of each place what ``place_costs`` gives."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    segment: NDArray[np.int64]
    into: NDArray[np.int64]
    out_of: NDArray[np.int64]


def workspace(states: int) -> Workspace:
    """Prepare memory for searches over a graph with so many states."""
    return Workspace(
        is_target=np.zeros(states, dtype=np.bool_),
        reached=np.full(states, UNREACHED, dtype=np.int64),
        parent=np.full(states, -1, dtype=np.int32),
        slot=np.full(states, UNSEEN, dtype=np.int32),
        heap=np.zeros(states, dtype=np.int32),
        keys=np.zeros(states, dtype=np.int64),
        touched=np.zeros(states, dtype=np.int32),
    )


@compiled
def search(source: int, targets: int, graph: ProfileGraph, space: Workspace) -> int:
    """Find the cheapest way from the end of ``source`` to the beginning of other segments.

    Dijkstra's algorithm (Numerische Mathematik 1, 1959) over segments. It stops when ``targets`` segments that are
    marked as such are settled, or all that can be reached is.

    Returns
    -------
    touches
        how many entries of ``space.touched`` are to be forgotten before the next search.
    """
    # Arrays under names of their own: taking them out of the tuples inside the loops costs a third of the time.
    start, successor, turn, cost = graph.start, graph.successor, graph.turn, graph.cost
    reached, parent, slot, heap, keys = space.reached, space.parent, space.slot, space.heap, space.keys
    size = 0
    touches = 0
    current = source
    base = np.int64(0)
    before = -1
    while True:
        for arc in range(start[current], start[current + 1]):
            following = successor[arc]
            new = base + turn[arc]
            if new >= reached[following]:
                continue
            if slot[following] == UNSEEN:
                space.touched[touches] = following
                touches += 1
                slot[following] = size
                size += 1
            reached[following] = new
            parent[following] = before
            _rise(following, new, heap, keys, slot)
        followed = False
        while not followed:
            if size == 0:
                return touches
            current = heap[0]
            slot[current] = SETTLED
            size -= 1
            if size > 0:
                _sink(heap[size], keys[size], size, heap, keys, slot)
            if space.is_target[current]:
                targets -= 1
                if targets == 0:
                    return touches
            base = reached[current] + cost[current]
            before = current
            # What would overflow the packed number is not followed further.
            followed = base < _LARGEST_COST and (base & _MM_MASK) >= (cost[current] & _MM_MASK)


@compiled
def forget(touches: int, space: Workspace) -> None:
    """Set back what a search has changed."""
    for i in range(touches):
        space.reached[space.touched[i]] = UNREACHED
        space.slot[space.touched[i]] = UNSEEN


@compiled
def fill(ends: Ends, by_segment: NDArray[np.int64], graph: ProfileGraph, space: Workspace) -> NDArray[np.int64]:
    """Compute packed costs, int64[rows, columns], ``UNREACHED`` where there is no way."""
    result = np.full((ends.rows.size, ends.columns.size), UNREACHED, dtype=np.int64)
    targets = 0
    for column in ends.columns:
        there = ends.segment[column]
        if there < 0 or space.is_target[there]:
            continue
        for at in range(graph.first[there], graph.first[there + 1]):
            space.is_target[graph.states[at]] = True
            targets += 1
    touches = 0
    searched = -1
    for row in by_segment:
        origin = ends.rows[row]
        own = ends.segment[origin]
        if own >= 0 and targets > 0 and own != searched:
            forget(touches, space)
            touches = search(own, targets, graph, space)
            searched = own
        for j in range(ends.columns.size):
            result[row, j] = _cell(origin, ends.columns[j], ends, graph, space)
    return result


@compiled
def _cell(origin: int, target: int, ends: Ends, graph: ProfileGraph, space: Workspace) -> int:
    """Put a path together out of its parts, after the search from the origin's segment."""
    if origin == target:
        return 0
    own, there = ends.segment[origin], ends.segment[target]
    if own < 0 or there < 0:
        return UNREACHED
    if own == there and ends.into[target] >= ends.into[origin]:
        return int(ends.into[target] - ends.into[origin])
    best = UNREACHED
    for at in range(graph.first[there], graph.first[there + 1]):
        state = graph.states[at]
        if space.slot[state] == SETTLED:
            best = min(best, space.reached[state])
    return UNREACHED if best == UNREACHED else int(ends.out_of[origin] + best + ends.into[target])


@compiled
def _rise(segment: int, key: int, heap: NDArray[np.int32], keys: NDArray[np.int64], slot: NDArray[np.int32]) -> None:
    """Move a segment whose cost has fallen to ``key`` towards the heap's top."""
    at = slot[segment]
    while at > 0:
        above = (at - 1) // _HEAP_WAYS
        if keys[above] <= key:
            break
        heap[at] = heap[above]
        keys[at] = keys[above]
        slot[heap[at]] = at
        at = above
    heap[at] = segment
    keys[at] = key
    slot[segment] = at


@compiled
def _sink(
    segment: int, key: int, size: int, heap: NDArray[np.int32], keys: NDArray[np.int64], slot: NDArray[np.int32]
) -> None:
    """Put a segment at the top of a heap of ``size`` and let it sink to its place."""
    at = 0
    while _HEAP_WAYS * at + 1 < size:
        child = _HEAP_WAYS * at + 1
        best = child
        for other in range(child + 1, min(child + _HEAP_WAYS, size)):
            if keys[other] < keys[best]:
                best = other
        if keys[best] >= key:
            break
        heap[at] = heap[best]
        keys[at] = keys[best]
        slot[heap[at]] = at
        at = best
    heap[at] = segment
    keys[at] = key
    slot[segment] = at

"""The cheapest relaxed trips: walks that keep the load, may come back to a visit, but never at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from optimizer.search.kernel._compiled import compiled
from optimizer.search.kernel.arrays import FAR, NEVER

FAR_DEARER: Final = NEVER >> 1
"""No walk costs as much; what does has come along an arc that is not there."""

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@compiled
def extend_trips(
    first: NDArray[np.int64],
    arc: NDArray[np.int64],
    tails: NDArray[np.int32],
    other: NDArray[np.int64],
    units: NDArray[np.int64],
    cost: NDArray[np.int64],
    before: NDArray[np.int32],
    row: NDArray[np.int32],
) -> None:
    """Fill in the cheapest walks that end at each visit with each load.

    Of two walks with one load and one end, the second is kept as well if the visit before its end is another one: so a
    walk need not come back to where it has just been (N. Christofides, A. Mingozzi, P. Toth, "Exact algorithms for the
    vehicle routing problem, based on spanning tree and shortest path relaxations", Mathematical Programming 20 (1981)).

    Parameters
    ----------
    first
        ``int64[V]``, what beginning a trip at each visit costs.
    arc, tails
        ``int64[V, K]`` and ``int32[V, K]``: coming to each visit from its nearest visits, and which those are.
    other
        ``int64[V]``, what coming from any other visit costs at least; taken from the cheapest walk of all, whatever its
        end, and so too cheap at worst.
    units
        ``int64[V]``, the load of each visit, at least 1.
    cost, before
        ``int64[L + 1, V, 2]`` and ``int32`` of the same shape, to be filled: the cost of the cheapest walk and of the
        second one, and the visit before the last (-1: none); ``NEVER`` where there is no walk.
    row
        ``int32[L + 1]``, to be filled: where the cheapest walk with each load ends.
    """
    visits = len(first)
    nearest = arc.shape[1]
    row[:] = 0
    for load in range(len(cost)):
        for head in range(visits):
            one, two = NEVER, NEVER
            from_one, from_two = -1, -1
            rest = load - units[head]
            if rest == 0:
                one = first[head]
            elif rest > 0:
                for k in range(nearest):
                    tail = tails[head, k]
                    level = 0 if before[rest, tail, 0] != head else 1
                    value = cost[rest, tail, level] + arc[head, k]
                    if value < two:
                        if value < one:
                            two, from_two = one, from_one
                            one, from_one = value, tail
                        else:
                            two, from_two = value, tail
                tail = row[rest]
                value = cost[rest, tail, 0] + other[head]
                if value < one:
                    two, from_two = one, from_one
                    one, from_one = value, tail
                elif value < two:
                    two, from_two = value, tail
            cost[load, head, 0] = one if one < FAR_DEARER else NEVER
            cost[load, head, 1] = two if two < FAR_DEARER else NEVER
            before[load, head, 0], before[load, head, 1] = from_one, from_two
            if cost[load, head, 0] < cost[load, row[load], 0]:
                row[load] = head


@compiled
def count_visits(
    units: NDArray[np.int64],
    cost: NDArray[np.int64],
    before: NDArray[np.int32],
    load: int,
    last: int,
    arc_s: NDArray[np.int64],
    found: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Count in ``counts``, ``int64[V]`` of zeros, how often the cheapest walk with this load and end visits each.

    ``found``, ``int64[2]``, is told the first visit, and the seconds from it to the last.
    """
    level = 0
    found[1] = 0
    while last >= 0:
        counts[last] += 1
        tail = before[load, last, level]
        load -= units[last]
        found[0] = last
        if tail >= 0:
            found[1] += min(arc_s[last, tail], FAR)
            level = 0 if before[load, tail, 0] != last else 1
            if cost[load, tail, level] >= NEVER:
                level = 0
        last = tail

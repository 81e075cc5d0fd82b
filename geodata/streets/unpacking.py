"""One path out of a contraction hierarchy, shortcut by shortcut down to the streets.

All compiled loops that call each other stand in this one file, because a compiled function that is kept on disk is
made anew when its own file changes, not when a function that it calls does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geodata.streets._compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INFINITE = 1 << 62


class Half(NamedTuple):
    """One half of a hierarchy, states by number: from v lead ``to[start[v]:start[v + 1]]`` at ``cost``.

    ``arc`` says where each stands among all arcs.
    """

    start: NDArray[np.int64]
    to: NDArray[np.int32]
    cost: NDArray[np.int64]
    arc: NDArray[np.int32]


class AllArcs(NamedTuple):
    """All arcs: ``tail``, ``head`` by number; ``child_a``, ``child_b`` what a shortcut stands for, -1 for none."""

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    child_a: NDArray[np.int32]
    child_b: NDArray[np.int32]


@compiled
def quickest(
    seed: NDArray[np.int32],
    seed_cost: NDArray[np.int64],
    target: NDArray[np.int32],
    up: Half,
    down: Half,
    arcs: AllArcs,
) -> tuple[int, NDArray[np.int32]]:
    """Find the cheapest path from any seed to any target, all by number.

    Returns
    -------
    cost
        packed, from before the seed to the beginning of the target; 2^62 where there is no way.
    path
        int32[k], the states in order, seed and target among them; empty where there is no way.
    """
    ahead, ahead_arc, met = _explore(seed, seed_cost, up)
    back, back_arc, _ = _explore(target, np.zeros(target.size, dtype=np.int64), down)
    best = np.int64(_INFINITE)
    summit = -1
    for state in met:
        if back[state] < _INFINITE and ahead[state] + back[state] < best:
            best = ahead[state] + back[state]
            summit = state
    if summit < 0:
        return _INFINITE, np.empty(0, dtype=np.int32)
    climbed = np.empty(met.size, dtype=np.int32)
    count = 0
    state = summit
    while ahead_arc[state] >= 0:
        climbed[count] = ahead_arc[state]
        state = arcs.tail[ahead_arc[state]]
        count += 1
    path = np.empty(64, dtype=np.int32)
    path[0] = state
    size = 1
    for i in range(count - 1, -1, -1):
        path, size = _unpack(climbed[i], arcs, path, size)
    state = summit
    while back_arc[state] >= 0:
        path, size = _unpack(back_arc[state], arcs, path, size)
        state = arcs.head[back_arc[state]]
    return int(best), path[:size].copy()


@compiled
def _explore(
    begin: NDArray[np.int32], begin_cost: NDArray[np.int64], half: Half
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Climb from some states as far as arcs lead: costs, the arc that each state was reached by, and the states."""
    states = half.start.size - 1
    cost = np.full(states, _INFINITE, dtype=np.int64)
    arc_to = np.full(states, -1, dtype=np.int32)
    seen = np.zeros(states, dtype=np.bool_)
    met = np.empty(states, dtype=np.int32)
    count = 0
    for i in range(begin.size):
        cost[begin[i]] = min(cost[begin[i]], begin_cost[i])
        if not seen[begin[i]]:
            seen[begin[i]] = True
            met[count] = begin[i]
            count += 1
    at = 0
    while at < count:
        for i in range(half.start[met[at]], half.start[met[at] + 1]):
            if not seen[half.to[i]]:
                seen[half.to[i]] = True
                met[count] = half.to[i]
                count += 1
        at += 1
    order = np.sort(met[:count])
    # All arcs lead to smaller numbers, so in the order of falling numbers every cost is final when it is passed on.
    for k in range(count - 1, -1, -1):
        state = order[k]
        for i in range(half.start[state], half.start[state + 1]):
            new = cost[state] + half.cost[i]
            if new < cost[half.to[i]]:
                cost[half.to[i]] = new
                arc_to[half.to[i]] = half.arc[i]
    return cost, arc_to, order


@compiled
def _unpack(arc: int, arcs: AllArcs, path: NDArray[np.int32], size: int) -> tuple[NDArray[np.int32], int]:
    """Append the states that an arc leads over, its head the last, to a path."""
    stack = [arc]
    while len(stack) > 0:
        one = stack.pop()
        if arcs.child_a[one] >= 0:
            stack.append(arcs.child_b[one])
            stack.append(arcs.child_a[one])
            continue
        if size == path.size:
            path = np.concatenate((path, np.empty(size, dtype=np.int32)))
        path[size] = arcs.head[one]
        size += 1
    return path, size

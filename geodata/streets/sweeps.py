"""Travel costs from many segments to many, over a contraction hierarchy.

For one set of targets the part of the hierarchy that descends to them is laid out once, the most important states
first. Then sixteen sources at a time climb, and one pass over that part carries their costs down to every target:
RPHAST of Delling, Goldberg and Werneck ("Faster Batched Shortest Paths in Road Networks", ATMOS 2011), with sources
that lie together climbing together.

All compiled loops that call each other stand in this one file, because a compiled function that is kept on disk is
made anew when its own file changes, not when a function that it calls does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from geodata.streets._compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

LANES: Final = 16  # sources a pass: two lines of cache for each state, and the best of 4 to 64 where it was measured
_INFINITE: Final = 1 << 62
_NO_PATH: Final = -1


class Climb(NamedTuple):
    """The arcs that climb, states numbered by importance: 0 is the most important.

    From state v one climbs to ``to[start[v]:start[v + 1]]`` at ``cost``.
    """

    start: NDArray[np.int64]
    to: NDArray[np.int32]
    cost: NDArray[np.int64]


class Descent(NamedTuple):
    """The states that lead down to the targets, most important first, and the arcs that descend to each.

    State ``state[i]`` is reached from ``tail[start[i]:start[i + 1]]`` at ``cost``.
    """

    state: NDArray[np.int32]
    start: NDArray[np.int64]
    tail: NDArray[np.int32]
    cost: NDArray[np.int64]


class Sources(NamedTuple):
    """From where: each source begins in ``seed[start[i]:start[i + 1]]`` at ``cost``, in the order of the passes."""

    start: NDArray[np.int64]
    seed: NDArray[np.int32]
    cost: NDArray[np.int64]


class Targets(NamedTuple):
    """Where to: target t may be reached in any of the states ``state[start[t]:start[t + 1]]``."""

    start: NDArray[np.int64]
    state: NDArray[np.int32]


class Cells(NamedTuple):
    """How costs between segments become cells between places.

    Row ``row[i]`` for i in ``row_start[s]:row_start[s + 1]`` begins on source s, ``out_of`` before its end. Column j
    lies ``into[j]`` into target ``target[j]``, or has no street (-1). Columns ``own[own_start[s]:own_start[s + 1]]``
    lie on the very segment of source s, where ``row_into`` says how far along it the row begins. ``row_place`` and
    ``column_place`` tell which rows and columns are the same place.
    """

    row_start: NDArray[np.int64]
    row: NDArray[np.int64]
    out_of: NDArray[np.int64]
    row_into: NDArray[np.int64]
    row_place: NDArray[np.int64]
    target: NDArray[np.int64]
    into: NDArray[np.int64]
    column_place: NDArray[np.int64]
    own_start: NDArray[np.int64]
    own: NDArray[np.int64]


class _Scratch(NamedTuple):
    """Memory of the passes: costs int64[states * LANES], who climbed there last, and the states of one climb."""

    cost: NDArray[np.int64]
    climbed: NDArray[np.int32]
    list: NDArray[np.int32]


@compiled
def descent(
    down_start: NDArray[np.int64], down_tail: NDArray[np.int32], down_cost: NDArray[np.int64], targets: Targets
) -> Descent:
    """Lay out the part of the hierarchy that leads down to the targets."""
    states = down_start.size - 1
    wanted = np.zeros(states, dtype=np.bool_)
    for state in targets.state:
        wanted[state] = True
    count = 0
    arcs = 0
    # Whoever descends to a state is more important, so has a smaller number, and is met later.
    for state in range(states - 1, -1, -1):
        if wanted[state]:
            count += 1
            arcs += down_start[state + 1] - down_start[state]
            for arc in range(down_start[state], down_start[state + 1]):
                wanted[down_tail[arc]] = True
    kept = np.empty(count, dtype=np.int32)
    start = np.zeros(count + 1, dtype=np.int64)
    tail = np.empty(arcs, dtype=np.int32)
    cost = np.empty(arcs, dtype=np.int64)
    at = 0
    filled = 0
    for state in range(states):
        if wanted[state]:
            kept[at] = state
            for arc in range(down_start[state], down_start[state + 1]):
                tail[filled] = down_tail[arc]
                cost[filled] = down_cost[arc]
                filled += 1
            at += 1
            start[at] = filled
    return Descent(kept, start, tail, cost)


@compiled
def fill_cells(climb: Climb, down: Descent, sources: Sources, targets: Targets, cells: Cells) -> NDArray[np.int64]:
    """Compute packed costs, int64[rows, columns], 2^62 where there is no way."""
    rows, columns = cells.out_of.size, cells.into.size
    result = np.full((rows, columns), _INFINITE, dtype=np.int64)
    scratch = _scratch(climb.start.size - 1)
    reached = np.empty((LANES, targets.start.size - 1), dtype=np.int64)
    for first in range(0, sources.start.size - 1, LANES):
        lanes = min(LANES, sources.start.size - 1 - first)
        _pass(first, lanes, climb, down, sources, scratch)
        _collect(lanes, targets, scratch, reached)
        for lane in range(lanes):
            source = first + lane
            for i in range(cells.row_start[source], cells.row_start[source + 1]):
                row = cells.row[i]
                for j in range(columns):
                    if cells.target[j] >= 0 and reached[lane, cells.target[j]] < _INFINITE:
                        result[row, j] = reached[lane, cells.target[j]] + cells.out_of[row] + cells.into[j]
                for at in range(cells.own_start[source], cells.own_start[source + 1]):
                    j = cells.own[at]
                    if cells.into[j] >= cells.row_into[row]:
                        result[row, j] = cells.into[j] - cells.row_into[row]
    _same_places(cells, result)
    return result


@compiled
def _same_places(cells: Cells, result: NDArray[np.int64]) -> None:
    for row in range(cells.row_place.size):
        for column in range(cells.column_place.size):
            if cells.row_place[row] == cells.column_place[column]:
                result[row, column] = 0


@compiled
def fill_rounded(
    climb: Climb, down: Descent, sources: Sources, targets: Targets, cells: Cells
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Compute seconds and metres, int32[rows, columns], rounded half up, -1 where there is no way."""
    rows, columns = cells.out_of.size, cells.into.size
    seconds = np.full((rows, columns), _NO_PATH, dtype=np.int32)
    meters = np.full((rows, columns), _NO_PATH, dtype=np.int32)
    scratch = _scratch(climb.start.size - 1)
    reached = np.empty((LANES, targets.start.size - 1), dtype=np.int64)
    place_of = np.empty(columns, dtype=np.int64)
    into = np.empty(columns, dtype=np.int64)
    for j in range(columns):
        # A column without a street reads any target, and its addend makes it unreachable.
        place_of[j] = max(cells.target[j], 0)
        into[j] = cells.into[j] if cells.target[j] >= 0 else _INFINITE
    for first in range(0, sources.start.size - 1, LANES):
        lanes = min(LANES, sources.start.size - 1 - first)
        _pass(first, lanes, climb, down, sources, scratch)
        _collect(lanes, targets, scratch, reached)
        for lane in range(lanes):
            source = first + lane
            for i in range(cells.row_start[source], cells.row_start[source + 1]):
                row = cells.row[i]
                _round_row(reached[lane], place_of, into, cells.out_of[row], seconds[row], meters[row])
                for at in range(cells.own_start[source], cells.own_start[source + 1]):
                    j = cells.own[at]
                    if cells.into[j] >= cells.row_into[row]:
                        ahead = cells.into[j] - cells.row_into[row]
                        seconds[row, j] = ((ahead >> 32) + 500) // 1000
                        meters[row, j] = ((ahead & 0xFFFFFFFF) + 500) // 1000
    for row in range(rows):
        for column in range(columns):
            if cells.row_place[row] == cells.column_place[column]:
                seconds[row, column] = 0
                meters[row, column] = 0
    return seconds, meters


@compiled
def _round_row(
    reached: NDArray[np.int64],
    target: NDArray[np.int64],
    into: NDArray[np.int64],
    out_of: int,
    seconds: NDArray[np.int32],
    meters: NDArray[np.int32],
) -> None:
    for j in range(target.size):
        base = reached[target[j]]
        cost = base + out_of + into[j]
        # The division of 32 bits by a constant is a multiplication, which runs on several cells at once.
        whole_s = (np.uint32(cost >> 32) + np.uint32(500)) // np.uint32(1000)
        whole_m = (np.uint32(cost & 0xFFFFFFFF) + np.uint32(500)) // np.uint32(1000)
        there = base < _INFINITE and into[j] < _INFINITE
        seconds[j] = np.int32(whole_s) if there else _NO_PATH
        meters[j] = np.int32(whole_m) if there else _NO_PATH


@compiled
def _scratch(states: int) -> _Scratch:
    return _Scratch(
        np.full(states * LANES, _INFINITE, dtype=np.int64),
        np.full(states, -1, dtype=np.int32),
        np.empty(states, dtype=np.int32),
    )


@compiled
def _collect(lanes: int, targets: Targets, scratch: _Scratch, reached: NDArray[np.int64]) -> None:
    """Take the costs of the targets out of the pass, a row for each lane."""
    for target in range(targets.start.size - 1):
        for lane in range(lanes):
            reached[lane, target] = _INFINITE
        for at in range(targets.start[target], targets.start[target + 1]):
            base = np.int64(targets.state[at]) * LANES
            for lane in range(lanes):
                reached[lane, target] = min(reached[lane, target], scratch.cost[base + lane])


@compiled
def _pass(first: int, lanes: int, climb: Climb, down: Descent, sources: Sources, scratch: _Scratch) -> None:
    """Carry the costs of some sources up, and down to all targets."""
    number = np.int32(first)
    count = 0
    for lane in range(lanes):
        for at in range(sources.start[first + lane], sources.start[first + lane + 1]):
            count = _meet(sources.seed[at], number, count, scratch)
    at = 0
    while at < count:
        state = scratch.list[at]
        for arc in range(climb.start[state], climb.start[state + 1]):
            count = _meet(climb.to[arc], number, count, scratch)
        at += 1
    for lane in range(lanes):
        for at in range(sources.start[first + lane], sources.start[first + lane + 1]):
            seed = np.int64(sources.seed[at]) * LANES + lane
            scratch.cost[seed] = min(scratch.cost[seed], sources.cost[at])
    # Who is climbed from has the larger number, so that the order of falling numbers is that of the climb.
    order = np.sort(scratch.list[:count])
    for i in range(count - 1, -1, -1):
        state = np.int64(order[i])
        for arc in range(climb.start[state], climb.start[state + 1]):
            _relax(state * LANES, np.int64(climb.to[arc]) * LANES, climb.cost[arc], scratch.cost)
    _sweep(number, down, scratch.climbed, scratch.cost)


@compiled
def _meet(state: int, number: int, count: int, scratch: _Scratch) -> int:
    if scratch.climbed[state] == number:
        return count
    scratch.climbed[state] = number
    scratch.list[count] = state
    base = np.int64(state) * LANES
    for lane in range(LANES):
        scratch.cost[base + lane] = _INFINITE
    return count + 1


@compiled
def _relax(tail: int, head: int, arc_cost: int, cost: NDArray[np.int64]) -> None:
    for lane in range(LANES):
        cost[head + lane] = min(cost[head + lane], cost[tail + lane] + arc_cost)


@compiled
def _sweep(number: int, down: Descent, climbed: NDArray[np.int32], cost: NDArray[np.int64]) -> None:
    """Carry costs down, state by state; one line for each lane keeps all of them in the processor's registers."""
    start, tail, arc_cost = down.start, down.tail, down.cost
    for i in range(down.state.size):
        state = down.state[i]
        v = np.int64(state) * LANES
        if climbed[state] == number:
            a0, a1, a2, a3 = cost[v], cost[v + 1], cost[v + 2], cost[v + 3]
            a4, a5, a6, a7 = cost[v + 4], cost[v + 5], cost[v + 6], cost[v + 7]
            a8, a9, a10, a11 = cost[v + 8], cost[v + 9], cost[v + 10], cost[v + 11]
            a12, a13, a14, a15 = cost[v + 12], cost[v + 13], cost[v + 14], cost[v + 15]
        else:
            none = np.int64(_INFINITE)
            a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = none
            a8 = a9 = a10 = a11 = a12 = a13 = a14 = a15 = none
        for arc in range(start[i], start[i + 1]):
            u = np.int64(tail[arc]) * LANES
            w = arc_cost[arc]
            a0 = min(a0, cost[u] + w)
            a1 = min(a1, cost[u + 1] + w)
            a2 = min(a2, cost[u + 2] + w)
            a3 = min(a3, cost[u + 3] + w)
            a4 = min(a4, cost[u + 4] + w)
            a5 = min(a5, cost[u + 5] + w)
            a6 = min(a6, cost[u + 6] + w)
            a7 = min(a7, cost[u + 7] + w)
            a8 = min(a8, cost[u + 8] + w)
            a9 = min(a9, cost[u + 9] + w)
            a10 = min(a10, cost[u + 10] + w)
            a11 = min(a11, cost[u + 11] + w)
            a12 = min(a12, cost[u + 12] + w)
            a13 = min(a13, cost[u + 13] + w)
            a14 = min(a14, cost[u + 14] + w)
            a15 = min(a15, cost[u + 15] + w)
        cost[v], cost[v + 1], cost[v + 2], cost[v + 3] = a0, a1, a2, a3
        cost[v + 4], cost[v + 5], cost[v + 6], cost[v + 7] = a4, a5, a6, a7
        cost[v + 8], cost[v + 9], cost[v + 10], cost[v + 11] = a8, a9, a10, a11
        cost[v + 12], cost[v + 13], cost[v + 14], cost[v + 15] = a12, a13, a14, a15

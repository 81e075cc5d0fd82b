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
from geodata.streets._lanes import INFINITE, LANES, climb_arc, descend, turn_eight

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    lie on the very segment of source s, where ``row_into`` says how far along it the row begins. Cells
    ``(same_row[i], same_column[i])`` are those from a place to itself. Rows that are ``lost`` have no street.
    """

    row_start: NDArray[np.int64]
    row: NDArray[np.int64]
    out_of: NDArray[np.int64]
    row_into: NDArray[np.int64]
    target: NDArray[np.int64]
    into: NDArray[np.int64]
    own_start: NDArray[np.int64]
    own: NDArray[np.int64]
    same_row: NDArray[np.int64]
    same_column: NDArray[np.int64]
    lost: NDArray[np.bool_]


class _Scratch(NamedTuple):
    """Memory of the passes.

    ``cost`` int64[states * LANES]; ``climbed`` the pass that climbed to a state last; ``list`` the states of a climb;
    ``column_state`` each column's state, padded to whole eights; ``by_lane`` int64[LANES, columns padded].
    """

    cost: NDArray[np.int64]
    climbed: NDArray[np.int64]
    list: NDArray[np.int32]
    column_state: NDArray[np.int64]
    by_lane: NDArray[np.int64]


@compiled
def descent(
    down_start: NDArray[np.int64], down_tail: NDArray[np.int32], down_cost: NDArray[np.int64], targets: Targets
) -> Descent:
    """Lay out the part of the hierarchy that leads down to the targets.

    After the states themselves comes one more for each target, numbered on from the last state, into which all states
    of the target lead at no cost.
    """
    states = down_start.size - 1
    wanted = np.zeros(states, dtype=np.bool_)
    for state in targets.state:
        wanted[state] = True
    count = targets.start.size - 1
    arcs = targets.state.size
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
    for target in range(targets.start.size - 1):
        kept[at] = states + target
        for i in range(targets.start[target], targets.start[target + 1]):
            tail[filled] = targets.state[i]
            cost[filled] = 0
            filled += 1
        at += 1
        start[at] = filled
    return Descent(kept, start, tail, cost)


@compiled
def fill_cells(climb: Climb, down: Descent, sources: Sources, cells: Cells) -> NDArray[np.int64]:
    """Compute packed costs, int64[rows, columns], 2^62 where there is no way."""
    rows, columns = cells.out_of.size, cells.into.size
    result = np.full((rows, columns), INFINITE, dtype=np.int64)
    scratch = _scratch(climb, down, cells)
    for first in range(0, sources.start.size - 1, LANES):
        _pass(first, climb, down, sources, scratch)
        for source in range(first, min(first + LANES, sources.start.size - 1)):
            reached = scratch.by_lane[source - first]
            for i in range(cells.row_start[source], cells.row_start[source + 1]):
                row = cells.row[i]
                for j in range(columns):
                    if reached[j] < INFINITE:
                        result[row, j] = reached[j] + cells.out_of[row] + cells.into[j]
                for at in range(cells.own_start[source], cells.own_start[source + 1]):
                    j = cells.own[at]
                    if cells.into[j] >= cells.row_into[row]:
                        result[row, j] = cells.into[j] - cells.row_into[row]
    for i in range(cells.same_row.size):
        result[cells.same_row[i], cells.same_column[i]] = 0
    return result


@compiled
def fill_rounded(
    climb: Climb, down: Descent, sources: Sources, cells: Cells
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Compute seconds and metres, int32[rows, columns], rounded half up, -1 where there is no way."""
    rows, columns = cells.out_of.size, cells.into.size
    seconds = np.empty((rows, columns), dtype=np.int32)
    meters = np.empty((rows, columns), dtype=np.int32)
    for row in range(rows):
        if cells.lost[row]:
            seconds[row] = _NO_PATH
            meters[row] = _NO_PATH
    scratch = _scratch(climb, down, cells)
    for first in range(0, sources.start.size - 1, LANES):
        _pass(first, climb, down, sources, scratch)
        for source in range(first, min(first + LANES, sources.start.size - 1)):
            for i in range(cells.row_start[source], cells.row_start[source + 1]):
                row = cells.row[i]
                _round_row(scratch.by_lane[source - first], cells.into, cells.out_of[row], seconds[row], meters[row])
                for at in range(cells.own_start[source], cells.own_start[source + 1]):
                    j = cells.own[at]
                    if cells.into[j] >= cells.row_into[row]:
                        ahead = cells.into[j] - cells.row_into[row]
                        seconds[row, j] = ((ahead >> 32) + 500) // 1000
                        meters[row, j] = ((ahead & 0xFFFFFFFF) + 500) // 1000
    for i in range(cells.same_row.size):
        seconds[cells.same_row[i], cells.same_column[i]] = 0
        meters[cells.same_row[i], cells.same_column[i]] = 0
    return seconds, meters


@compiled
def _round_row(
    reached: NDArray[np.int64],
    into: NDArray[np.int64],
    out_of: int,
    seconds: NDArray[np.int32],
    meters: NDArray[np.int32],
) -> None:
    for j in range(into.size):
        cost = reached[j] + out_of + into[j]
        # The division of 32 bits by a constant is a multiplication, which runs on several cells at once.
        whole_s = (np.uint32(cost >> 32) + np.uint32(500)) // np.uint32(1000)
        whole_m = (np.uint32(cost & 0xFFFFFFFF) + np.uint32(500)) // np.uint32(1000)
        there = reached[j] < INFINITE
        seconds[j] = np.int32(whole_s) if there else np.int32(_NO_PATH)
        meters[j] = np.int32(whole_m) if there else np.int32(_NO_PATH)


@compiled
def _scratch(climb: Climb, down: Descent, cells: Cells) -> _Scratch:
    states = climb.start.size - 1
    nowhere = states
    if down.state.size > 0:
        nowhere = max(states, down.state[-1] + 1)
    columns = cells.into.size
    padded = (columns + 7) // 8 * 8
    column_state = np.full(padded, nowhere, dtype=np.int64)
    for j in range(columns):
        if cells.target[j] >= 0:
            column_state[j] = states + cells.target[j]
    return _Scratch(
        np.full((nowhere + 1) * LANES, INFINITE, dtype=np.int64),
        np.full(nowhere + 1, -1, dtype=np.int64),
        np.empty(states, dtype=np.int32),
        column_state,
        np.empty((LANES, padded), dtype=np.int64),
    )


@compiled
def _pass(first: int, climb: Climb, down: Descent, sources: Sources, scratch: _Scratch) -> None:
    """Carry the costs of up to sixteen sources up and down, and turn those of the columns into a row for each."""
    lanes = min(LANES, sources.start.size - 1 - first)
    number = first
    count = 0
    for at in range(sources.start[first], sources.start[first + lanes]):
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
        state = order[i]
        for arc in range(climb.start[state], climb.start[state + 1]):
            climb_arc(scratch.cost, np.int64(state), np.int64(climb.to[arc]), climb.cost[arc])
    for i in range(down.state.size):
        state = down.state[i]
        climbed = scratch.climbed[state] == number
        descend(scratch.cost, down.tail, down.cost, down.start[i], down.start[i + 1], np.int64(state), climbed)
    padded = scratch.column_state.size
    flat = scratch.by_lane.reshape(-1)
    for j in range(0, padded, 8):
        turn_eight(scratch.cost, scratch.column_state, j, flat, padded)


@compiled
def _meet(state: int, number: int, count: int, scratch: _Scratch) -> int:
    """Note a state as climbed to in this pass, its costs yet unknown."""
    if scratch.climbed[state] == number:
        return count
    scratch.climbed[state] = number
    scratch.list[count] = state
    base = np.int64(state) * LANES
    for lane in range(LANES):
        scratch.cost[base + lane] = INFINITE
    return count + 1

"""A contraction hierarchy over the states of a profile: made once, asked many times.

States are taken out of the graph one after the other, the least important first; where a quickest path ran over a
state that is taken out, a shortcut keeps its cost. Afterwards every quickest path first climbs to more important
states and then descends (Geisberger, Sanders, Schultes and Delling, "Contraction Hierarchies", WEA 2008). Costs are
packed milliseconds and millimetres, so that a shortcut is exact in both.

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

NONE: Final = -1
# Past twelve days (2^30 ms) nothing is followed. Two costs below this still add up within 64 bits.
INFINITE: Final = 1 << 62
# A search for a path that makes a shortcut needless gives up after so many states; then the shortcut is made, which
# costs a little room and is never wrong. Estimates look less far than the contraction itself.
_SETTLED_ESTIMATE: Final = 12
_SETTLED: Final = 60
_MOST_SETTLED: Final = 64
# Importance of a state: what its contraction would add to the graph against what it takes away, how many original
# arcs the shortcuts stand for, and how deep the hierarchy below it is already.
_EDGE_WEIGHT: Final = 4000
_ORIGINAL_WEIGHT: Final = 1000
_DEPTH_WEIGHT: Final = 1000


class Hierarchy(NamedTuple):
    """The contracted graph. States have a rank; every arc climbs or descends.

    ``rank`` int32[states]. Arc ``i`` costs ``cost[i]`` from the beginning of its tail to that of its head, and stands
    for arcs ``child_a[i]`` and ``child_b[i]`` one after the other, or for none (-1) if it is an arc of the graph.
    ``up_arc[up_start[v]:up_start[v + 1]]`` are the arcs that climb from state v, ``down_arc[down_start[v]:...]`` those
    that descend to it.
    """

    rank: NDArray[np.int32]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    cost: NDArray[np.int64]
    child_a: NDArray[np.int32]
    child_b: NDArray[np.int32]
    up_start: NDArray[np.int64]
    up_arc: NDArray[np.int32]
    down_start: NDArray[np.int64]
    down_arc: NDArray[np.int32]


class _Arcs(NamedTuple):
    """Arcs in two linked lists each: of those that leave a state, and of those that come to it."""

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    cost: NDArray[np.int64]
    child_a: NDArray[np.int32]
    child_b: NDArray[np.int32]
    originals: NDArray[np.int32]
    next_out: NDArray[np.int32]
    next_in: NDArray[np.int32]
    first_out: NDArray[np.int32]
    first_in: NDArray[np.int32]


class _Memory(NamedTuple):
    """What searches for other paths, and the list of new shortcuts, use again and again.

    ``wanted`` int64[states] holds at what cost a search is asked to reach a state, -1 where it is not asked.
    """

    reached: NDArray[np.int64]
    wanted: NDArray[np.int64]
    touched: NDArray[np.int32]
    heap: NDArray[np.int32]
    keys: NDArray[np.int64]
    new_tail: NDArray[np.int32]
    new_head: NDArray[np.int32]
    new_cost: NDArray[np.int64]
    new_a: NDArray[np.int32]
    new_b: NDArray[np.int32]


def contract(graph: ProfileGraph) -> Hierarchy:
    """Build the hierarchy of a profile's graph."""
    source = np.repeat(np.arange(graph.cost.size), np.diff(graph.start))
    cost = graph.cost[source] + graph.turn
    # A state that follows itself is a loop, which no quickest path drives twice.
    kept = (source != graph.successor) & (cost < INFINITE)
    parts = _contract(graph.cost.size, source[kept].astype(np.int32), graph.successor[kept], cost[kept])
    rank, tail, head, cost, child_a, child_b = parts
    climbs = rank[tail] < rank[head]
    up, down = np.flatnonzero(climbs), np.flatnonzero(~climbs)
    up_order, down_order = np.argsort(tail[up], kind="stable"), np.argsort(head[down], kind="stable")
    states = graph.cost.size
    return Hierarchy(
        rank=rank,
        tail=tail,
        head=head,
        cost=cost,
        child_a=child_a,
        child_b=child_b,
        up_start=np.concatenate(([0], np.cumsum(np.bincount(tail[up], minlength=states)))).astype(np.int64),
        up_arc=up[up_order].astype(np.int32),
        down_start=np.concatenate(([0], np.cumsum(np.bincount(head[down], minlength=states)))).astype(np.int64),
        down_arc=down[down_order].astype(np.int32),
    )


@compiled
def _contract(
    states: int, tail: NDArray[np.int32], head: NDArray[np.int32], cost: NDArray[np.int64]
) -> tuple[
    NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]
]:
    """Take out all states; answers their ranks and all arcs that there ever were: tail, head, cost, two children."""
    arcs, count = _first_arcs(states, tail, head, cost)
    memory = _memory(states)
    depth = np.zeros(states, dtype=np.int32)
    rank = np.full(states, -1, dtype=np.int32)
    heap = np.empty(states, dtype=np.int32)
    keys = np.empty(states, dtype=np.int64)
    size = 0
    for state in range(states):
        key, _ = _importance(state, depth, arcs, memory)
        _push(state, key, size, heap, keys)
        size += 1
    done = 0
    while size > 0:
        state = heap[0]
        size -= 1
        if size > 0:
            _settle_top(heap[size], keys[size], size, heap, keys)
        # Importance changes as neighbours go: whoever is no longer the least important waits again.
        key, new = _importance(state, depth, arcs, memory)
        if size > 0 and key > keys[0]:
            _push(state, key, size, heap, keys)
            size += 1
            continue
        # What a short search has found needless, a longer one would too.
        if new > 0:
            new, _, _ = _shortcuts(state, _SETTLED, arcs, memory)
        while count + new > arcs.tail.size:
            arcs = _grown(arcs)
        _take_out(state, depth, arcs)
        for i in range(new):
            count = _add(i, count, arcs, memory)
        rank[state] = done
        done += 1
    return (
        rank,
        arcs.tail[:count].copy(),
        arcs.head[:count].copy(),
        arcs.cost[:count].copy(),
        arcs.child_a[:count].copy(),
        arcs.child_b[:count].copy(),
    )


@compiled
def _memory(states: int) -> _Memory:
    return _Memory(
        np.full(states, INFINITE, dtype=np.int64),
        np.full(states, NONE, dtype=np.int64),
        np.empty(states, dtype=np.int32),
        np.empty(states * 4 + 64, dtype=np.int32),
        np.empty(states * 4 + 64, dtype=np.int64),
        np.empty(1 << 16, dtype=np.int32),
        np.empty(1 << 16, dtype=np.int32),
        np.empty(1 << 16, dtype=np.int64),
        np.empty(1 << 16, dtype=np.int32),
        np.empty(1 << 16, dtype=np.int32),
    )


@compiled
def _first_arcs(
    states: int, tail: NDArray[np.int32], head: NDArray[np.int32], cost: NDArray[np.int64]
) -> tuple[_Arcs, int]:
    room = 3 * tail.size + 16
    arcs = _Arcs(
        np.empty(room, dtype=np.int32),
        np.empty(room, dtype=np.int32),
        np.empty(room, dtype=np.int64),
        np.full(room, NONE, dtype=np.int32),
        np.full(room, NONE, dtype=np.int32),
        np.ones(room, dtype=np.int32),
        np.full(room, NONE, dtype=np.int32),
        np.full(room, NONE, dtype=np.int32),
        np.full(states, NONE, dtype=np.int32),
        np.full(states, NONE, dtype=np.int32),
    )
    count = 0
    for i in range(tail.size):
        # Of arcs between the same states the cheapest is enough.
        other = _find(tail[i], head[i], arcs)
        if other >= 0:
            arcs.cost[other] = min(arcs.cost[other], cost[i])
            continue
        arcs.tail[count] = tail[i]
        arcs.head[count] = head[i]
        arcs.cost[count] = cost[i]
        _link(count, arcs)
        count += 1
    return arcs, count


@compiled
def _link(arc: int, arcs: _Arcs) -> None:
    tail, head = arcs.tail[arc], arcs.head[arc]
    arcs.next_out[arc] = arcs.first_out[tail]
    arcs.first_out[tail] = arc
    arcs.next_in[arc] = arcs.first_in[head]
    arcs.first_in[head] = arc


@compiled
def _find(tail: int, head: int, arcs: _Arcs) -> int:
    arc = arcs.first_out[tail]
    while arc >= 0 and arcs.head[arc] != head:
        arc = arcs.next_out[arc]
    return int(arc)


@compiled
def _grown(arcs: _Arcs) -> _Arcs:
    size = arcs.tail.size
    return _Arcs(
        np.concatenate((arcs.tail, np.empty(size, dtype=np.int32))),
        np.concatenate((arcs.head, np.empty(size, dtype=np.int32))),
        np.concatenate((arcs.cost, np.empty(size, dtype=np.int64))),
        np.concatenate((arcs.child_a, np.full(size, NONE, dtype=np.int32))),
        np.concatenate((arcs.child_b, np.full(size, NONE, dtype=np.int32))),
        np.concatenate((arcs.originals, np.ones(size, dtype=np.int32))),
        np.concatenate((arcs.next_out, np.full(size, NONE, dtype=np.int32))),
        np.concatenate((arcs.next_in, np.full(size, NONE, dtype=np.int32))),
        arcs.first_out,
        arcs.first_in,
    )


@compiled
def _take_out(state: int, depth: NDArray[np.int32], arcs: _Arcs) -> None:
    """Unlink a state's arcs from the lists of its neighbours, which lie one deeper now; its own lists stay."""
    arc = arcs.first_out[state]
    while arc >= 0:
        other = arcs.head[arc]
        depth[other] = max(depth[other], depth[state] + 1)
        at = arcs.first_in[other]
        if at == arc:
            arcs.first_in[other] = arcs.next_in[arc]
        else:
            while arcs.next_in[at] != arc:
                at = arcs.next_in[at]
            arcs.next_in[at] = arcs.next_in[arc]
        arc = arcs.next_out[arc]
    arc = arcs.first_in[state]
    while arc >= 0:
        other = arcs.tail[arc]
        depth[other] = max(depth[other], depth[state] + 1)
        at = arcs.first_out[other]
        if at == arc:
            arcs.first_out[other] = arcs.next_out[arc]
        else:
            while arcs.next_out[at] != arc:
                at = arcs.next_out[at]
            arcs.next_out[at] = arcs.next_out[arc]
        arc = arcs.next_in[arc]


@compiled
def _add(i: int, count: int, arcs: _Arcs, memory: _Memory) -> int:
    """Put shortcut ``i`` of the list into the graph, in place of a dearer arc between the same states."""
    arc = _find(memory.new_tail[i], memory.new_head[i], arcs)
    if arc >= 0 and arcs.cost[arc] <= memory.new_cost[i]:
        return count
    if arc < 0:
        arc = count
        arcs.tail[arc] = memory.new_tail[i]
        arcs.head[arc] = memory.new_head[i]
        _link(arc, arcs)
        count += 1
    arcs.cost[arc] = memory.new_cost[i]
    arcs.child_a[arc] = memory.new_a[i]
    arcs.child_b[arc] = memory.new_b[i]
    arcs.originals[arc] = arcs.originals[memory.new_a[i]] + arcs.originals[memory.new_b[i]]
    return count


@compiled
def _importance(state: int, depth: NDArray[np.int32], arcs: _Arcs, memory: _Memory) -> tuple[int, int]:
    """Estimate how important a state is; answers with it how many shortcuts the estimate would need."""
    new, gone, originals_gone = _shortcuts(state, _SETTLED_ESTIMATE, arcs, memory)
    originals = 0
    for i in range(new):
        originals += arcs.originals[memory.new_a[i]] + arcs.originals[memory.new_b[i]]
    edges = _EDGE_WEIGHT * new // max(gone, 1)
    key = edges + _ORIGINAL_WEIGHT * originals // max(originals_gone, 1) + _DEPTH_WEIGHT * depth[state]
    return int(key), new


@compiled
def _shortcuts(state: int, most: int, arcs: _Arcs, memory: _Memory) -> tuple[int, int, int]:
    """List the shortcuts that taking out a state needs; answers their number, and what goes: arcs, original arcs."""
    gone = 0
    originals_gone = 0
    farthest = np.int64(-1)
    out = arcs.first_out[state]
    while out >= 0:
        farthest = max(farthest, arcs.cost[out])
        gone += 1
        originals_gone += arcs.originals[out]
        out = arcs.next_out[out]
    new = 0
    into = arcs.first_in[state]
    while into >= 0:
        gone += 1
        originals_gone += arcs.originals[into]
        if farthest >= 0:
            new = _shortcuts_from(into, state, arcs.cost[into] + farthest, most, new, arcs, memory)
        into = arcs.next_in[into]
    return new, gone, originals_gone


@compiled
def _shortcuts_from(into: int, state: int, limit: int, most: int, new: int, arcs: _Arcs, memory: _Memory) -> int:
    """Add the shortcuts that begin with arc ``into``, except where another path is as good."""
    tail = arcs.tail[into]
    out = arcs.first_out[state]
    others = 0
    while out >= 0:
        if arcs.head[out] != tail:
            memory.wanted[arcs.head[out]] = arcs.cost[into] + arcs.cost[out]
            others += 1
        out = arcs.next_out[out]
    if others == 0:
        return new
    touches = _search(tail, state, limit, most, others, arcs, memory)
    out = arcs.first_out[state]
    while out >= 0:
        head = arcs.head[out]
        memory.wanted[head] = NONE
        through = arcs.cost[into] + arcs.cost[out]
        if head != tail and through < INFINITE and memory.reached[head] > through and new < memory.new_tail.size:
            memory.new_tail[new] = tail
            memory.new_head[new] = head
            memory.new_cost[new] = through
            memory.new_a[new] = into
            memory.new_b[new] = out
            new += 1
        out = arcs.next_out[out]
    for i in range(touches):
        memory.reached[memory.touched[i]] = INFINITE
    return new


@compiled
def _search(  # noqa: C901 - the inmost loop; each call out of it would be paid for millions of times
    source: int, avoid: int, limit: int, most: int, others: int, arcs: _Arcs, memory: _Memory
) -> int:
    """Search from a state without ``avoid``, to costs of ``limit``, settling ``most`` states; answers the touched.

    It ends early when all ``others`` that are wanted have been reached at no more than what they are wanted for.
    """
    reached, wanted, heap, keys = memory.reached, memory.wanted, memory.heap, memory.keys
    reached[source] = 0
    memory.touched[0] = source
    touches = 1
    heap[0] = source
    keys[0] = 0
    size = 1
    settled = 0
    while size > 0 and settled < most:
        state, key = heap[0], keys[0]
        size -= 1
        if size > 0:
            _settle_top(heap[size], keys[size], size, heap, keys)
        if key > reached[state]:
            continue
        if key > limit:
            break
        settled += 1
        arc = arcs.first_out[state]
        while arc >= 0:
            head = arcs.head[arc]
            new = key + arcs.cost[arc]
            if head != avoid and new <= limit and new < reached[head]:
                if reached[head] == INFINITE:
                    memory.touched[touches] = head
                    touches += 1
                if reached[head] > wanted[head] >= new:
                    others -= 1
                    if others == 0:
                        reached[head] = new
                        return touches
                reached[head] = new
                if size < heap.size:
                    _push(head, new, size, heap, keys)
                    size += 1
            arc = arcs.next_out[arc]
    return touches


@compiled
def _push(state: int, key: int, size: int, heap: NDArray[np.int32], keys: NDArray[np.int64]) -> None:
    at = size
    while at > 0:
        above = (at - 1) // 2
        if keys[above] <= key:
            break
        heap[at] = heap[above]
        keys[at] = keys[above]
        at = above
    heap[at] = state
    keys[at] = key


@compiled
def _settle_top(state: int, key: int, size: int, heap: NDArray[np.int32], keys: NDArray[np.int64]) -> None:
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        heap[at] = heap[child]
        keys[at] = keys[child]
        at = child
    heap[at] = state
    keys[at] = key

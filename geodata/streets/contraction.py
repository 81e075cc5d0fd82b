"""A contraction hierarchy over the states of a profile: made once, asked many times.

States are taken out of the graph one after the other, the least important first; where a quickest path ran over a
state that is taken out, a shortcut keeps its cost. Afterwards every quickest path first climbs to more important
states and then descends (Geisberger, Sanders, Schultes and Delling, "Contraction Hierarchies", WEA 2008). Costs are
packed milliseconds and millimetres, so that a shortcut is exact in both.

On a grid of streets hardly any state is less important than the others, and what is left grows dense: searches for
other paths must look at ever more arcs, and where they give up, shortcuts that nothing needs make it denser still. So
the last states, the core, are taken out by the exact costs between all of them, which taking states out never changes.

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
# Importance of a state: what its contraction would add to the graph against what it takes away, how many original
# arcs the shortcuts stand for, and how deep the hierarchy below it is already.
_EDGE_WEIGHT: Final = 4000
_ORIGINAL_WEIGHT: Final = 1000
_DEPTH_WEIGHT: Final = 1000
# The core begins when at most so many states are left for each arc that leaves one on average: from then on a search
# from every state costs no more than the searches for other paths would. The square of its size must fit into memory.
_CORE_FOR_DEGREE: Final = 64
_MOST_CORE: Final = 3000


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


class _Search(NamedTuple):
    """What searches for other paths use again and again.

    ``wanted`` int64[states] holds at what cost a search is asked to reach a state, -1 where it is not asked.
    """

    reached: NDArray[np.int64]
    wanted: NDArray[np.int64]
    touched: NDArray[np.int32]
    heap: NDArray[np.int32]
    keys: NDArray[np.int64]


class _New(NamedTuple):
    """The list of new shortcuts, which is written anew for each state."""

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    cost: NDArray[np.int64]
    child_a: NDArray[np.int32]
    child_b: NDArray[np.int32]


class _Core(NamedTuple):
    """The last states; all three arrays are empty before there is a core.

    ``place`` int32[states] is where a state stands in it, ``least`` int64[core, core] the costs from each to each, and
    ``joined`` bool[core, core] whether an arc has that cost.
    """

    place: NDArray[np.int32]
    least: NDArray[np.int64]
    joined: NDArray[np.bool_]


class _Memory(NamedTuple):
    """All that is used again and again."""

    search: _Search
    new: _New
    core: _Core


def contract(graph: ProfileGraph, *, core_for_degree: int = _CORE_FOR_DEGREE) -> Hierarchy:
    """Build the hierarchy of a profile's graph.

    Parameters
    ----------
    graph
        what the profile may drive.
    core_for_degree
        at most so many states, for each arc that leaves a state on average, are the core; the answers do not depend
        on it.
    """
    source = np.repeat(np.arange(graph.cost.size), np.diff(graph.start))
    cost = graph.cost[source] + graph.turn
    # A state that follows itself is a loop, which no quickest path drives twice.
    kept = (source != graph.successor) & (cost < INFINITE)
    states = graph.cost.size
    arcs = source[kept].astype(np.int32), graph.successor[kept], cost[kept]
    rank, tail, head, cost, child_a, child_b = _contract(states, *arcs, core_for_degree)
    climbs, needed = rank[tail] < rank[head], cost < INFINITE
    up, down = np.flatnonzero(climbs & needed), np.flatnonzero(~climbs & needed)
    up_order, down_order = np.argsort(tail[up], kind="stable"), np.argsort(head[down], kind="stable")
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
    states: int, tail: NDArray[np.int32], head: NDArray[np.int32], cost: NDArray[np.int64], core_for_degree: int
) -> tuple[
    NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]
]:
    """Take out all states; answers their ranks and all arcs that there ever were: tail, head, cost, two children.

    Arcs of the core that no quickest path runs over have infinite cost.
    """
    arcs, count = _first_arcs(states, tail, head, cost)
    memory = _memory(states)
    depth = np.zeros(states, dtype=np.int32)
    rank = np.full(states, -1, dtype=np.int32)
    heap = np.empty(states, dtype=np.int32)
    keys = np.empty(states, dtype=np.int64)
    size = _queue(rank, depth, arcs, memory, heap, keys)
    done = 0
    linked = count
    while size > 0:
        left = states - done
        if memory.core.place.size == 0 and left <= _MOST_CORE and left * left <= core_for_degree * linked:
            memory = _with_core(rank, left, linked, arcs, memory)
            size = _queue(rank, depth, arcs, memory, heap, keys)
        state = heap[0]
        size -= 1
        if size > 0:
            _settle_top(heap[size], keys[size], size, heap, keys)
        memory = _with_room(state, arcs, memory)
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
        linked -= _take_out(state, depth, arcs) + count
        for i in range(new):
            count = _add(i, count, arcs, memory)
        linked += count
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
    search = _Search(
        np.full(states, INFINITE, dtype=np.int64),
        np.full(states, NONE, dtype=np.int64),
        np.empty(states, dtype=np.int32),
        np.empty(states * 4 + 64, dtype=np.int32),
        np.empty(states * 4 + 64, dtype=np.int64),
    )
    core = _Core(np.empty(0, dtype=np.int32), np.empty((0, 0), dtype=np.int64), np.empty((0, 0), dtype=np.bool_))
    return _Memory(search, _room_for(1 << 16), core)


@compiled
def _room_for(shortcuts: int) -> _New:
    return _New(
        np.empty(shortcuts, dtype=np.int32),
        np.empty(shortcuts, dtype=np.int32),
        np.empty(shortcuts, dtype=np.int64),
        np.empty(shortcuts, dtype=np.int32),
        np.empty(shortcuts, dtype=np.int32),
    )


@compiled
def _with_room(state: int, arcs: _Arcs, memory: _Memory) -> _Memory:
    """Make room for a shortcut from every state before this one to every one after it."""
    out_of, into = 0, 0
    arc = arcs.first_out[state]
    while arc >= 0:
        out_of += 1
        arc = arcs.next_out[arc]
    arc = arcs.first_in[state]
    while arc >= 0:
        into += 1
        arc = arcs.next_in[arc]
    room = out_of * into
    if room <= memory.new.tail.size:
        return memory
    return _Memory(memory.search, _room_for(2 * room), memory.core)


@compiled
def _with_core(rank: NDArray[np.int32], left: int, linked: int, arcs: _Arcs, memory: _Memory) -> _Memory:
    """Search from every state that is left to all others, and keep only arcs that cost no more than that."""
    core = np.flatnonzero(rank < 0)
    place = np.full(rank.size, NONE, dtype=np.int32)
    for at in range(left):
        place[core[at]] = at
    # A search that ran out of room would find costs too high, and an arc could seem as good as any path: each of the
    # ``linked`` arcs may want its place in the queue.
    search = _Search(
        memory.search.reached,
        memory.search.wanted,
        memory.search.touched,
        np.empty(linked + 1, dtype=np.int32),
        np.empty(linked + 1, dtype=np.int64),
    )
    least = np.full((left, left), INFINITE, dtype=np.int64)
    for at in range(left):
        touches = _search(core[at], NONE, INFINITE - 1, left, 1, arcs, search)
        for i in range(touches):
            state = search.touched[i]
            least[at, place[state]] = search.reached[state]
            search.reached[state] = INFINITE
    joined = np.zeros((left, left), dtype=np.bool_)
    arcs.first_in[core] = NONE
    for at in range(left):
        arc = arcs.first_out[core[at]]
        arcs.first_out[core[at]] = NONE
        while arc >= 0:
            following = arcs.next_out[arc]
            to = place[arcs.head[arc]]
            if arcs.cost[arc] <= least[at, to]:
                _link(arc, arcs)
                joined[at, to] = True
            else:
                arcs.cost[arc] = INFINITE
            arc = following
    return _Memory(search, memory.new, _Core(place, least, joined))


@compiled
def _queue(
    rank: NDArray[np.int32],
    depth: NDArray[np.int32],
    arcs: _Arcs,
    memory: _Memory,
    heap: NDArray[np.int32],
    keys: NDArray[np.int64],
) -> int:
    """Queue all states that are left by their importance; answers their number."""
    size = 0
    for state in range(rank.size):
        if rank[state] < 0:
            memory = _with_room(state, arcs, memory)
            key, _ = _importance(state, depth, arcs, memory)
            _push(state, key, size, heap, keys)
            size += 1
    return size


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
def _take_out(state: int, depth: NDArray[np.int32], arcs: _Arcs) -> int:
    """Unlink a state's arcs from the lists of its neighbours, which lie one deeper now; its own lists stay.

    Answers how many arcs that are.
    """
    gone = 0
    arc = arcs.first_out[state]
    while arc >= 0:
        other = arcs.head[arc]
        depth[other] = max(depth[other], depth[state] + 1)
        _unlink(arc, other, arcs.first_in, arcs.next_in)
        arc = arcs.next_out[arc]
        gone += 1
    arc = arcs.first_in[state]
    while arc >= 0:
        other = arcs.tail[arc]
        depth[other] = max(depth[other], depth[state] + 1)
        _unlink(arc, other, arcs.first_out, arcs.next_out)
        arc = arcs.next_in[arc]
        gone += 1
    return gone


@compiled
def _unlink(arc: int, state: int, first: NDArray[np.int32], following: NDArray[np.int32]) -> None:
    """Take an arc out of a state's list."""
    at = first[state]
    if at == arc:
        first[state] = following[arc]
        return
    while following[at] != arc:
        at = following[at]
    following[at] = following[arc]


@compiled
def _add(i: int, count: int, arcs: _Arcs, memory: _Memory) -> int:
    """Put shortcut ``i`` of the list into the graph, in place of a dearer arc between the same states."""
    arc = NONE
    if memory.core.place.size > 0:
        # Shortcuts of the core are new, and as cheap as any path between their states.
        memory.core.joined[memory.core.place[memory.new.tail[i]], memory.core.place[memory.new.head[i]]] = True
    else:
        arc = _find(memory.new.tail[i], memory.new.head[i], arcs)
    if arc >= 0 and arcs.cost[arc] <= memory.new.cost[i]:
        return count
    if arc < 0:
        arc = count
        arcs.tail[arc] = memory.new.tail[i]
        arcs.head[arc] = memory.new.head[i]
        _link(arc, arcs)
        count += 1
    arcs.cost[arc] = memory.new.cost[i]
    arcs.child_a[arc] = memory.new.child_a[i]
    arcs.child_b[arc] = memory.new.child_b[i]
    arcs.originals[arc] = arcs.originals[memory.new.child_a[i]] + arcs.originals[memory.new.child_b[i]]
    return count


@compiled
def _importance(state: int, depth: NDArray[np.int32], arcs: _Arcs, memory: _Memory) -> tuple[int, int]:
    """Estimate how important a state is; answers with it how many shortcuts the estimate would need."""
    new, gone, originals_gone = _shortcuts(state, _SETTLED_ESTIMATE, arcs, memory)
    originals = 0
    for i in range(new):
        originals += arcs.originals[memory.new.child_a[i]] + arcs.originals[memory.new.child_b[i]]
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
        if memory.core.place.size > 0:
            new = _core_shortcuts_from(into, state, new, arcs, memory)
        elif farthest >= 0:
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
            memory.search.wanted[arcs.head[out]] = arcs.cost[into] + arcs.cost[out]
            others += 1
        out = arcs.next_out[out]
    if others == 0:
        return new
    touches = _search(tail, state, limit, most, others, arcs, memory.search)
    out = arcs.first_out[state]
    while out >= 0:
        head = arcs.head[out]
        memory.search.wanted[head] = NONE
        through = arcs.cost[into] + arcs.cost[out]
        if head != tail and through < INFINITE and memory.search.reached[head] > through:
            _write(new, tail, head, through, into, out, memory.new)
            new += 1
        out = arcs.next_out[out]
    for i in range(touches):
        memory.search.reached[memory.search.touched[i]] = INFINITE
    return new


@compiled
def _core_shortcuts_from(into: int, state: int, new: int, arcs: _Arcs, memory: _Memory) -> int:
    """Add the shortcuts that begin with arc ``into``, where no path is cheaper and no arc is as good."""
    tail = arcs.tail[into]
    least = memory.core.least[memory.core.place[tail]]
    joined = memory.core.joined[memory.core.place[tail]]
    out = arcs.first_out[state]
    while out >= 0:
        head = arcs.head[out]
        to = memory.core.place[head]
        through = arcs.cost[into] + arcs.cost[out]
        if head != tail and through < INFINITE and through <= least[to] and not joined[to]:
            _write(new, tail, head, through, into, out, memory.new)
            new += 1
        out = arcs.next_out[out]
    return new


@compiled
def _write(i: int, tail: int, head: int, cost: int, child_a: int, child_b: int, new: _New) -> None:
    new.tail[i] = tail
    new.head[i] = head
    new.cost[i] = cost
    new.child_a[i] = child_a
    new.child_b[i] = child_b


@compiled
def _search(  # noqa: C901 - the inmost loop; each call out of it would be paid for millions of times
    source: int, avoid: int, limit: int, most: int, others: int, arcs: _Arcs, search: _Search
) -> int:
    """Search from a state without ``avoid``, to costs of ``limit``, settling ``most`` states; answers the touched.

    It ends early when all ``others`` that are wanted have been reached at no more than what they are wanted for.
    """
    reached, wanted, touched, heap, keys = search
    reached[source] = 0
    touched[0] = source
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
                    touched[touches] = head
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

"""The hierarchy of dense streets: however much of them is taken out as a core, the answers stay those of a search."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streets_samples import COMPACTOR, sample_extract

from geodata.streets.contraction import INFINITE, Hierarchy, contract
from geodata.streets.roads import build_roads
from geodata.streets.states import ProfileGraph, profile_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEVER, AT_ONCE = 0, 10**6


def grid(side: int, seed: int) -> ProfileGraph:
    """Streets in squares of one thousandth of a degree, some of them one-way, and some a little longer by chance."""
    generator = np.random.default_rng(seed)
    steps = list(itertools.product(range(side), range(side)))
    number = {step: index for index, step in enumerate(steps, start=1)}
    bend = generator.choice([0.0, 1e-4], (len(steps), 2))
    nodes = {
        number[x, y]: (x * 1e-3 + dx, y * 1e-3 + dy) for (x, y), (dx, dy) in zip(steps, bend.tolist(), strict=True)
    }
    pairs = [
        (number[x, y], number[to])
        for x, y in steps
        for to in ((x + 1, y), (x, y + 1))
        if to in number and generator.random() < 0.9
    ]
    one_way = generator.random(len(pairs)) < 0.2
    ways = [
        (way, list(pair), {"highway": "residential", **({"oneway": "yes"} if one_way[way] else {})})
        for way, pair in enumerate(pairs)
    ]
    return profile_graph(build_roads(sample_extract(nodes, ways), [COMPACTOR], driving_side="right"), "compactor")


def arcs_of(graph: ProfileGraph) -> tuple[list[int], list[int], list[int]]:
    """Tails, heads and costs of the graph's arcs, from the beginning of a state to that of the next."""
    source = np.repeat(np.arange(graph.cost.size), np.diff(graph.start))
    return source.tolist(), graph.successor.tolist(), (graph.cost[source] + graph.turn).tolist()


def searched(graph: ProfileGraph) -> NDArray[np.int64]:
    """Least costs between all states, by Floyd and Warshall."""
    least = np.full((graph.cost.size,) * 2, INFINITE, dtype=np.int64)
    for tail, head, cost in zip(*arcs_of(graph), strict=True):
        least[tail, head] = min(int(least[tail, head]), cost)
    np.fill_diagonal(least, 0)
    for via in range(graph.cost.size):
        np.minimum(least, least[:, via, None] + least[None, via, :], out=least, where=least[:, via, None] < INFINITE)
    return np.minimum(least, INFINITE)


def climbed_and_descended(hierarchy: Hierarchy) -> NDArray[np.int64]:
    """Least costs between all states by paths that climb and then descend."""
    states = hierarchy.rank.size
    up = np.full((states, states), INFINITE, dtype=np.int64)
    down = up.copy()
    np.fill_diagonal(up, 0)
    np.fill_diagonal(down, 0)
    for state in np.argsort(hierarchy.rank)[::-1].tolist():
        for arc in hierarchy.up_arc[hierarchy.up_start[state] : hierarchy.up_start[state + 1]].tolist():
            up[state] = np.minimum(up[state], hierarchy.cost[arc] + up[hierarchy.head[arc]])
        for arc in hierarchy.down_arc[hierarchy.down_start[state] : hierarchy.down_start[state + 1]].tolist():
            down[state] = np.minimum(down[state], hierarchy.cost[arc] + down[hierarchy.tail[arc]])
    whole = np.full((states, states), INFINITE, dtype=np.int64)
    for summit in range(states):
        # Twice what counts as infinite is more than 64 bits hold.
        ways_up = up[:, summit, None]
        np.minimum(whole, ways_up + down[None, :, summit], out=whole, where=ways_up < INFINITE)
    return whole


@pytest.mark.parametrize("core_for_degree", [NEVER, 5, AT_ONCE])
@settings(max_examples=15, deadline=None)
@given(side=st.integers(2, 6), seed=st.integers(0, 10**6))
def test_costs_are_those_of_a_search(core_for_degree: int, side: int, seed: int) -> None:
    """Without a core, with one from the middle on, and with nothing else, all costs between states are the least."""
    graph = grid(side, seed)
    assert (climbed_and_descended(contract(graph, core_for_degree=core_for_degree)) == searched(graph)).all()


@pytest.mark.parametrize("core_for_degree", [NEVER, 5, AT_ONCE])
def test_shortcuts_cost_what_they_stand_for(core_for_degree: int) -> None:
    """Every arc that climbs or descends is an arc of the graph, or joins two arcs and costs what they do together."""
    graph = grid(8, seed=3)
    hierarchy = contract(graph, core_for_degree=core_for_degree)
    own = {(tail, head): cost for tail, head, cost in zip(*arcs_of(graph), strict=True)}
    for arc in (*hierarchy.up_arc.tolist(), *hierarchy.down_arc.tolist()):
        tail, head = int(hierarchy.tail[arc]), int(hierarchy.head[arc])
        a, b = int(hierarchy.child_a[arc]), int(hierarchy.child_b[arc])
        if a < 0:
            assert hierarchy.cost[arc] == own[tail, head]
        else:
            assert (hierarchy.tail[a], hierarchy.head[a], hierarchy.head[b]) == (tail, hierarchy.tail[b], head)
            assert hierarchy.cost[arc] == hierarchy.cost[a] + hierarchy.cost[b]

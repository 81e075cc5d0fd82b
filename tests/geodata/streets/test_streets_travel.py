"""Travel matrices against searches that are written another way."""

from __future__ import annotations

import dataclasses
import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streets_samples import (
    ALL_PROFILES,
    COMPACTOR,
    HANDCART,
    MILLIDEGREE_MM,
    TIPPER,
    real_extract,
    sample_extract,
)

from geodata.streets.geodesy import haversine_m
from geodata.streets.legs import legs
from geodata.streets.osm import read_osm
from geodata.streets.roads import FORBIDDEN_TURN, RoadNetwork, build_roads
from geodata.streets.snap import Places, snap
from geodata.streets.travel import NO_PATH, travel_matrix, travel_ms_mm

STREET = {"highway": "residential"}
Cost = tuple[int, int]


def places_at(network: RoadNetwork, spots: list[tuple[int, float]]) -> Places:
    """Places at shares of segments."""
    segment = np.array([spot for spot, _ in spots], dtype=np.int32)
    along = np.array([int(share * network.length_mm[spot]) for spot, share in spots], dtype=np.int64)
    n = len(spots)
    zeros = np.zeros(n)
    return Places(
        segment=segment, along_mm=along, side=np.zeros(n, dtype=np.int8), offset_m=zeros, lon=zeros, lat=zeros
    )


def brute_force(network: RoadNetwork, profile: int, places: Places) -> tuple[list[list[int]], list[list[int]]]:
    """Relax every arc until nothing changes (Bellman and Ford), with pairs of numbers compared in order."""
    ms, mm = network.travel_ms[profile].tolist(), network.length_mm.tolist()
    usable = network.usable[profile].tolist()
    arcs = [
        (source, int(network.arc_to[arc]), int(network.turn_ms[profile, arc]))
        for source in range(len(mm))
        for arc in range(network.arc_start[source], network.arc_start[source + 1])
        if usable[source] and usable[network.arc_to[arc]] and network.turn_ms[profile, arc] >= 0
    ]
    spots = [
        (int(segment), ms[segment] * int(along) // mm[segment], int(along))
        for segment, along in zip(places.segment, places.along_mm, strict=True)
    ]
    durations = [[NO_PATH] * len(spots) for _ in spots]
    distances = [[NO_PATH] * len(spots) for _ in spots]
    for i, (own, own_ms, own_mm) in enumerate(spots):
        left = (own, ms[own] - own_ms, mm[own] - own_mm)
        best = relax(arcs, ms, mm, left) if usable[own] else {}
        for j, (there, there_ms, there_mm) in enumerate(spots):
            options = [(best[there][0] + there_ms, best[there][1] + there_mm)] if there in best else []
            if own == there and there_mm >= own_mm and usable[own]:
                options.append((there_ms - own_ms, there_mm - own_mm))
            if i == j:
                options = [(0, 0)]
            if options:
                durations[i][j], distances[i][j] = min(options)
    return durations, distances


def relax(
    arcs: list[tuple[int, int, int]], ms: list[int], mm: list[int], origin: tuple[int, int, int]
) -> dict[int, Cost]:
    """Least (ms, mm) to the beginning of segments, from an origin given as (segment, ms and mm left on it)."""
    best: dict[int, Cost] = {}
    changed = True
    while changed:
        changed = False
        for source, target, turn in arcs:
            options = [(best[source][0] + ms[source], best[source][1] + mm[source])] if source in best else []
            if source == origin[0]:
                options.append(origin[1:])
            for left_ms, left_mm in options:
                new = (left_ms + turn, left_mm)
                if target not in best or new < best[target]:
                    best[target] = new
                    changed = True
    return best


@st.composite
def networks(draw: st.DrawFn) -> RoadNetwork:
    """Small street networks with one-way streets, dead ends, barriers, bends and vehicle limits."""
    size = draw(st.integers(3, 8))
    points = st.tuples(st.integers(0, 30), st.integers(0, 30))
    where = draw(st.lists(points, min_size=size, max_size=size, unique=True))
    nodes = {index: (x * 1e-4, y * 1e-4) for index, (x, y) in enumerate(where, start=1)}
    tags = st.fixed_dictionaries(
        {"highway": st.sampled_from(["residential", "service", "primary"])},
        optional={
            "oneway": st.sampled_from(["yes", "-1"]),
            "maxweight": st.sampled_from(["3.5"]),
            "access": st.sampled_from(["private"]),
        },
    )
    refs = st.lists(st.integers(1, size), min_size=2, max_size=5).map(
        lambda chain: [chain[0], *(b for a, b in itertools.pairwise(chain) if a != b)]
    )
    ways = draw(st.lists(st.tuples(refs.filter(lambda chain: len(chain) > 1), tags), min_size=2, max_size=9))
    bollards = draw(st.sets(st.integers(1, size), max_size=2))
    extract = sample_extract(
        nodes,
        [(0, [1, 2], STREET), *((way, chain, tag) for way, (chain, tag) in enumerate(ways, start=1))],
        {node: {"barrier": "bollard"} for node in bollards},
    )
    return build_roads(extract, [COMPACTOR, TIPPER, HANDCART], driving_side="right")


@settings(max_examples=150, deadline=None)
@given(network=networks(), data=st.data())
def test_matrix_equals_brute_force(network: RoadNetwork, data: st.DataObject) -> None:
    """On any small network both figures of every cell are those of an exhaustive search over segment states."""
    spot = st.tuples(st.integers(0, network.tail.size - 1), st.floats(0, 1))
    places = places_at(network, data.draw(st.lists(spot, min_size=1, max_size=6)))
    for index, profile in enumerate(network.profiles):
        ms, mm = travel_ms_mm(network, profile.name, places)
        expected_ms, expected_mm = brute_force(network, index, places)
        assert ms.tolist() == expected_ms
        assert mm.tolist() == expected_mm
        seconds, meters = travel_matrix(network, profile.name, places)
        assert np.array_equal(seconds, np.where(ms < 0, NO_PATH, np.floor(ms / 1000 + 0.5)))
        assert np.array_equal(meters, np.where(mm < 0, NO_PATH, np.floor(mm / 1000 + 0.5)))
        assert seconds.dtype == meters.dtype == np.int32


@settings(max_examples=60, deadline=None)
@given(network=networks(), data=st.data(), seed=st.integers(0, 10**6))
def test_turn_costs_and_forbidden_turns_are_obeyed(network: RoadNetwork, data: st.DataObject, seed: int) -> None:
    """With arbitrary costs and bans on turns the matrix still equals the exhaustive search."""
    drawn = np.random.default_rng(seed).integers(-1, 9, network.turn_ms.shape)
    turn_ms = np.where((network.turn_ms < 0) | (drawn < 0), FORBIDDEN_TURN, drawn * 1000).astype(np.int32)
    network = dataclasses.replace(network, turn_ms=turn_ms)
    spot = st.tuples(st.integers(0, network.tail.size - 1), st.floats(0, 1))
    places = places_at(network, data.draw(st.lists(spot, min_size=2, max_size=5)))
    for index, profile in enumerate(network.profiles):
        ms, mm = travel_ms_mm(network, profile.name, places)
        assert (ms.tolist(), mm.tolist()) == brute_force(network, index, places)


def ring(**tags: str) -> RoadNetwork:
    """Build a one-way square, one thousandth of a degree a side, cut at every corner by a stub."""
    square = {1: (0.0, 0.0), 2: (0.001, 0.0), 3: (0.001, 0.001), 4: (0.0, 0.001)}
    stubs = {5: (-0.001, 0.0), 6: (0.002, 0.0), 7: (0.002, 0.001), 8: (-0.001, 0.001)}
    ways = [(1, [1, 2, 3, 4, 1], {**STREET, "oneway": "yes", **tags})]
    ways += [(10 + corner, [corner, corner + 4], STREET) for corner in (1, 2, 3, 4)]
    return build_roads(sample_extract({**square, **stubs}, ways), [COMPACTOR], driving_side="right")


def test_one_way_is_obeyed_and_behind_means_going_round() -> None:
    """On a one-way ring a place ahead is reached directly, and one behind on the same segment by a full round."""
    network = ring()
    places = snap(network, [0.00025, 0.00075, 0.00075], [0.0] * 3, profiles=[["compactor"]] * 3)
    assert len(set(places.segment.tolist())) == 1
    _, distance_m = travel_matrix(network, "compactor", places)
    half_m = MILLIDEGREE_MM / 2000
    assert distance_m[0].tolist() == pytest.approx([0, half_m, half_m], abs=1)
    assert distance_m[1].tolist() == pytest.approx([7 * half_m, 0, 0], abs=1)


def test_quickest_is_not_shortest() -> None:
    """Where a longer street is quicker, both figures are the longer street's."""
    nodes = {1: (0.0, 0.0), 2: (0.01, 0.0), 3: (0.005, 0.002), 4: (-0.001, 0.0), 5: (0.011, 0.0)}
    ways = [
        (1, [1, 2], {"highway": "living_street"}),
        (2, [1, 3, 2], {"highway": "primary"}),
        (3, [4, 1], STREET),
        (4, [2, 5], STREET),
    ]
    network = build_roads(sample_extract(nodes, ways), [COMPACTOR], driving_side="right")
    places = snap(network, [-0.0005, 0.0105], [-1e-5] * 2, profiles=[["compactor"]] * 2)
    _, distance_m = travel_matrix(network, "compactor", places)
    over_3 = haversine_m(
        np.array([0.0, 0.005]), np.array([0.0, 0.002]), np.array([0.005, 0.01]), np.array([0.002, 0.0])
    )
    assert distance_m[0, 1] == pytest.approx(over_3.sum() + MILLIDEGREE_MM / 1000, abs=1)


def test_places_without_a_street_have_no_path() -> None:
    """A place that was not snapped, or stands on a street closed to the profile, is joined to nothing but itself."""
    nodes = {1: (0.0, 0.0), 2: (0.01, 0.0), 3: (0.02, 0.0)}
    ways = [(1, [1, 2], STREET), (2, [2, 3], {**STREET, "maxweight": "3.5"})]
    network = build_roads(sample_extract(nodes, ways), [COMPACTOR, TIPPER], driving_side="right")
    places = snap(network, [0.005, 0.015, 5.0], [0.0] * 3, profiles=[["compactor", "tipper"]] * 3)
    assert places.segment[2] == -1
    no = NO_PATH
    assert travel_matrix(network, "compactor", places)[0].tolist() == [[0, no, no], [no, 0, no], [no, no, 0]]
    seconds, _ = travel_matrix(network, "tipper", places)
    assert seconds[0, 1] > 0
    assert seconds[:, 2].tolist() == seconds[2].tolist() == [no, no, 0]


def test_rows_and_columns_may_be_chosen() -> None:
    """A block of the matrix equals that part of the whole, in the order asked for, with repeats."""
    network = ring()
    places = snap(network, [0.0003, 0.001, 0.0, 0.0006], [0.0, 0.0004, 0.0007, 0.001], profiles=[["compactor"]] * 4)
    whole = travel_matrix(network, "compactor", places)
    rows, columns = [3, 0, 3], [1, 3]
    block = travel_matrix(network, "compactor", places, sources=rows, targets=columns)
    for part, full in zip(block, whole, strict=True):
        assert part.tolist() == full[np.ix_(rows, columns)].tolist()
    empty, _ = travel_matrix(network, "compactor", places, sources=[], targets=columns)
    assert empty.shape == (0, 2)
    with pytest.raises(KeyError, match="bus"):
        travel_matrix(network, "bus", places)


def random_places(network: RoadNetwork, n: int, seed: int) -> Places:
    generator = np.random.default_rng(seed)
    near = generator.integers(0, network.node_id.size, n)
    names = [profile.name for profile in network.profiles]
    return snap(
        network,
        network.node_lon[near] + generator.normal(0, 3e-4, n),
        network.node_lat[near] + generator.normal(0, 3e-4, n),
        profiles=[names] * n,
    )


def state_graph(network: RoadNetwork, profile: int) -> nx.DiGraph:
    """Join what may follow each other, as (segment, came in from outside); weights are pairs in one number."""
    usable = network.usable[profile]
    inside = network.inside[profile]
    assert not network.chains[profile], "this graph has no memory for chains"
    graph = nx.DiGraph()
    graph.add_nodes_from((segment, False) for segment in np.flatnonzero(usable).tolist())
    for segment in np.flatnonzero(usable).tolist():
        own = int(network.travel_ms[profile, segment]) * 2**40 + int(network.length_mm[segment])
        for arc in range(network.arc_start[segment], network.arc_start[segment + 1]):
            following, turn_ms = int(network.arc_to[arc]), int(network.turn_ms[profile, arc])
            if turn_ms < 0 or not usable[following]:
                continue
            weight = own + turn_ms * 2**40
            comes_in = bool(inside[following] and not inside[segment])
            graph.add_edge((segment, False), (following, comes_in), weight=weight)
            if inside[following] and inside[segment]:
                graph.add_edge((segment, True), (following, True), weight=weight)
    return graph


@pytest.mark.parametrize("name", ["monaco.osm.pbf", "male_streets.osm.gz"])
def test_real_streets_equal_networkx(name: str) -> None:
    """On real streets every cell equals Dijkstra's answer on a graph that networkx holds, in both metrics."""
    extract = read_osm(real_extract(name))
    network = build_roads(extract, ALL_PROFILES, driving_side="right")
    places = random_places(network, 40, seed=2)
    for index, profile in enumerate(network.profiles):
        graph = state_graph(network, index)
        ms, mm = travel_ms_mm(network, profile.name, places)
        part_of = [
            int(network.travel_ms[index][segment] * along // network.length_mm[segment]) * 2**40 + int(along)
            for segment, along in zip(places.segment, places.along_mm, strict=True)
        ]
        for i in range(0, len(places), 4):
            own = int(places.segment[i])
            if (own, False) not in graph:
                assert (np.delete(ms[i], i) == NO_PATH).all()
                continue
            to = nx.single_source_dijkstra_path_length(graph, (own, False))
            around = [
                to[state] + weight
                for layer in (False, True)
                if (own, layer) in graph
                for state, _, weight in graph.in_edges((own, layer), data="weight")
                if state in to
            ]
            for j in range(len(places)):
                there = int(places.segment[j])
                expected = min((to[state] for state in ((there, False), (there, True)) if state in to), default=None)
                if there == own:
                    ahead = places.along_mm[j] >= places.along_mm[i]
                    expected = 0 if ahead else min(around, default=None)
                if i == j or expected is None:
                    assert (ms[i, j], mm[i, j]) == ((0, 0) if i == j else (NO_PATH, NO_PATH))
                    continue
                total = expected - part_of[i] + part_of[j]
                assert (ms[i, j], mm[i, j]) == (total >> 40, total & (2**40 - 1))


def test_real_streets_equal_a_search_over_raw_nodes() -> None:
    """Between junctions of Phnom Penh, all two-way, times equal a plain search over the extract's own nodes."""
    extract = read_osm(real_extract("phnom_penh_centre_rebuilt.osm.gz"))
    network = build_roads(extract, [COMPACTOR], driving_side="right")
    network = dataclasses.replace(network, turn_ms=np.zeros_like(network.turn_ms))
    kph = {"residential": 25.0, "secondary": 40.0}
    graph = nx.Graph()
    for way, tags in enumerate(extract.way_tags):
        refs = extract.way_node[extract.way_start[way] : extract.way_start[way + 1]]
        lon, lat = extract.lon[refs], extract.lat[refs]
        length = haversine_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
        for a, b, m in zip(refs[:-1].tolist(), refs[1:].tolist(), length.tolist(), strict=True):
            seconds = m * 3.6 / kph[tags["highway"]]
            if not graph.has_edge(a, b) or graph[a][b]["s"] > seconds:
                graph.add_edge(a, b, s=seconds)
    generator = np.random.default_rng(4)
    segments = generator.choice(network.tail.size, 25, replace=False).tolist()
    ends = places_at(network, [(segment, 1.0) for segment in segments])
    starts = places_at(network, [(segment, 0.0) for segment in segments])
    node_at = {int(node): index for index, node in enumerate(extract.node_id)}
    both = Places(
        segment=np.concatenate((ends.segment, starts.segment)),
        along_mm=np.concatenate((ends.along_mm, starts.along_mm)),
        side=np.zeros(50, dtype=np.int8),
        offset_m=np.zeros(50),
        lon=np.zeros(50),
        lat=np.zeros(50),
    )
    ms, _ = travel_ms_mm(network, "compactor", both, sources=range(25), targets=range(25, 50))
    compared = 0
    for i, own in enumerate(segments[:8]):
        to = nx.single_source_dijkstra_path_length(graph, node_at[int(network.node_id[network.head[own]])], weight="s")
        for j, there in enumerate(segments):
            raw = to.get(node_at[int(network.node_id[network.tail[there]])])
            if raw is None:
                assert ms[i, j] == NO_PATH
            elif own != there:
                # Each segment is rounded to a millisecond, and a path has a few hundred of them.
                assert ms[i, j] / 1000 == pytest.approx(raw, abs=0.3)
                compared += 1
    assert compared > 100


def test_islands_are_not_joined() -> None:
    """In a country of islands most pairs have no way, which no cell hides, and legs agree."""
    network = build_roads(read_osm(real_extract("maldives.osm.pbf")), [COMPACTOR], driving_side="left")
    places = random_places(network, 60, seed=3)
    seconds, meters = travel_matrix(network, "compactor", places)
    assert ((seconds == NO_PATH) == (meters == NO_PATH)).all()
    assert (seconds == NO_PATH).mean() > 0.8
    pairs = [(i, j) for i in range(60) for j in range(0, 60, 7)]
    for (i, j), found in zip(pairs, legs(network, "compactor", places, pairs), strict=True):
        assert (found is None) == (seconds[i, j] == NO_PATH)

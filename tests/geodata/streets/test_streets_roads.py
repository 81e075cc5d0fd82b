"""From ways to directed segments."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from streets_samples import (
    ALL_PROFILES,
    COMPACTOR,
    HANDCART,
    MILLIDEGREE_MM,
    THREE_WHEELER,
    real_extract,
    sample_extract,
)

from geodata.errors import DataError
from geodata.streets.osm import read_osm
from geodata.streets.roads import FORBIDDEN_TURN, RoadNetwork, build_roads

# A cross: 1-2-3 from west to east, 4-2-5 from south to north; they share node 2.
CROSS = {1: (0.000, 0.0), 2: (0.001, 0.0), 3: (0.002, 0.0), 4: (0.001, -0.001), 5: (0.001, 0.001)}
STREET = {"highway": "residential"}


def ends(network: RoadNetwork) -> list[tuple[int, int]]:
    tails, heads = network.node_id[network.tail].tolist(), network.node_id[network.head].tolist()
    return sorted(zip(tails, heads, strict=True))


def arcs(network: RoadNetwork, profile: int = 0) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    """List allowed successions as pairs of (tail id, head id)."""
    name = [(int(t), int(h)) for t, h in zip(network.node_id[network.tail], network.node_id[network.head], strict=True)]
    source = np.repeat(np.arange(len(name)), np.diff(network.arc_start))
    return {
        (name[a], name[b])
        for a, b, turn in zip(source, network.arc_to, network.turn_ms[profile], strict=True)
        if turn != FORBIDDEN_TURN
    }


def test_ways_are_cut_where_they_share_a_node() -> None:
    """Two ways that share a node become four streets that meet there, each driven both ways to its dead end."""
    extract = sample_extract(CROSS, [(1, [1, 2, 3], STREET), (2, [4, 2, 5], STREET)])
    network = build_roads(extract, [COMPACTOR], driving_side="right")
    assert ends(network) == sorted([(1, 2), (2, 1), (2, 3), (3, 2), (2, 4), (4, 2), (2, 5), (5, 2)])
    assert ((1, 2), (2, 5)) in arcs(network)
    assert ((1, 2), (2, 1)) not in arcs(network), "nobody turns round in mid-street"
    assert ((2, 1), (1, 2)) in arcs(network), "at a dead end there is nothing else to do"
    assert all(first[1] == then[0] for first, then in arcs(network))


def test_ways_that_cross_without_a_common_node_do_not_meet() -> None:
    """A bridge shares no node with the road below, so nothing is cut and no truck changes over."""
    nodes = {1: (0.0, 0.0), 3: (0.002, 0.0), 4: (0.001, -0.001), 5: (0.001, 0.001)}
    extract = sample_extract(nodes, [(1, [1, 3], STREET), (2, [4, 5], STREET)])
    network = build_roads(extract, [COMPACTOR], driving_side="right")
    assert ends(network) == [(1, 3), (3, 1), (4, 5), (5, 4)]
    assert network.summary()["compactor"].parts == 2


def test_shape_points_are_kept_and_lengths_are_geodesic() -> None:
    """A bend stays in the shape, in driving order, and the length is the great-circle sum over it."""
    extract = sample_extract(CROSS, [(1, [1, 2, 5], STREET)])
    network = build_roads(extract, [COMPACTOR], driving_side="right")
    forward, backward = 0, int(network.reverse[0])
    assert network.coords(forward).tolist() == [[0.0, 0.0], [0.001, 0.0], [0.001, 0.001]]
    assert network.coords(backward).tolist() == network.coords(forward)[::-1].tolist()
    assert network.length_mm.tolist() == pytest.approx([2 * MILLIDEGREE_MM] * 2, abs=2)
    # 25 km/h
    assert network.travel_ms[0].tolist() == pytest.approx([2 * MILLIDEGREE_MM * 3.6 / 25] * 2, abs=2)


def test_one_way_streets_have_one_segment() -> None:
    """A one-way street for trucks has no opposite segment, unless people on foot may use it."""
    extract = sample_extract(CROSS, [(1, [1, 2, 3], {**STREET, "oneway": "yes"})])
    alone = build_roads(extract, [COMPACTOR], driving_side="right")
    assert ends(alone) == [(1, 3)]
    assert alone.reverse.tolist() == [-1]
    both = build_roads(extract, [COMPACTOR, HANDCART], driving_side="right")
    assert ends(both) == [(1, 3), (3, 1)]
    assert both.usable.tolist() == [[True, False], [True, True]]
    assert both.travel_ms[0, 1] == 0


def test_a_bollard_stops_trucks_and_not_handcarts() -> None:
    """A bollard in the middle of a street cuts it: a truck must turn back there, a handcart goes on."""
    extract = sample_extract(CROSS, [(1, [1, 2, 3], STREET)], {2: {"barrier": "bollard"}})
    network = build_roads(extract, [COMPACTOR, HANDCART], driving_side="right")
    assert ((1, 2), (2, 3)) not in arcs(network, 0)
    assert ((1, 2), (2, 1)) in arcs(network, 0)
    assert ((1, 2), (2, 3)) in arcs(network, 1)
    assert [network.summary()[name].parts for name in ("compactor", "handcart")] == [2, 1]


def test_an_open_gate_does_not_cut_a_street() -> None:
    """A gate that stops nobody leaves the street in one piece."""
    extract = sample_extract(CROSS, [(1, [1, 2, 3], STREET)], {2: {"barrier": "gate"}})
    assert ends(build_roads(extract, [COMPACTOR], driving_side="right")) == [(1, 3), (3, 1)]


def test_a_loop_with_one_junction_is_kept() -> None:
    """A closed way is one street from its first node round to itself."""
    extract = sample_extract(CROSS, [(1, [1, 2, 5, 1], STREET)])
    network = build_roads(extract, [COMPACTOR], driving_side="right")
    assert ends(network) == [(1, 1), (1, 1)]


def test_two_nodes_at_one_point_do_not_break_anything() -> None:
    """A street between two nodes at the same position has the least length and time, 1 mm and 1 ms."""
    extract = sample_extract({1: (0.0, 0.0), 2: (0.0, 0.0)}, [(1, [1, 2], STREET)])
    network = build_roads(extract, [COMPACTOR], driving_side="right")
    assert network.length_mm.tolist() == [1, 1]
    assert network.travel_ms[0].tolist() == [1, 1]


def test_names_and_aliases() -> None:
    """The local name is shown, English or a number in its absence, and all of them are known."""
    tags = [
        {**STREET, "name": "ផ្លូវ ស៊ីវុត្ថា", "name:en": "Sivatha  Road"},
        {**STREET, "name:en": "Only English", "ref": "R6"},
        {**STREET, "ref": "R6"},
        STREET,
    ]
    extract = sample_extract(CROSS, [(way, [1, way], tag) for way, tag in enumerate(tags, start=2)])
    network = build_roads(extract, [COMPACTOR], driving_side="right")
    assert network.way_name == ("ផ្លូវ ស៊ីវុត្ថា", "Only English", "R6", "")
    assert "sivatha road" in network.way_aliases[0]
    assert network.street_name(0) == "ផ្លូវ ស៊ីវុត្ថា"


def test_wrong_requests_are_refused() -> None:
    """No street for any profile is a DataError; wrong arguments are named."""
    extract = sample_extract(CROSS, [(1, [1, 2, 3], {**STREET, "maxweight": "3.5"})])
    with pytest.raises(DataError, match=r"none of the 1 streets.*19\.0 t"):
        build_roads(extract, [COMPACTOR], driving_side="right")
    with pytest.raises(ValueError, match="different names"):
        build_roads(extract, [HANDCART, HANDCART], driving_side="right")
    with pytest.raises(ValueError, match="different names"):
        build_roads(extract, [], driving_side="right")
    with pytest.raises(ValueError, match="driving side"):
        build_roads(extract, [HANDCART], driving_side=cast("Any", "middle"))
    network = build_roads(extract, [HANDCART], driving_side="left")
    with pytest.raises(KeyError, match="handcart"):
        network.profile_index("compactor")


def test_a_limit_that_cannot_be_read_is_noted() -> None:
    """The network tells which values it passed over, and on how many ways."""
    tags = {**STREET, "maxheight": "low"}
    extract = sample_extract(CROSS, [(1, [1, 2], tags), (2, [2, 3], tags)])
    (note,) = build_roads(extract, [COMPACTOR], driving_side="right").notes
    assert "maxheight of way 1" in note.message
    assert "2 ways" in note.message
    assert note.value == "low"


@pytest.mark.parametrize("name", ["male_streets.osm.gz", "monaco.osm.pbf", "heidelberg.osm.pbf", "campo-grande.osm.gz"])
def test_real_networks_hold_together(name: str) -> None:
    """On real streets every segment is consistent with its reverse, its shape, its ends and its successors."""
    network = build_roads(read_osm(real_extract(name)), ALL_PROFILES, driving_side="right")
    own = np.arange(network.tail.size)
    two_way = network.reverse >= 0
    back = network.reverse[two_way]
    assert np.array_equal(network.reverse[back], own[two_way])
    assert np.array_equal(network.tail[back], network.head[two_way])
    assert np.array_equal(network.length_mm[back], network.length_mm[two_way])
    assert np.array_equal(network.shape_lon[network.first], network.node_lon[network.tail])
    assert np.array_equal(network.shape_lat[network.last], network.node_lat[network.head])
    source = np.repeat(own, np.diff(network.arc_start))
    assert np.array_equal(network.head[source], network.tail[network.arc_to])
    assert ((network.travel_ms > 0) == network.usable).all()
    assert network.usable.any(axis=0).all()
    summary = network.summary()
    lines = network.to_geojson_lines()
    assert len(lines) == int((own[two_way] < back).sum() + (~two_way).sum())
    assert all(len(line.coords) >= 2 and line.highway for line in lines)
    assert summary["compactor"].usable_km <= summary["handcart"].usable_km
    # Most of a city hangs together, for every class of vehicle.
    for profile in (COMPACTOR, THREE_WHEELER):
        counted = summary[profile.name]
        assert counted.largest_part_km > 0.8 * counted.usable_km

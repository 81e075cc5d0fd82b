"""Geometry of legs: on the streets, as long as the matrix says, and legal."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from streets_samples import ALL_PROFILES, COMPACTOR, HANDCART, real_extract, sample_extract

from geodata.streets.geodesy import EARTH_RADIUS_M, haversine_m
from geodata.streets.legs import Leg, leg, legs
from geodata.streets.osm import read_osm
from geodata.streets.roads import RoadNetwork, build_roads
from geodata.streets.snap import Places, snap
from geodata.streets.travel import NO_PATH, travel_matrix

STREET = {"highway": "residential"}


def length_m(coords: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> float:
    return float(haversine_m(coords[:-1, 0], coords[:-1, 1], coords[1:, 0], coords[1:, 1]).sum())


def crossing() -> RoadNetwork:
    nodes = {1: (0.0, 0.0), 2: (0.001, 0.0), 3: (0.001, 0.001), 4: (0.002, 0.001), 5: (0.002, -0.001)}
    ways = [
        (1, [1, 2], {**STREET, "name": "Market Street"}),
        (2, [2, 3, 4], {**STREET, "name": "Canal Street", "oneway": "yes"}),
        (3, [4, 5], {**STREET, "name": "Temple Street"}),
        (4, [5, 2], STREET),
    ]
    return build_roads(sample_extract(nodes, ways), [COMPACTOR, HANDCART], driving_side="right")


def test_a_leg_follows_the_streets_through_their_bends() -> None:
    """The line runs from the first street point over every corner to the last, and names the streets in order."""
    network = crossing()
    places = snap(network, [0.0005, 0.0015], [-1e-6, 0.001001], profiles=[["compactor"]] * 2)
    found = leg(network, "compactor", places, 0, 1)
    assert found is not None
    assert found.coords == pytest.approx(np.array([[0.0005, 0], [0.001, 0], [0.001, 0.001], [0.0015, 0.001]]), abs=1e-8)
    assert found.streets == ("Market Street", "Canal Street")
    assert network.head[found.segments[0]] == network.tail[found.segments[1]]


def test_one_way_is_obeyed_on_the_way_back() -> None:
    """The way back does not run against the one-way street, except for a handcart."""
    network = crossing()
    places = snap(network, [0.0005, 0.0015], [-1e-6, 0.001001], profiles=[["compactor"]] * 2)
    back = leg(network, "compactor", places, 1, 0)
    assert back is not None
    assert back.streets == ("Canal Street", "Temple Street", "Market Street")
    cart = leg(network, "handcart", places, 1, 0)
    assert cart is not None
    assert "Temple Street" not in cart.streets


def test_a_leg_to_the_same_point_is_a_line_that_does_not_move() -> None:
    """Two bins at one point are joined by a line of two equal positions, 0 m and 0 s."""
    network = crossing()
    places = snap(network, [0.0005, 0.0005], [-1e-6, -2e-6], profiles=[["compactor"]] * 2)
    found = leg(network, "compactor", places, 0, 1)
    assert found is not None
    assert (found.distance_m, found.duration_s, len(found.coords)) == (0, 0, 2)
    assert found.coords[0].tolist() == found.coords[1].tolist() == [places.lon[0], places.lat[0]]


def test_no_way_gives_no_leg() -> None:
    """A pair that the matrix does not join has no leg, and others keep their position in the list."""
    network = crossing()
    places = snap(network, [0.0005, 9.0, 0.0015], [-1e-6, 0.0, 0.001001], profiles=[["compactor"]] * 3)
    first, lost, again = legs(network, "compactor", places, [(0, 2), (0, 1), (2, 0)])
    assert first is not None
    assert lost is None
    assert again is not None
    assert first.coords[0].tolist() == again.coords[-1].tolist()
    assert legs(network, "compactor", places, []) == []


def random_places(network: RoadNetwork, n: int) -> Places:
    generator = np.random.default_rng(11)
    near = generator.integers(0, network.node_id.size, n)
    return snap(
        network,
        network.node_lon[near] + generator.normal(0, 3e-4, n),
        network.node_lat[near] + generator.normal(0, 3e-4, n),
        profiles=[[profile.name for profile in network.profiles]] * n,
    )


def assert_legal(network: RoadNetwork, profile: int, found: Leg) -> None:
    """Every segment may be used, and each follows the one before by an arc that is not forbidden."""
    assert network.usable[profile][found.segments].all()
    for before, after in zip(found.segments[:-1], found.segments[1:], strict=True):
        row = slice(network.arc_start[before], network.arc_start[before + 1])
        turn = network.turn_ms[profile, row][network.arc_to[row] == after]
        assert turn.size
        assert (turn >= 0).any()


@pytest.mark.parametrize(
    ("name", "n"),
    [("male_streets.osm.gz", 60), ("monaco.osm.pbf", 60), ("heidelberg.osm.pbf", 24), ("campo-grande.osm.gz", 24)],
)
def test_real_legs_are_what_the_matrix_says(name: str, n: int) -> None:
    """On real streets each leg has the matrix's figures, a line that long, legal turns, and its ends at the places."""
    network = build_roads(read_osm(real_extract(name)), ALL_PROFILES, driving_side="right")
    places = random_places(network, n)
    pairs = [(i, (i * 7 + step) % n) for i in range(n) for step in (1, 4)]
    for index, profile in enumerate(network.profiles):
        seconds, meters = travel_matrix(network, profile.name, places)
        usable = np.flatnonzero(network.usable[index])
        scale = np.array([np.cos(np.radians(network.bounds[1])), 1.0])
        streets = shapely.STRtree([shapely.LineString(network.coords(int(s)) * scale) for s in usable])
        near_deg = float(np.degrees(0.5 / EARTH_RADIUS_M))
        for (i, j), found in zip(pairs, legs(network, profile.name, places, pairs), strict=True):
            if found is None:
                assert seconds[i, j] == NO_PATH
                continue
            assert (found.duration_s, found.distance_m) == (seconds[i, j], meters[i, j])
            assert length_m(found.coords) == pytest.approx(found.distance_m, rel=1e-3, abs=2)
            assert found.coords[0].tolist() == [places.lon[i], places.lat[i]]
            assert found.coords[-1].tolist() == [places.lon[j], places.lat[j]]
            assert_legal(network, index, found)
            vertices = shapely.points(found.coords * scale)
            assert np.unique(streets.query(vertices, predicate="dwithin", distance=near_deg)[0]).size == len(vertices)

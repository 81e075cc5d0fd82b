"""Bringing things to the kerb."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streets_samples import (
    ALL_PROFILES,
    COMPACTOR,
    HANDCART,
    MILLIDEGREE_MM,
    real_extract,
    sample_extract,
)

from geodata.streets.geodesy import haversine_m
from geodata.streets.osm import read_osm
from geodata.streets.roads import RoadNetwork, build_roads
from geodata.streets.snap import Approach, other_kerb, point_at, snap

STREET = {"highway": "residential"}
# Two parallel streets from west to east, 0.001 degrees long, 40 m apart; far longer than a scrap thanks to a long tail.
NODES = {1: (0.0, 0.0), 2: (0.001, 0.0), 3: (0.0, 0.00036), 4: (0.001, 0.00036), 5: (0.02, 0.0), 6: (0.02, 0.00036)}
METRE = 1e-3 / (MILLIDEGREE_MM / 1000)


def two_streets(side: str = "right", **tags: str) -> RoadNetwork:
    ways = [
        (1, [1, 2], {**STREET, "name": "South Street", **tags}),
        (2, [2, 5], {**STREET, **tags}),
        (3, [3, 4], {**STREET, "name": "North Street", "name:en": "Northern Lane"}),
        (4, [4, 6], STREET),
    ]
    assert side in {"left", "right"}
    return build_roads(
        sample_extract(NODES, ways), [COMPACTOR, HANDCART], driving_side="left" if side == "left" else "right"
    )


def direction(network: RoadNetwork, segment: int) -> tuple[int, int]:
    return int(network.node_id[network.tail[segment]]), int(network.node_id[network.head[segment]])


@pytest.mark.parametrize(
    ("driving_side", "metres_north", "expected", "side"),
    [("right", -5, (1, 2), 1), ("right", 5, (2, 1), 1), ("left", -5, (2, 1), -1), ("left", 5, (1, 2), -1)],
)
def test_the_kerb_chooses_the_direction(
    driving_side: str, metres_north: float, expected: tuple[int, int], side: int
) -> None:
    """On a two-way street a bin is served in the direction whose kerb it stands at, on either driving side."""
    network = two_streets(driving_side)
    places = snap(network, [0.00025], [metres_north * METRE], profiles=[["compactor"]])
    assert direction(network, int(places.segment[0])) == expected
    assert places.side[0] == side
    assert places.offset_m[0] == pytest.approx(5, abs=0.01)
    quarter = MILLIDEGREE_MM / 4
    assert places.along_mm[0] == pytest.approx(quarter if expected == (1, 2) else 3 * quarter, abs=2)
    assert (places.lon[0], places.lat[0]) == pytest.approx((0.00025, 0.0), abs=1e-8)


def test_a_one_way_street_serves_both_kerbs() -> None:
    """On a one-way street a bin on the far side is served where it stands, and its side is kept."""
    network = two_streets(oneway="yes")
    places = snap(network, [0.0005, 0.0005], [5 * METRE, -5 * METRE], profiles=[["compactor"]] * 2)
    assert [direction(network, int(segment)) for segment in places.segment] == [(1, 2), (1, 2)]
    assert places.side.tolist() == [-1, 1]


@pytest.mark.parametrize("point", [(0.0012, -0.0003), (0.0012, 0.0001)])
def test_outside_a_sharp_corner_both_edges_say_the_side(point: tuple[float, float]) -> None:
    """Beyond a hairpin that turns left a bin stands on the right, although one of the two edges alone says left."""
    nodes = {1: (0.0, 0.0), 2: (0.001, 0.0), 3: (0.0005, 0.0005)}
    ways = [(1, [1, 2, 3], {**STREET, "oneway": "yes"})]
    network = build_roads(sample_extract(nodes, ways), [COMPACTOR], driving_side="right")
    assert snap(network, [point[0]], [point[1]], profiles=[["compactor"]]).side.tolist() == [1]


def test_the_direction_that_more_profiles_may_drive_wins() -> None:
    """Where a handcart may go both ways and a truck one, a bin for both is put on the truck's direction."""
    network = two_streets(oneway="yes")
    north = [5 * METRE]
    both = snap(network, [0.0005], north, profiles=[["compactor", "handcart"]])
    cart = snap(network, [0.0005], north, profiles=[["handcart"]])
    assert direction(network, int(both.segment[0])) == (1, 2)
    assert direction(network, int(cart.segment[0])) == (2, 1)


def test_a_point_on_the_street_has_no_side() -> None:
    """A bin in the middle of the street stands on neither side."""
    places = snap(two_streets(), [0.0005], [0.0], profiles=[["compactor"]])
    assert places.side[0] == 0
    assert places.offset_m[0] == 0


@pytest.mark.parametrize("name", ["North Street", "  northern   LANE "])
def test_the_street_name_decides_between_near_streets(name: str) -> None:
    """A bin 15 m from one street and 25 m from another goes to the one that it is named after."""
    network = two_streets()
    places = snap(
        network, [0.0005] * 3, [15 * METRE] * 3, profiles=[["compactor"]] * 3, street=[None, name, "Elsewhere"]
    )
    assert [network.street_name(int(segment)) for segment in places.segment] == [
        "South Street",
        "North Street",
        "South Street",
    ]


def test_a_name_does_not_carry_a_bin_across_a_block() -> None:
    """A street of the right name that is 38 m farther than the nearest one is not taken."""
    network = two_streets()
    places = snap(network, [0.0005], [1 * METRE], profiles=[["compactor"]], street=["North Street"])
    assert network.street_name(int(places.segment[0])) == "South Street"


def test_a_scrap_of_street_loses_against_one_that_leads_somewhere() -> None:
    """A bin is put on the street that leads somewhere, not on a cut-off driveway a few metres nearer."""
    nodes = {1: (0.0, 0.0), 2: (0.02, 0.0), 3: (0.010, 0.0003), 4: (0.0102, 0.0003)}
    ways = [(1, [1, 2], STREET), (2, [3, 4], {"highway": "service"})]
    network = build_roads(sample_extract(nodes, ways), [COMPACTOR], driving_side="right")
    places = snap(network, [0.0101, 0.0101], [0.0002, 0.0006], profiles=[["compactor"]] * 2)
    assert [int(network.way_id[network.way[segment]]) for segment in places.segment] == [1, 2]


def test_the_limit_of_distance_at_its_bound() -> None:
    """A street exactly within the limit is found, and one past it is not."""
    network = two_streets()
    offset = float(snap(network, [0.0005], [-50 * METRE], profiles=[["compactor"]]).offset_m[0])
    found = snap(network, [0.0005], [-50 * METRE], profiles=[["compactor"]], max_m=offset)
    lost = snap(network, [0.0005], [-50 * METRE], profiles=[["compactor"]], max_m=offset - 0.001)
    assert found.segment[0] >= 0
    assert lost.segment[0] == -1
    assert math.isinf(lost.offset_m[0])
    assert (lost.lon[0], lost.lat[0]) == (0.0005, -50 * METRE)


def test_no_profile_and_no_point() -> None:
    """A thing that nobody may serve gets no street, and no things give no places."""
    network = two_streets()
    assert snap(network, [0.0005], [0.0], profiles=[[]]).segment.tolist() == [-1]
    assert len(snap(network, [], [], profiles=[])) == 0


def test_take_keeps_order_and_repeats() -> None:
    """Take gives the places asked for in the order asked for."""
    places = snap(two_streets(), [0.0002, 0.0005, 0.0008], [1e-5] * 3, profiles=[["compactor"]] * 3)
    taken = places.take([2, 0, 2])
    assert len(taken) == 3
    assert taken.lon.tolist() == [places.lon[2], places.lon[0], places.lon[2]]
    assert taken.along_mm.tolist() == [places.along_mm[2], places.along_mm[0], places.along_mm[2]]


def test_wrong_requests_are_refused() -> None:
    """Unequal lengths, points off the globe, unknown profiles and a limit of 0 are named."""
    network = two_streets()
    with pytest.raises(ValueError, match="equally many"):
        snap(network, [0.0, 1.0], [0.0], profiles=[["compactor"]])
    with pytest.raises(ValueError, match=r"Point 0.*globe"):
        snap(network, [float("nan")], [0.0], profiles=[["compactor"]])
    with pytest.raises(ValueError, match="max_m"):
        snap(network, [0.0], [0.0], profiles=[["compactor"]], max_m=0)
    with pytest.raises(KeyError, match="bus"):
        snap(network, [0.0], [0.0], profiles=[["bus"]])


corner = st.tuples(st.integers(-20, 20), st.integers(-20, 20))


@settings(max_examples=80, deadline=None)
@given(
    shape=st.lists(corner, min_size=2, max_size=6, unique=True),
    point=st.tuples(st.floats(-30, 30), st.floats(-30, 30)),
    latitude=st.sampled_from([0.0, 13.36, -54.8, 69.6]),
)
def test_the_nearest_point_is_nearest(
    shape: list[tuple[int, int]], point: tuple[float, float], latitude: float
) -> None:
    """No point of a street, walked in steps, is nearer than the one found; its position along fits its coordinates."""
    nodes = {index: (x * 1e-4, latitude + y * 1e-4) for index, (x, y) in enumerate(shape, start=1)}
    network = build_roads(sample_extract(nodes, [(1, list(nodes), STREET)]), [COMPACTOR], driving_side="right")
    lon, lat = point[0] * 1e-4, latitude + point[1] * 1e-4
    places = snap(network, [lon], [lat], profiles=[["compactor"]], max_m=10_000)
    segment = int(places.segment[0])
    length = int(network.length_mm[segment])
    steps = np.array([point_at(network, segment, at) for at in np.linspace(0, length, 400)])
    nearest = haversine_m(steps[:, 0], steps[:, 1], np.array(lon), np.array(lat)).min()
    assert places.offset_m[0] <= nearest * 1.001 + 0.05
    assert 0 <= places.along_mm[0] <= length
    assert (places.lon[0], places.lat[0]) == point_at(network, segment, int(places.along_mm[0]))
    found = haversine_m(places.lon, places.lat, np.array(lon), np.array(lat))[0]
    assert found == pytest.approx(places.offset_m[0], rel=1e-3, abs=0.05)


def test_real_bins_stand_beside_their_segments() -> None:
    """On real streets a served bin lies on the named side of its segment, judged at the street point's own edge."""
    network = build_roads(read_osm(real_extract("male_streets.osm.gz")), ALL_PROFILES, driving_side="left")
    generator = np.random.default_rng(5)
    node = generator.integers(0, network.node_id.size, 300)
    lon = network.node_lon[node] + generator.normal(0, 2e-4, 300)
    lat = network.node_lat[node] + generator.normal(0, 2e-4, 300)
    places = snap(network, lon, lat, profiles=[["compactor"]] * 300)
    served = np.flatnonzero(places.segment >= 0)
    assert served.size > 280
    for i in served:
        segment = int(places.segment[i])
        ahead = min(int(places.along_mm[i]) + 100, int(network.length_mm[segment]))
        behind = max(int(places.along_mm[i]) - 100, 0)
        (ax, ay), (bx, by) = point_at(network, segment, behind), point_at(network, segment, ahead)
        cross = (bx - ax) * (lat[i] - ay) - (by - ay) * (lon[i] - ax)
        if places.offset_m[i] > 1:
            assert np.sign(-cross) == places.side[i]
        two_way = network.reverse[segment] >= 0 and network.usable[0, network.reverse[segment]]
        if two_way:
            assert places.side[i] <= 0, "driving on the left, the kerb is on the left"


@pytest.mark.parametrize(
    ("tags", "approach", "two"),
    [
        ({"highway": "service"}, None, True), ({"highway": "living_street"}, None, True),
        ({"highway": "residential"}, None, False), ({"highway": "residential", "width": "5.5"}, None, True),
        ({"highway": "residential", "width": "5.6"}, None, False),
        ({"highway": "residential", "lanes": "1"}, None, True),
        ({"highway": "primary", "lanes": "1"}, None, False), ({"highway": "primary"}, "any", True),
        ({"highway": "service"}, "curb", False), ({"highway": "service"}, "either", True),
        ({"highway": "service", "oneway": "yes"}, "any", False),
    ],
)  # fmt: skip
def test_the_other_kerb_is_a_choice_where_a_crew_can_cross(
    tags: dict[str, str], approach: Approach | None, *, two: bool
) -> None:
    """In a lane the same point driven the other way is a second state; in a wider or one-way street it is none."""
    extract = sample_extract({1: (0.0, 0.0), 2: (0.001, 0.0)}, [(1, [1, 2], tags)])
    network = build_roads(extract, [COMPACTOR], driving_side="right")
    places = snap(network, [0.0003], [-1e-5], profiles=[["compactor"]])
    other = other_kerb(network, places, profiles=[["compactor"]], approach=approach)
    assert bool(other.segment[0] >= 0) == two
    if two:
        assert other.segment[0] == network.reverse[places.segment[0]]
        assert other.along_mm[0] + places.along_mm[0] == network.length_mm[0]
        assert (other.side[0], places.side[0]) == (-1, 1)
        assert point_at(network, int(other.segment[0]), int(other.along_mm[0])) == pytest.approx(
            (places.lon[0], places.lat[0]), abs=1e-8
        )


def test_a_place_without_a_street_has_no_other_kerb() -> None:
    """What was not snapped stays so, and places joined keep their order."""
    extract = sample_extract({1: (0.0, 0.0), 2: (0.001, 0.0)}, [(1, [1, 2], {"highway": "service"})])
    network = build_roads(extract, [COMPACTOR], driving_side="right")
    places = snap(network, [0.0003, 5.0], [-1e-5, 5.0], profiles=[["compactor"]] * 2)
    other = other_kerb(network, places, profiles=[["compactor"]] * 2)
    assert other.segment.tolist()[1] == -1
    assert places.join(other).segment.tolist() == [*places.segment.tolist(), *other.segment.tolist()]

"""Yards: depots and disposal sites, in which trucks turn round."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from geodata.streets.legs import legs
from geodata.streets.osm import read_osm
from geodata.streets.roads import TruckProfile, build_roads
from geodata.streets.snap import other_kerb, snap
from geodata.streets.travel import NO_PATH, travel_matrix, travel_ms_mm

if TYPE_CHECKING:
    from geodata.streets.network import RoadNetwork
    from geodata.streets.snap import Places

DATA = os.environ.get("SAMRAM_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="SAMRAM_DATA does not name a folder with real extracts")
PROFILE = "tipper"
YARDS = [0, 1, 2]


@pytest.fixture(scope="module")
def network() -> RoadNetwork:
    assert DATA is not None
    truck = TruckProfile(
        name=PROFILE, access_class=PROFILE, width_m=2.1, height_m=2.7, length_m=5.8, weight_t=7.5, speed_factor=1.0
    )
    return build_roads(read_osm(Path(DATA) / "osm" / "monaco.osm.pbf"), [truck], driving_side="right")


@pytest.fixture(scope="module")
def plain(network: RoadNetwork) -> Places:
    rng = np.random.default_rng(5)
    west, south, east, north = network.bounds
    lon, lat = rng.uniform(west, east, 400), rng.uniform(south, north, 400)
    found = snap(network, lon, lat, profiles=[(PROFILE,)] * 400, max_m=60)
    # first some that can be driven both ways, so that they can be yards
    segment = found.segment.astype(np.int64)
    both = np.flatnonzero(
        (segment >= 0) & network.usable[0][network.reverse[segment]] & (network.reverse[segment] >= 0)
    )
    rest = np.setdiff1d(np.flatnonzero(segment >= 0), both[:3])
    return found.take([*both[:3], *rest[:25]])


@pytest.fixture(scope="module")
def places(network: RoadNetwork, plain: Places) -> Places:
    others = other_kerb(network, plain.take(YARDS), profiles=[(PROFILE,)] * len(YARDS), approach="any")
    assert (others.segment >= 0).all()
    return plain.with_yards(YARDS, others)


def test_a_yard_is_reached_and_left_by_the_quicker_kerb(network: RoadNetwork, plain: Places, places: Places) -> None:
    """Each cell of a yard is the least, in exact time, over its two kerbs; all other cells are as without yards."""
    n = len(plain)
    every = np.arange(n)
    seconds, metres = travel_matrix(network, PROFILE, places, sources=every, targets=every)
    ms, mm = travel_ms_mm(network, PROFILE, places)
    none = ms == NO_PATH
    ms[none] = mm[none] = 1 << 40
    for i in range(n):
        for j in range(n):
            if i == j:
                assert seconds[i, j] == metres[i, j] == 0
                continue
            choices = [(ms[a, b], mm[a, b]) for a in places.ways_to(i) for b in places.ways_to(j)]
            best_ms, best_mm = min(choices)
            expected = (NO_PATH, NO_PATH) if best_ms == 1 << 40 else ((best_ms + 500) // 1000, (best_mm + 500) // 1000)
            assert (seconds[i, j], metres[i, j]) == expected


def test_a_legs_path_is_the_one_that_the_matrix_measured(network: RoadNetwork, plain: Places, places: Places) -> None:
    """Legs from and to yards have the seconds and metres of their cells, and begin and end at the places."""
    every = np.arange(len(plain))
    seconds, metres = travel_matrix(network, PROFILE, places, sources=every, targets=every)
    pairs = [(i, j) for i in range(len(plain)) for j in range(len(plain)) if i != j and (i in YARDS or j in YARDS)]
    for (i, j), leg in zip(pairs, legs(network, PROFILE, places, pairs), strict=True):
        if leg is None:
            assert seconds[i, j] == NO_PATH
            continue
        assert (leg.duration_s, leg.distance_m) == (seconds[i, j], metres[i, j])
        assert leg.coords[0].tolist() == pytest.approx([places.lon[i], places.lat[i]])
        assert leg.coords[-1].tolist() == pytest.approx([places.lon[j], places.lat[j]])


def test_turning_in_a_yard_saves_the_way_round(network: RoadNetwork, plain: Places, places: Places) -> None:
    """A place that becomes a yard is nowhere farther than before, and somewhere nearer."""
    every = np.arange(len(plain))
    before, _ = travel_matrix(network, PROFILE, plain)
    after, _ = travel_matrix(network, PROFILE, places, sources=every, targets=every)
    known = (before != NO_PATH) & (after != NO_PATH)
    assert (after[known] <= before[known]).all()
    assert (after[known] < before[known]).any()

"""Driving instructions: what is said, where, for how far, and in which words."""

from __future__ import annotations

import numpy as np
import pytest
from streets_samples import COMPACTOR, real_extract, sample_extract

from geodata.streets.instructions import PHRASES, Instruction, instructions, phrase
from geodata.streets.legs import leg, legs
from geodata.streets.osm import read_osm
from geodata.streets.roads import RoadNetwork, build_roads
from geodata.streets.snap import snap

STREET = {"highway": "residential"}


def town() -> RoadNetwork:
    """Build a street that bends without a fork, then a crossing, and a dead end beyond it."""
    nodes = {1: (0.0, 0.0), 2: (0.001, 0.0), 3: (0.001, 0.001), 4: (0.002, 0.001), 5: (0.001, 0.002), 6: (0.0, 0.001)}
    ways = [
        (10, [1, 2], {**STREET, "name": "River Road"}),
        (11, [2, 3], {**STREET, "name": "River Road"}),
        (20, [3, 4], {**STREET, "name": "Temple Street"}),
        (30, [3, 5], STREET),
        (40, [6, 3], STREET),
    ]
    return build_roads(sample_extract(nodes, ways), [COMPACTOR], driving_side="right")


def told(lon: list[float], lat: list[float]) -> list[tuple[str, str, int]]:
    network = town()
    places = snap(network, lon, lat, profiles=[["compactor"]] * 2)
    found = leg(network, "compactor", places, 0, 1)
    assert found is not None
    return [(one.maneuver, one.street, one.distance_m) for one in instructions(network, places, 0, 1, found)]


def test_turns_are_told_and_bends_are_not() -> None:
    """A bend without a fork is not told; the turn at the crossing is, with its street and the metres that follow."""
    assert told([0.0005, 0.0015], [-1e-5, 0.00099]) == [
        ("depart", "River Road", 167),
        ("right", "Temple Street", 56),
        ("arrive", "Temple Street", 0),
    ]


def test_turning_round_at_a_dead_end_is_told() -> None:
    """Who must go to the dead end to come back on the other side is told to turn round there."""
    maneuvers = [maneuver for maneuver, _, _ in told([0.0005, 0.0015], [-1e-5, 0.00101])]
    assert maneuvers == ["depart", "right", "turn_round", "arrive"]


@pytest.mark.parametrize("language", sorted(PHRASES))
def test_every_language_has_words_for_everything(language: str) -> None:
    """Each table has the same keys, and puts street and distance into the sentence."""
    assert PHRASES[language].keys() == PHRASES["en"].keys()
    for maneuver in ("depart", "continue", "left", "sharp_right", "turn_round"):
        for metres, shown in ((999, "999"), (1000, "1.0")):
            one = Instruction(maneuver=maneuver, street="ផ្លូវ ១", distance_m=metres, bearing_deg=0, lon=0.0, lat=0.0)  # type: ignore[arg-type]
            assert "ផ្លូវ ១" in phrase(one, language)
            assert shown in phrase(one, language)
    with pytest.raises(KeyError):
        phrase(one, "xx")


def test_real_instructions_add_up_to_their_legs() -> None:
    """On real streets the distances of the instructions add up to the leg, from a depart to an arrive."""
    network = build_roads(read_osm(real_extract("monaco.osm.pbf")), [COMPACTOR], driving_side="right")
    generator = np.random.default_rng(1)
    near = generator.integers(0, network.node_id.size, 30)
    places = snap(network, network.node_lon[near], network.node_lat[near], profiles=[["compactor"]] * 30)
    pairs = [(i, (i + 7) % 30) for i in range(30)]
    compared = 0
    for (i, j), found in zip(pairs, legs(network, "compactor", places, pairs), strict=True):
        if found is None:
            continue
        one = instructions(network, places, i, j, found)
        assert (one[0].maneuver, one[-1].maneuver) == ("depart", "arrive")
        assert sum(each.distance_m for each in one) == pytest.approx(found.distance_m, abs=len(one))
        assert all(0 <= each.bearing_deg < 360 for each in one)
        compared += 1
    assert compared > 10

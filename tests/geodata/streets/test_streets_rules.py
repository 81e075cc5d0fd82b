"""What tags allow, each rule at its bound and one past it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streets_samples import ALL_PROFILES, COMPACTOR, HANDCART, THREE_WHEELER, TIPPER

from geodata.streets.rules import TruckProfile, node_blocks, unread_limits, way_rule
from geodata.streets.tag_values import kph, metres, tonnes


def classes_let_through(tags: dict[str, str]) -> str:
    """Give the initials of the sample profiles that may drive along a way: c, t, 3, h."""
    letters = zip("ct3h", ALL_PROFILES, strict=True)
    return "".join(letter for letter, profile in letters if way_rule(tags, profile).forward_kph > 0)


@pytest.mark.parametrize(
    ("highway", "allowed"),
    [
        ("motorway", "ct"), ("motorway_link", "ct"), ("trunk", "ct3"), ("primary", "ct3h"), ("residential", "ct3h"),
        ("living_street", "ct3h"), ("service", "ct3h"), ("track", "ct3h"), ("pedestrian", "h"), ("footway", "h"),
        ("path", "h"), ("cycleway", ""), ("bridleway", ""), ("steps", ""), ("construction", ""), ("proposed", ""),
        ("platform", ""), ("raceway", ""), ("elevator", ""),
    ],
)  # fmt: skip
def test_class_opens_a_street(highway: str, allowed: str) -> None:
    """Without access tags the class of the street alone decides who may use it."""
    assert classes_let_through({"highway": highway}) == allowed


@pytest.mark.parametrize(
    ("tags", "allowed"),
    [
        ({"access": "no"}, ""), ({"access": "private"}, ""), ({"access": "destination"}, "ct3h"),
        ({"access": "delivery"}, "ct3h"), ({"access": "permissive"}, "ct3h"), ({"access": "customers"}, "ct3h"),
        ({"access": "agricultural"}, ""), ({"access": "written by mistake"}, "ct3h"),
        ({"vehicle": "no"}, "h"), ({"motor_vehicle": "no"}, "h"), ({"motor_vehicle": "agricultural;forestry"}, "h"),
        ({"motor_vehicle": "destination;agricultural"}, "ct3h"), ({"motorcar": "no"}, "ct3h"),
        ({"hgv": "no"}, "t3h"), ({"hgv": "destination"}, "ct3h"), ({"goods": "no"}, "c3h"), ({"foot": "no"}, "ct3"),
        ({"access": "no", "motor_vehicle": "yes"}, "ct3"), ({"access": "no", "hgv": "yes"}, "c"),
        ({"motor_vehicle": "no", "hgv": "delivery"}, "ch"), ({"access": "yes", "vehicle": "private"}, "h"),
        ({"route": "ferry"}, ""), ({"area": "yes"}, "h"), ({"motorroad": "yes"}, "cth"),
    ],
)  # fmt: skip
def test_most_specific_access_tag_decides(tags: dict[str, str], allowed: str) -> None:
    """Of the access tags on a residential street the most specific one that says something decides."""
    assert classes_let_through({"highway": "residential", **tags}) == allowed


@pytest.mark.parametrize(
    ("tags", "allowed"),
    [
        ({"highway": "pedestrian", "motor_vehicle": "delivery"}, "ct3h"),
        ({"highway": "pedestrian", "access": "yes"}, "h"),
        ({"highway": "path", "motor_vehicle": "yes"}, "ct3h"),
        ({"highway": "footway", "hgv": "yes"}, "ch"),
        ({"highway": "cycleway", "foot": "yes"}, "h"),
        ({"highway": "pedestrian", "vehicle": "private", "motor_vehicle": "no"}, "h"),
    ],
)
def test_streets_for_people_open_by_a_vehicle_tag_only(tags: dict[str, str], allowed: str) -> None:
    """A pedestrian street lets trucks in where a tag for vehicles says so, not by a general access tag."""
    assert classes_let_through(tags) == allowed


@pytest.mark.parametrize(
    ("key", "at_bound", "past_it", "truck"),
    [
        ("maxweight", "19", "18.99", COMPACTOR), ("maxweight", "19 t", "18900 kg", COMPACTOR),
        ("maxweight", "3.5", "3.4", TIPPER), ("maxweightrating", "19", "18.5", COMPACTOR),
        ("maxweight:hgv", "19", "12", COMPACTOR), ("maxheight", "3.6", "3.59", COMPACTOR),
        ("maxheight", "3.6 m", "3.5 m", COMPACTOR), ("maxheight", "11'10\"", "11'9\"", COMPACTOR),
        ("maxheight:physical", "3.6", "3.5", COMPACTOR), ("maxwidth", "2.5", "2.49", COMPACTOR),
        ("maxwidth:physical", "2.5", "2.4", COMPACTOR), ("width", "2.5", "2.4", COMPACTOR),
        ("maxlength", "9", "8.9", COMPACTOR), ("maxwidth", "0.9", "0.8", HANDCART),
    ],
)  # fmt: skip
def test_limits_at_the_bound_and_one_past_it(key: str, at_bound: str, past_it: str, truck: TruckProfile) -> None:
    """A truck that equals a limit may pass; one that exceeds it may not."""
    assert way_rule({"highway": "residential", key: at_bound}, truck).forward_kph > 0
    assert way_rule({"highway": "residential", key: past_it}, truck).forward_kph == 0


def test_a_limit_for_heavy_trucks_leaves_light_ones_alone() -> None:
    """maxweight:hgv binds a heavy truck and not a van of 3.5 tonnes; 3.51 tonnes is heavy."""
    street = {"highway": "residential", "maxweight:hgv": "3"}
    assert way_rule(street, TIPPER).forward_kph > 0
    assert way_rule(street, dataclasses.replace(TIPPER, weight_t=3.51)).forward_kph == 0


@pytest.mark.parametrize("value", ["default", "none", "unsigned", "below_default", "low"])
def test_a_limit_without_a_number_stops_nobody(value: str) -> None:
    """A height that is no number lets the truck through."""
    assert classes_let_through({"highway": "residential", "maxheight": value}) == "ct3h"


def test_unreadable_limits_are_told() -> None:
    """Values that cannot be read are listed; numbers and known words are not."""
    tags = {"highway": "service", "maxheight": "low", "maxweight": "7.5", "maxwidth": "none", "width": "ca. 2"}
    assert unread_limits(tags) == [("maxheight", "low"), ("width", "ca. 2")]


@pytest.mark.parametrize(
    ("tags", "truck", "along", "against"),
    [
        ({}, COMPACTOR, True, True), ({"oneway": "yes"}, COMPACTOR, True, False),
        ({"oneway": "-1"}, COMPACTOR, False, True), ({"oneway": "no"}, COMPACTOR, True, True),
        ({"junction": "roundabout"}, COMPACTOR, True, False), ({"highway": "motorway"}, COMPACTOR, True, False),
        ({"highway": "motorway", "oneway": "no"}, COMPACTOR, True, True),
        ({"oneway": "no", "oneway:hgv": "yes"}, COMPACTOR, True, False),
        ({"oneway": "no", "oneway:hgv": "yes"}, TIPPER, True, True),
        ({"oneway": "yes", "oneway:motor_vehicle": "no"}, THREE_WHEELER, True, True),
        ({"oneway": "reversible"}, COMPACTOR, False, False), ({"oneway": "alternating"}, COMPACTOR, True, True),
        ({"oneway": "yes"}, HANDCART, True, True), ({"oneway:foot": "yes"}, HANDCART, True, False),
    ],
)  # fmt: skip
def test_one_way_streets(tags: dict[str, str], truck: TruckProfile, *, along: bool, against: bool) -> None:
    """A one-way street is driven in its direction alone, said or implied; people on foot walk both ways."""
    rule = way_rule({"highway": "residential", **tags}, truck)
    assert (rule.forward_kph > 0, rule.backward_kph > 0) == (along, against)


@pytest.mark.parametrize(
    ("tags", "compactor_kph"),
    [
        ({"highway": "residential"}, 25), ({"highway": "residential", "maxspeed": "20"}, 20),
        ({"highway": "residential", "maxspeed": "10 mph"}, 16.09344), ({"highway": "primary"}, 45),
        ({"highway": "primary", "maxspeed": "70"}, 56), ({"highway": "primary", "maxspeed": "100"}, 65),
        ({"highway": "primary", "maxspeed": "100", "maxspeed:hgv": "30"}, 30),
        ({"highway": "primary", "maxspeed": "none"}, 45), ({"highway": "motorway", "maxspeed": "120"}, 80),
        ({"highway": "service", "service": "driveway"}, 8), ({"highway": "service", "service": "parking_aisle"}, 8),
        ({"highway": "residential", "surface": "sand"}, 8), ({"highway": "residential", "smoothness": "very_bad"}, 12),
        ({"highway": "track", "tracktype": "grade5"}, 5), ({"highway": "residential", "smoothness": "horrible"}, 0),
        ({"highway": "primary", "maxspeed:forward": "40"}, 40),
    ],
)  # fmt: skip
def test_speed_of_a_compactor(tags: dict[str, str], compactor_kph: float) -> None:
    """The class gives the speed; signs, surface and kind of service way cap it."""
    assert way_rule(tags, COMPACTOR).forward_kph == pytest.approx(compactor_kph)


@given(
    highway=st.sampled_from(["motorway", "trunk", "primary", "residential", "service", "track"]),
    maxspeed=st.sampled_from([None, "5", "30", "50", "80", "130", "none", "walk"]),
    surface=st.sampled_from([None, "asphalt", "gravel", "sand"]),
    factor=st.floats(0.1, 5),
    index=st.integers(0, 3),
)
def test_no_truck_passes_a_sign_or_its_own_top_speed(
    highway: str, maxspeed: str | None, surface: str | None, factor: float, index: int
) -> None:
    """Whatever the speed factor, no speed exceeds the sign, and each class keeps its top speed."""
    tags = (
        {"highway": highway} | ({"maxspeed": maxspeed} if maxspeed else {}) | ({"surface": surface} if surface else {})
    )
    profile = dataclasses.replace(ALL_PROFILES[index], speed_factor=factor)
    speed = way_rule(tags, profile).forward_kph
    assert speed <= (80, 80, 40, 4)[index]
    sign = kph(maxspeed or "")
    if sign is not None and profile is not ALL_PROFILES[3] and index < 3:
        assert speed <= sign


@pytest.mark.parametrize(
    ("tags", "stopped"),
    [
        ({"barrier": "bollard"}, "ct3"), ({"barrier": "block"}, "ct3"), ({"barrier": "gate"}, ""),
        ({"barrier": "gate", "access": "no"}, "ct3h"), ({"barrier": "gate", "access": "private"}, "ct3h"),
        ({"barrier": "gate", "locked": "yes"}, "ct3h"), ({"barrier": "gate", "locked": "yes", "hgv": "yes"}, "t3h"),
        ({"barrier": "bollard", "motor_vehicle": "destination"}, ""), ({"barrier": "lift_gate"}, ""),
        ({"barrier": "toll_booth"}, ""), ({"barrier": "entrance"}, ""), ({"barrier": "cattle_grid"}, ""),
        ({"barrier": "stile"}, "ct3h"), ({"barrier": "cycle_barrier"}, "ct3"),
        ({"barrier": "height_restrictor"}, "ct"), ({"barrier": "height_restrictor", "maxheight": "2.4"}, "c"),
        ({"barrier": "gate", "maxwidth": "2.0"}, "c"), ({"highway": "traffic_signals"}, ""),
    ],
)  # fmt: skip
def test_barriers_on_nodes(tags: dict[str, str], stopped: str) -> None:
    """What stands on a node stops those whom it must stop, and a tag can open or close it."""
    letters = zip("ct3h", ALL_PROFILES, strict=True)
    assert "".join(letter for letter, profile in letters if node_blocks(tags, profile)) == stopped


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (tonnes, "7.5", 7.5), (tonnes, "3,5 t", 3.5), (tonnes, "3500kg", 3.5), (tonnes, "10 st", 9.0718474),
        (tonnes, "7.5;12", 7.5), (tonnes, "heavy", None), (tonnes, "", None), (tonnes, "-1", None),
        (metres, "2.45", 2.45), (metres, "250 cm", 2.5), (metres, "12'6\"", 3.81), (metres, "12'", 3.6576),
        (metres, "14 ft 2 in", 4.31800), (metres, '96"', 2.4384), (metres, "default", None), (metres, "3.5 t", None),
        (kph, "50", 50), (kph, "30 mph", 48.28032), (kph, "walk", 7), (kph, "none", None), (kph, "RU:urban", None),
        (kph, "0", None),
    ],
)  # fmt: skip
def test_numbers_with_units(read: object, text: str, value: float | None) -> None:
    """Weights, lengths and speeds are read in all units that mappers use, and nothing else is."""
    assert callable(read)
    assert read(text) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"access_class": "bus"}, {"width_m": 0}, {"weight_t": -1}, {"height_m": float("nan")},
     {"length_m": float("inf")}, {"speed_factor": 0}],
)  # fmt: skip
def test_an_impossible_truck_is_refused(change: dict[str, Any]) -> None:
    """A profile with an unknown class or a number that is not above 0 raises at construction."""
    with pytest.raises(ValueError, match="profile"):
        dataclasses.replace(COMPACTOR, **change)

"""Overlays: they find their streets, hold when they say so, and do to the streets what they say, and no more."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from streets_samples import ALL_PROFILES, COMPACTOR, HANDCART, THREE_WHEELER, TIPPER, real_extract, sample_extract

from geodata.streets.cache import cached_roads
from geodata.streets.conditions import Held, Hours
from geodata.streets.legs import legs
from geodata.streets.osm import OsmExtract, read_osm
from geodata.streets.overlays import Overlay, at_any_time, expired, in_force, overlay_notes
from geodata.streets.report import report_picture, street_report
from geodata.streets.roads import RoadNetwork, build_roads
from geodata.streets.snap import snap
from geodata.streets.travel import plain_ms_mm, travel_ms_mm

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = dt.date(2026, 11, 23)
MORNING = Hours(weekday=0, start_s=3 * 3600, end_s=11 * 3600)
# A ladder along the equator: two streets 0.002 degrees (222 m) apart, joined by three rungs; node ids are 10 x + y.
NODES = {10 * x + y: (x / 1000, 2 * y / 1000) for x in range(5) for y in range(2)}
WAYS: list[tuple[int, list[int], dict[str, str]]] = [
    (100, [0, 10, 20, 30, 40], {"highway": "residential", "name": "Lower"}),
    (200, [1, 11, 21, 31, 41], {"highway": "residential", "name": "Upper"}),
    (300, [0, 1], {"highway": "residential", "name": "West"}),
    (400, [20, 21], {"highway": "residential", "name": "Rung"}),
    (500, [40, 41], {"highway": "residential", "name": "East", "oneway": "yes"}),
]


def ladder() -> OsmExtract:
    return sample_extract(NODES, WAYS)


def overlay(kind: Any = "closure", geometry: Any = None, **more: Any) -> Overlay:
    return Overlay(id=more.pop("id", "X"), kind=kind, source="test", geometry=geometry, **more)


def line(*positions: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString(positions)


def changed(*overlays: Overlay, hours: Hours | None = MORNING, extract: OsmExtract | None = None) -> RoadNetwork:
    held = in_force(overlays, MONDAY, hours)
    return build_roads(extract or ladder(), ALL_PROFILES, driving_side="right", hours=hours, overlays=held)


def closed(network: RoadNetwork, profile: str = "compactor") -> set[tuple[int, int]]:
    """Return the ends of directed segments that the profile cannot drive, but for the map's own one-way."""
    shut = np.flatnonzero(~network.usable[network.profile_index(profile)])
    ends = {(int(network.node_id[network.tail[i]]), int(network.node_id[network.head[i]])) for i in shut.tolist()}
    return ends - {(41, 40)}


BOTH_RUNG = {(20, 21), (21, 20)}
ON_RUNG = line((0.002, 0.0003), (0.002, 0.0017))


@pytest.mark.parametrize(
    ("geometry", "more"),
    [
        (ON_RUNG, {}),
        (line((0.00205, 0.0001), (0.00207, 0.0019)), {}),
        (line((0.002, 0.0008), (0.002, 0.0012)), {}),
        (shapely.Point(0.0021, 0.001), {}),
        (shapely.box(0.0018, 0.0004, 0.0022, 0.0018), {}),
        (shapely.box(0.0018, 0.0009, 0.0022, 0.0011), {}),
        (None, {"ways": frozenset({400})}),
        (shapely.box(-1, -1, 1, 1), {"street": "  RUNG "}),
        (shapely.Point(0.00203, 0.00002), {"street": "Rung"}),
    ],
)
def test_a_closure_finds_its_street(geometry: Any, more: dict[str, Any]) -> None:
    """A line on or beside it, a short line, a point, an area around or across it, ids and a name all mean the rung."""
    network = changed(overlay("closure", geometry, **more))
    assert closed(network) == BOTH_RUNG
    assert network.overlays[0].findings == ()
    (placed,) = network.overlays
    assert {network.street_name(segment) for segment in placed.segments} == {"Rung"}


@pytest.mark.parametrize(
    ("geometry", "more", "says", "at"),
    [
        (shapely.Point(0.002, 0.00001), {}, "could mean any of 3 pieces of street: Lower, Rung", "geometry"),
        (shapely.Point(0.5, 0.5), {}, "no street lies within 30 m of its point", "geometry"),
        (line((0.001, 0.0005), (0.001, 0.0015)), {}, "no street runs along its line", "geometry"),
        (shapely.box(0.0005, 0.0005, 0.0015, 0.0015), {}, "no street lies inside its polygon", "geometry"),
        (None, {"ways": frozenset({9})}, "names a way that is not among the streets", "properties.ways"),
        (None, {"ways": frozenset({400}), "street": "Lower"}, "none of these ways has this name", "properties.street"),
        (ON_RUNG, {"street": "Lower"}, "no street runs along its line", "geometry"),
    ],
)
def test_what_finds_no_street_or_several_changes_nothing_and_is_said(
    geometry: Any, more: dict[str, Any], says: str, at: str
) -> None:
    """An overlay that matches nothing, or could mean several streets, leaves the network alone and is reported."""
    stated = overlay("closure", geometry, file="overlays.geojson", place="features[3]", **more)
    network = changed(stated)
    assert closed(network) == set()
    (finding,) = network.overlays[0].findings
    assert says in finding.message
    assert (finding.file, finding.column) == ("overlays.geojson", f"features[3].{at}")
    assert finding.expected
    assert any(says in note for note in overlay_notes([stated], network, MONDAY))


def test_a_line_between_two_streets_of_different_names_is_ambiguous() -> None:
    """Midway between two parallel streets a line means neither; nearer to one of them it means that one."""
    nodes = {1: (0.0, 0.0), 2: (0.003, 0.0), 3: (0.0, 0.0002), 4: (0.003, 0.0002)}
    ways = [(1, [1, 2], {"highway": "residential", "name": "A"}), (2, [3, 4], {"highway": "residential", "name": "B"})]
    ways.append((3, [2, 4], {"highway": "residential"}))
    extract = sample_extract(nodes, ways)
    midway = changed(overlay("closure", line((0.0, 0.0001), (0.003, 0.0001))), extract=extract)
    assert closed(midway) == set()
    assert "several streets side by side: A, B" in midway.overlays[0].findings[0].message
    nearer = changed(overlay("closure", line((0.0, 0.00004), (0.003, 0.00004))), extract=extract)
    assert closed(nearer) == {(1, 2), (2, 1)}
    carriageways = sample_extract(
        nodes, [(way, refs, {**tags, "name": "A"}) for way, refs, tags in ways[:2]] + ways[2:]
    )
    both = changed(overlay("closure", line((0.0, 0.0001), (0.003, 0.0001))), extract=carriageways)
    assert closed(both) == {(1, 2), (2, 1), (3, 4), (4, 3)}


def test_a_line_along_several_streets_takes_those_that_it_runs_along_for_half() -> None:
    """A line round a corner takes both streets; of the next one it covers a quarter, which stays open."""
    network = changed(overlay("closure", line((0.001, 0.0), (0.002, 0.0), (0.002, 0.002), (0.0025, 0.002))))
    assert closed(network) == {(0, 20), (20, 0), *BOTH_RUNG}


def test_a_closure_binds_in_its_direction_alone() -> None:
    """Along is as the line is drawn, however the way of OpenStreetMap runs."""
    down = line((0.002, 0.0018), (0.002, 0.0002))
    assert closed(changed(overlay("closure", down, direction="along"))) == {(21, 20)}
    assert closed(changed(overlay("closure", down, direction="against"))) == {(20, 21)}
    by_way = overlay("closure", ways=frozenset({400}), direction="along")
    assert closed(changed(by_way)) == {(20, 21)}


def test_a_one_way_street_may_be_turned_round() -> None:
    """Where the map's sign points north, an overlay may open south and close north; handcarts do not care."""
    south = line((0.004, 0.0018), (0.004, 0.0002))
    network = changed(overlay("oneway", south, direction="along"))
    assert closed(network) == {(40, 41)}
    usable = network.usable[network.profile_index("compactor")]
    assert any(
        (int(network.node_id[network.tail[i]]), int(network.node_id[network.head[i]])) == (41, 40)
        for i in np.flatnonzero(usable).tolist()
    )
    assert closed(network, "handcart") == set()
    at_times = overlay("oneway", south, direction="along", windows=((0, 5 * 3600),))
    assert closed(changed(at_times)) >= {(40, 41)}
    assert not any(
        (int(changed(at_times).node_id[network.tail[i]])) == 41 and network.street_name(i) == "East"
        for i in np.flatnonzero(changed(at_times).usable[0]).tolist()
    )


@pytest.mark.parametrize(("width_m", "stopped"), [(2.49, {"compactor"}), (2.5, set()), (1.29, {"c", "t", "w"})])
def test_a_width_binds_each_vehicle_at_its_own(width_m: float, stopped: set[str]) -> None:
    """A compactor 2.50 m wide passes 2.50 m and not 2.49 m; the handcart, 0.90 m, passes where the others may not."""
    network = changed(overlay("width", ON_RUNG, width_m=width_m))
    found = {profile.name for profile in ALL_PROFILES if closed(network, profile.name)}
    assert found == ({"compactor", "tipper", "three_wheeler"} if len(stopped) > 1 else stopped)


@pytest.mark.parametrize(
    ("depth_cm", "passes"),
    [
        (20.0, {"compactor", "tipper", "three_wheeler", "handcart"}),
        (30.0, {"compactor", "tipper", "handcart"}),
        (30.1, {"compactor", "tipper"}),
        (50.0, {"compactor"}),
        (50.1, set()),
        (None, set()),
    ],
)
def test_a_flood_stops_those_who_cannot_wade(depth_cm: float | None, passes: set[str]) -> None:
    """Each class passes up to its own depth and not beyond; nobody passes water of unknown depth."""
    network = changed(overlay("flooded", ON_RUNG, depth_cm=depth_cm))
    assert {profile.name for profile in ALL_PROFILES if not closed(network, profile.name)} == passes


def test_a_speed_is_what_trucks_drive_and_no_faster_than_they_can() -> None:
    """The stated speed holds up and down, times the vehicle's own pace, and never passes what its class can."""
    slow = dataclasses.replace(TIPPER, speed_factor=0.5)
    stated = [overlay("speed", ON_RUNG, speed_kph=60.0)]
    network = build_roads(
        ladder(), [COMPACTOR, slow, THREE_WHEELER, HANDCART], driving_side="right",
        overlays=in_force(stated, MONDAY, MORNING), hours=MORNING,
    )  # fmt: skip
    rung = next(i for i in range(network.tail.size) if network.street_name(i) == "Rung")
    driven = network.length_mm[rung] * 3.6 / network.travel_ms[:, rung]
    assert driven == pytest.approx([60.0, 30.0, 40.0, 4.0], rel=1e-3)
    for held, expected in (((), 10.0), (((0, 4 * 3600),), 10.0)):
        network = changed(overlay("speed", ON_RUNG, speed_kph=10.0, windows=held))
        assert network.length_mm[rung] * 3.6 / network.travel_ms[0, rung] == pytest.approx(expected, rel=1e-3)
    partly = changed(overlay("speed", ON_RUNG, speed_kph=60.0, windows=((0, 4 * 3600),)))
    assert partly.length_mm[rung] * 3.6 / partly.travel_ms[0, rung] == pytest.approx(25.0, rel=1e-3)


def test_a_market_is_served_at_its_edge_hours_and_not_driven_through() -> None:
    """A market that opens while trucks are out leaves its street to be served; one that is open all along closes it."""
    partly = changed(overlay("market", ON_RUNG, windows=((6 * 3600, 18 * 3600),)))
    rung = next(i for i in range(partly.tail.size) if partly.street_name(i) == "Rung")
    assert closed(partly) == set()
    assert partly.inside[partly.profile_index("compactor"), rung]
    assert not partly.inside[partly.profile_index("handcart"), rung]
    whole = changed(overlay("market", ON_RUNG, windows=((2 * 3600, 18 * 3600),)))
    assert closed(whole) == BOTH_RUNG
    assert closed(whole, "handcart") == set()
    assert changed(overlay("market", ON_RUNG, windows=((12 * 3600, 18 * 3600),))).overlays == ()


def test_an_overlay_may_bind_some_access_classes_only() -> None:
    """A closure for compactors lets the others through."""
    network = changed(overlay("closure", ON_RUNG, access_classes=frozenset({"compactor"})))
    assert [bool(closed(network, profile.name)) for profile in ALL_PROFILES] == [True, False, False, False]


@pytest.mark.parametrize(
    ("more", "held"),
    [
        ({}, Held.ALWAYS),
        ({"expires": MONDAY}, Held.ALWAYS),
        ({"expires": MONDAY - dt.timedelta(days=1)}, None),
        ({"valid_from": MONDAY}, Held.ALWAYS),
        ({"valid_from": MONDAY + dt.timedelta(days=1)}, None),
        ({"weekdays": frozenset({0})}, Held.ALWAYS),
        ({"weekdays": frozenset({1})}, None),
        ({"windows": ((3 * 3600, 11 * 3600),)}, Held.ALWAYS),
        ({"windows": ((3 * 3600 + 1, 11 * 3600),)}, Held.SOMETIMES),
        ({"windows": ((11 * 3600, 12 * 3600),)}, None),
        ({"windows": ((11 * 3600 - 1, 12 * 3600),)}, Held.SOMETIMES),
        ({"windows": ((26 * 3600, 28 * 3600),)}, Held.SOMETIMES),
        ({"windows": ((26 * 3600, 28 * 3600),), "weekdays": frozenset({0})}, None),
        ({"windows": ((26 * 3600, 28 * 3600),), "weekdays": frozenset({6})}, Held.SOMETIMES),
    ],
)
def test_an_overlay_holds_on_its_days_and_in_its_hours(more: dict[str, Any], held: Held | None) -> None:
    """First and last day, weekday and hours hold at their bounds and not one past them; 26:00 is the next 02:00."""
    assert [one.held for one in in_force([overlay("closure", ON_RUNG, **more)], MONDAY, MORNING)] == (
        [] if held is None else [held]
    )


def test_a_night_shift_meets_the_overlays_of_the_next_day() -> None:
    """Of hours from 22:00 to 30:00 an overlay of the next day covers a part, one that expires today the other part."""
    night = Hours(weekday=0, start_s=22 * 3600, end_s=30 * 3600)
    tomorrow = overlay("closure", ON_RUNG, valid_from=MONDAY + dt.timedelta(days=1))
    today = overlay("closure", ON_RUNG, expires=MONDAY)
    assert [one.held for one in in_force([tomorrow, today], MONDAY, night)] == [Held.SOMETIMES, Held.SOMETIMES]


@given(
    weekdays=st.none() | st.frozensets(st.integers(0, 6), min_size=1),
    windows=st.lists(st.tuples(st.integers(0, 47), st.integers(1, 48)).filter(lambda w: w[0] < w[1]), max_size=3),
    first=st.none() | st.integers(-2, 2),
    last=st.none() | st.integers(-2, 2),
    begin=st.integers(0, 30),
    length=st.integers(1, 18),
)
def test_holding_equals_a_count_of_hours(
    weekdays: frozenset[int] | None,
    windows: list[tuple[int, int]],
    first: int | None,
    last: int | None,
    begin: int,
    length: int,
) -> None:
    """Never, sometimes and always are what a count hour by hour gives."""
    if first is not None and last is not None and last < first:
        first, last = last, first
    day = {number: MONDAY + dt.timedelta(days=number) for number in range(-2, 3)}
    stated = overlay(
        "closure",
        ON_RUNG,
        weekdays=weekdays,
        windows=tuple((a * 3600, b * 3600) for a, b in windows),
        valid_from=None if first is None else day[first],
        expires=None if last is None else day[last],
    )
    hours = Hours(weekday=0, start_s=begin * 3600, end_s=(begin + length) * 3600)
    counted = 0
    for hour in range(begin, begin + length):
        date = hour // 24
        dated = (first is None or date >= first) and (last is None or date <= last)
        spans = windows or [(0, 24)]
        timed = any(
            (weekdays is None or shift % 7 in weekdays) and a + 24 * shift <= hour < b + 24 * shift
            for shift in range(-2, 3)
            for a, b in spans
        )
        counted += dated and timed
    expected = [] if not counted else [Held.ALWAYS if counted == length else Held.SOMETIMES]
    assert [one.held for one in in_force([stated], MONDAY, hours)] == expected


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (("oneway", {"direction": "along"}), ("oneway", {"direction": "against"}), "both directions are closed"),
        (("speed", {"speed_kph": 10.0}), ("speed", {"speed_kph": 20.0}), "stands later"),
        (("width", {"width_m": 2.0}), ("width", {"width_m": 3.0}), "narrower"),
        (("flooded", {"depth_cm": 20.0}), ("flooded", {}), "deeper"),
        (("oneway", {"direction": "along"}), ("oneway", {"direction": "along"}), None),
        (("speed", {"speed_kph": 10.0}), ("closure", {}), None),
        (
            ("speed", {"speed_kph": 10.0, "direction": "along"}),
            ("speed", {"speed_kph": 20.0, "direction": "against"}),
            None,
        ),
        (("speed", {"speed_kph": 9.0, "expires": MONDAY}), ("speed", {"speed_kph": 8.0, "expires": MONDAY}), "later"),
    ],
)
def test_overlays_that_contradict_each_other_are_reported(
    first: tuple[str, dict[str, Any]], second: tuple[str, dict[str, Any]], says: str | None
) -> None:
    """The later one is told about the earlier one; overlays that agree, or differ in kind, are not."""
    one, other = (overlay(kind, ON_RUNG, id=name, **more) for name, (kind, more) in (("A", first), ("B", second)))
    placed = changed(one, other).overlays
    assert placed[0].findings == ()
    found = [finding.message for finding in placed[1].findings]
    assert len(found) == (says is not None)
    if says is not None:
        assert "contradicts 'A' (test) on 1 piece of street" in found[0]
        assert says in found[0]


def test_overlays_at_different_times_do_not_contradict_each_other() -> None:
    """Two speeds of one street in different months are no contradiction, though both are looked at together."""
    autumn = overlay("speed", ON_RUNG, id="A", speed_kph=10.0, expires=MONDAY)
    winter = overlay("speed", ON_RUNG, id="B", speed_kph=20.0, valid_from=MONDAY + dt.timedelta(days=1))
    network = build_roads(ladder(), [COMPACTOR], driving_side="right", overlays=at_any_time([autumn, winter]))
    assert [placed.findings for placed in network.overlays] == [(), ()]


def test_expired_overlays_are_reported_and_do_nothing() -> None:
    """The day after its last one an overlay applies no more, and the notes of the day say so."""
    old = overlay(
        "closure", ON_RUNG, expires=MONDAY - dt.timedelta(days=1), file="overlays.geojson", place="features[0]"
    )
    network = changed(old)
    assert closed(network) == set()
    (finding,) = expired([old], MONDAY)
    assert (finding.column, finding.value) == ("features[0].properties.expires", "2026-11-22")
    assert overlay_notes([old], network, MONDAY) == [str(finding)]


def test_everything_closed_is_a_network_without_usable_streets() -> None:
    """A closure of the whole town is no exception: nothing is usable, and places find no street."""
    network = changed(overlay("closure", shapely.box(-1, -1, 1, 1)))
    assert not network.usable.any()
    assert (snap(network, [0.002], [0.001], profiles=[["compactor"]]).segment < 0).all()


@pytest.mark.parametrize("name", ["monaco.osm.pbf", "heidelberg.osm.pbf", "phnom_penh_centre_rebuilt.osm.gz"])
def test_a_closure_equals_an_edited_extract_and_a_plain_search(name: str) -> None:
    """On real streets a closure gives what a plain search gives, and nearly what a map without its ways gives.

    Nearly, because a street that is not there cuts no other street in two: every piece is rounded to whole
    milliseconds, and a turn is measured by the bearings of the pieces that meet.
    """
    extract = read_osm(real_extract(name))
    trucks = [COMPACTOR, TIPPER]
    base = build_roads(extract, trucks, driving_side="right")
    lon, lat = np.quantile(base.node_lon, [0.45, 0.55]), np.quantile(base.node_lat, [0.45, 0.55])
    inside = (base.node_lon > lon[0]) & (base.node_lon < lon[1]) & (base.node_lat > lat[0]) & (base.node_lat < lat[1])
    ways = frozenset(base.way_id[base.way[inside[base.tail]]].tolist())
    assert 5 < len(ways) < len(base.way_id) / 2
    held = in_force([overlay("closure", ways=ways)], MONDAY, MORNING)
    network = build_roads(extract, trucks, driving_side="right", overlays=held)
    tags = tuple(
        {"highway": "proposed"} if int(way) in ways else tag
        for way, tag in zip(extract.way_id, extract.way_tags, strict=True)
    )
    edited = build_roads(dataclasses.replace(extract, way_tags=tags), trucks, driving_side="right")
    generator = np.random.default_rng(5)
    near = generator.choice(edited.node_id.size, 60, replace=False)
    profiles = [["compactor"]] * near.size
    both = [snap(one, edited.node_lon[near], edited.node_lat[near], profiles=profiles) for one in (network, edited)]
    assert np.array_equal(both[0].offset_m, both[1].offset_m)
    cells = [travel_ms_mm(one, "compactor", places) for one, places in zip((network, edited), both, strict=True)]
    plain = plain_ms_mm(network, "compactor", both[0])
    before = travel_ms_mm(
        base, "compactor", snap(base, edited.node_lon[near], edited.node_lat[near], profiles=profiles)
    )
    for metric in range(2):
        assert np.array_equal(cells[0][metric], plain[metric])
    assert np.array_equal(cells[0][0] < 0, cells[1][0] < 0)
    assert np.abs(cells[0][0] - cells[1][0]).max() <= 5_000
    assert (cells[0][0] != before[0]).any()
    for found in legs(network, "compactor", both[0], [(0, target) for target in range(1, 20)]):
        assert found is None or not ways & set(network.way_id[network.way[found.segments]].tolist())


def test_overlays_are_part_of_what_a_kept_network_depends_on(tmp_path: Path) -> None:
    """The same overlays find the kept file, with their findings; others, or at other hours, never do."""
    path = tmp_path / "town.osm"
    path.write_text(
        '<osm version="0.6"><node id="1" lon="0" lat="0"/><node id="2" lon="0.002" lat="0"/>'
        '<way id="10"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way></osm>\n',
        encoding="utf-8",
    )
    cache = tmp_path / "cache"

    def fetched(*overlays: Overlay, hours: Hours = MORNING) -> RoadNetwork:
        held = in_force(overlays, MONDAY, hours)
        return cached_roads(path, [TIPPER], driving_side="left", cache_dir=cache, overlays=held)

    on_it, off_it = line((0.0, 0.0), (0.001, 0.0)), shapely.Point(1, 1)
    built, kept = (
        fetched(overlay("closure", on_it), overlay("speed", off_it, id="Y", speed_kph=9.0)) for _ in range(2)
    )
    assert built is not kept
    assert built.overlays == kept.overlays
    assert not kept.usable.any()
    assert kept.overlays[1].findings
    assert len(list(cache.iterdir())) == 1
    fetched()
    fetched(overlay("speed", on_it, speed_kph=9.0))
    fetched(overlay("speed", on_it, speed_kph=8.0))
    fetched(overlay("speed", on_it, speed_kph=8.0, windows=((0, 4 * 3600),)))
    assert len(list(cache.iterdir())) == 5


def test_the_report_lists_overlays_and_its_picture_shows_them() -> None:
    """What holds, what is doubtful and what has expired stand in the report; the picture points at what holds."""
    stated = [
        overlay("closure", ON_RUNG, id="Drain", note="deep"),
        overlay("closure", shapely.Point(1, 1), id="Lost"),
        overlay("closure", ON_RUNG, id="Old", expires=MONDAY - dt.timedelta(days=9)),
        overlay("closure", ON_RUNG, id="Later", valid_from=MONDAY + dt.timedelta(days=9)),
    ]
    network = changed(*stated)
    places = snap(network, [0.0005], [0.0], profiles=[["compactor"]])
    report = street_report(
        ladder(), network, places, names=["B"], profiles=[["compactor"]], overlays=stated, day=MONDAY
    )
    text = "\n".join(report.lines)
    assert "overlays: 2 hold on 2026-11-23, 1 have expired, 1 hold at other times" in text
    assert "The overlay 'Drain' (closure) changes 222 m of Rung; source: test." in text
    assert "the overlay 'Lost' changes nothing" in text
    assert "the overlay 'Old' has expired" in text
    (spot,) = (spot for spot in report.spots if spot.kind == "overlay")
    assert (spot.lon, spot.lat) == pytest.approx((0.002, 0.001))
    assert "closure Drain, test; deep" in report_picture(network, report)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"kind": "speed", "geometry": ON_RUNG}, "speed_kph"),
        ({"kind": "width", "geometry": ON_RUNG}, "width_m"),
        ({"kind": "market", "geometry": ON_RUNG}, "hours"),
        ({"kind": "oneway", "geometry": ON_RUNG}, "direction"),
        ({"kind": "oneway", "geometry": shapely.Point(0, 0), "direction": "along"}, "direction"),
        ({"kind": "closure"}, "geometry"),
        ({"kind": "closure", "geometry": ON_RUNG, "valid_from": MONDAY, "expires": dt.date(2026, 1, 1)}, "expires"),
        ({"kind": "closure", "geometry": ON_RUNG, "access_classes": frozenset({"tank"})}, "access class"),
    ],
)
def test_an_overlay_that_does_not_say_enough_is_refused(values: dict[str, Any], says: str) -> None:
    """What its kind needs is asked for when it is made, wherever it was stated."""
    with pytest.raises(ValueError, match=says):
        overlay(values.pop("kind"), values.pop("geometry", None), **values)

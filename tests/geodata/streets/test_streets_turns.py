"""What may follow what, and at what cost: restrictions, turning round, signals, streets to serve but not to pass."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streets_samples import COMPACTOR, HANDCART, MILLIDEGREE_MM, THREE_WHEELER, TIPPER, banned, sample_extract

from geodata.streets.conditions import Hours
from geodata.streets.legs import legs
from geodata.streets.roads import build_roads
from geodata.streets.snap import Places
from geodata.streets.travel import NO_PATH, plain_ms_mm, travel_ms_mm

if TYPE_CHECKING:
    from geodata.streets.osm import Restriction
    from geodata.streets.roads import RoadNetwork

STREET = {"highway": "residential"}
# A cross of four ways at node 1, each with a stub so that nothing ends at once: 10 west, 20 east, 30 south, 40 north.
CROSS = {1: (0.0, 0.0), 2: (-0.001, 0.0), 3: (0.001, 0.0), 4: (0.0, -0.001), 5: (0.0, 0.001)}
ARMS = [(10, [2, 1], STREET), (20, [1, 3], STREET), (30, [4, 1], STREET), (40, [1, 5], STREET)]
MONDAY_MORNING = Hours(weekday=0, start_s=5 * 3600, end_s=13 * 3600)


def cross(*restrictions: Restriction, hours: Hours | None = None, tags: dict[str, str] | None = None) -> RoadNetwork:
    extract = sample_extract(CROSS, ARMS, {1: tags} if tags else None, restrictions)
    return build_roads(extract, [COMPACTOR, TIPPER, THREE_WHEELER, HANDCART], driving_side="right", hours=hours)


def turns_from(network: RoadNetwork, profile: str, tail: int, head: int) -> dict[int, int]:
    """Map from the node where a next segment ends to what the turn costs, for those that are allowed."""
    ids = network.node_id
    ends = list(zip(ids[network.tail].tolist(), ids[network.head].tolist(), strict=True))
    own = ends.index((tail, head))
    index = network.profile_index(profile)
    return {
        ends[network.arc_to[arc]][1]: int(network.turn_ms[index, arc])
        for arc in range(network.arc_start[own], network.arc_start[own + 1])
        if network.turn_ms[index, arc] >= 0
    }


def test_a_turn_costs_by_its_angle_and_the_side_of_the_road() -> None:
    """Straight on is free, the near side costs less than crossing oncoming traffic, mirrored where one drives left."""
    right = turns_from(cross(), "compactor", 2, 1)
    assert right == {3: 0, 4: 4000, 5: 8000}
    left = build_roads(sample_extract(CROSS, ARMS), [COMPACTOR], driving_side="left")
    assert turns_from(left, "compactor", 2, 1) == {3: 0, 4: 8000, 5: 4000}


def test_nobody_turns_round_but_at_a_dead_end() -> None:
    """At a crossing no motor vehicle turns round; at a dead end it does, out of a short lane backwards."""
    network = cross()
    assert 2 not in turns_from(network, "compactor", 2, 1)
    assert turns_from(network, "handcart", 2, 1)[2] == 2000, "people turn round where they stand"
    # 111.195 m backwards at 4 km/h, less the same way forwards at 25 km/h, is more than a turn to and fro.
    assert turns_from(network, "compactor", 1, 2) == {1: 60_000}
    short = {1: (0.0, 0.0), 2: (0.0002, 0.0), 3: (-0.001, 0.0), 4: (0.0, 0.001)}
    lane = build_roads(
        sample_extract(short, [(1, [1, 2], STREET), (2, [1, 3], STREET), (3, [1, 4], STREET)]),
        [COMPACTOR],
        driving_side="right",
    )
    assert turns_from(lane, "compactor", 1, 2)[1] == pytest.approx(22_239 * (3.6 / 4 - 3.6 / 25), abs=2)


def test_a_turning_circle_lets_trucks_turn() -> None:
    """On a turning circle a truck turns round even where the street goes on, and quickly."""
    network = cross(tags={"highway": "turning_circle"})
    assert turns_from(network, "compactor", 2, 1)[2] == 10_000


@pytest.mark.parametrize(
    ("tags", "forward_ms", "backward_ms"),
    [
        ({"highway": "traffic_signals"}, 9000, 9000),
        ({"highway": "traffic_signals", "traffic_signals:direction": "forward"}, 9000, 0),
        ({"highway": "stop", "direction": "backward"}, 0, 3000),
        ({"highway": "give_way"}, 1500, 1500),
    ],
)
def test_signals_are_waited_for_by_those_they_face(tags: dict[str, str], forward_ms: int, backward_ms: int) -> None:
    """A signal in mid-street costs its wait, in the direction that it is mapped for."""
    nodes = {1: (0.0, 0.0), 2: (0.001, 0.0), 3: (0.002, 0.0)}
    network = build_roads(sample_extract(nodes, [(1, [1, 2, 3], STREET)], {2: tags}), [COMPACTOR], driving_side="right")
    assert turns_from(network, "compactor", 1, 2) == {3: forward_ms}
    assert turns_from(network, "compactor", 3, 2) == {1: backward_ms}


def test_a_lesser_street_waits_for_a_greater_one() -> None:
    """Who comes out of a residential street onto a primary one waits; who drives on the primary one does not."""
    ways = [(10, [2, 1], {"highway": "primary"}), (20, [1, 3], {"highway": "primary"}), (30, [4, 1], STREET)]
    network = build_roads(sample_extract(CROSS, ways), [COMPACTOR], driving_side="right")
    assert turns_from(network, "compactor", 4, 1) == {2: 8000 + 4000, 3: 4000 + 4000}
    assert turns_from(network, "compactor", 2, 1)[3] == 0


@pytest.mark.parametrize(
    ("restriction", "left_to"),
    [
        (banned(10, 1, 40, restriction="no_left_turn"), {3, 4}),
        (banned(10, 1, 20, restriction="no_straight_on"), {4, 5}),
        (banned(10, 1, 40, restriction="only_left_turn"), {5}),
        (banned(10, 1, 20, restriction="only_straight_on"), {3}),
        (banned(10, 1, 40, restriction="no_left_turn", **{"except": "bus;hgv"}), {3, 4, 5}),
        (banned(10, 1, 40, restriction="no_left_turn", **{"except": "psv"}), {3, 4}),
        (banned(10, 1, 40, restriction__hgv="no_left_turn"), {3, 4}),
        (banned(10, 1, 40, restriction__bicycle="no_left_turn"), {3, 4, 5}),
        (banned(10, 1, 40, restriction__conditional="no_left_turn @ (Mo-Fr 07:00-09:00)"), {3, 4}),
        (banned(10, 1, 40, restriction__conditional="no_left_turn @ (Sa 07:00-09:00)"), {3, 4, 5}),
        (banned(10, 1, 40, restriction__conditional="no_left_turn @ (12:59-14:00)"), {3, 4}),
        (banned(10, 1, 40, restriction__conditional="no_left_turn @ (13:00-14:00)"), {3, 4, 5}),
        (banned(10, 1, 40, restriction__conditional="no_left_turn @ (weight>19)"), {3, 4, 5}),
        (banned(10, 1, 40, restriction__conditional="no_left_turn @ (weight>18.9)"), {3, 4}),
        (banned(10, 1, 40, restriction__conditional="no_left_turn @ (sunset-sunrise)"), {3, 4}),
    ],
)
def test_restrictions_bind_whom_they_name_at_the_hours_they_name(restriction: Restriction, left_to: set[int]) -> None:
    """A compactor of 19 t on a Monday from 5 to 13 o'clock obeys what is meant for it then, and nothing else."""
    network = cross(restriction, hours=MONDAY_MORNING)
    assert set(turns_from(network, "compactor", 2, 1)) == left_to
    assert set(turns_from(network, "handcart", 2, 1)) == {2, 3, 4, 5}, "people on foot obey none"


# A ladder: 1-2-3-4 along the bottom (ways 10, 20, 30), rungs up at 2 and 3 (ways 40, 50).
LADDER = {1: (0.0, 0.0), 2: (0.001, 0.0), 3: (0.002, 0.0), 4: (0.003, 0.0), 5: (0.001, 0.001), 6: (0.002, 0.001),
          7: (0.001, -0.001)}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "straight", "up", "from_below"),
    [
        ("no_left_turn", True, False, True),
        ("only_straight_on", True, True, True),
        ("only_left_turn", False, True, True),
    ],
)
def test_a_restriction_over_a_way_looks_back_beyond_it(
    kind: str, *, straight: bool, up: bool, from_below: bool
) -> None:
    """Who comes from way 10 over way 20 is bound at its end; who came onto way 20 from elsewhere is not."""
    ways = [(10, [1, 2], STREET), (20, [2, 3], STREET), (30, [3, 4], STREET), (50, [3, 6], STREET),
            (60, [7, 2], STREET)]  # fmt: skip
    to_way = 50 if "left" in kind else 30
    extract = sample_extract(LADDER, ways, None, [banned(10, [20], to_way, restriction=kind)])
    network = build_roads(extract, [COMPACTOR], driving_side="right")
    assert network.restrictions_kept == 1
    way = network.way_id[network.way]
    ahead = network.first < network.last
    begin, below, right, rung = (int(np.flatnonzero((way == which) & ahead)[0]) for which in (10, 60, 30, 50))
    spots = at(network, [begin, below, right, rung])
    _, mm = travel_ms_mm(network, "compactor", spots)
    direct = 2 * MILLIDEGREE_MM + 10
    assert (mm[0, 2] <= direct) == straight
    assert (mm[0, 3] <= direct) == (up and kind != "only_straight_on")
    assert (mm[1, 2] <= direct) == (mm[1, 3] <= direct) == from_below


def test_what_cannot_be_placed_is_dropped_and_said() -> None:
    """A restriction whose street goes on past its node, or whose parts are missing, binds nobody and is reported."""
    through = sample_extract(
        CROSS,
        [(10, [2, 1, 3], STREET), (30, [4, 1, 5], STREET)],
        restrictions=[
            banned(10, 1, 30, restriction="no_left_turn"),
            banned(99, 1, 30, restriction="no_left_turn"),
            banned(10, 77, 30, restriction="no_left_turn"),
            banned(10, 1, 30, restriction="give_way"),
        ],
    )
    network = build_roads(through, [COMPACTOR], driving_side="right")
    assert network.restrictions_kept == 0
    reasons = [finding.message for finding in network.restrictions_dropped]
    for part in ("not clear which turn", "do not meet", "lacks its node", "not known"):
        assert sum(part in reason for reason in reasons) == 1


def test_an_unreadable_hour_is_reported() -> None:
    """A condition that cannot be understood is told, and taken to hold always."""
    network = cross(banned(10, 1, 40, restriction__conditional="no_left_turn @ (sunset-sunrise)"))
    (finding,) = network.restrictions_dropped
    assert "taken to hold always" in finding.message
    assert network.restrictions_kept == 1


@pytest.mark.parametrize(
    ("tags", "open_to_compactor"),
    [
        ({"hgv:conditional": "no @ (07:00-09:00)"}, False),
        ({"hgv:conditional": "no @ (22:00-05:00)"}, True),
        ({"access": "no", "hgv:conditional": "yes @ (05:00-13:00)"}, True),
        ({"access": "no", "hgv:conditional": "yes @ (05:00-12:59)"}, False),
        ({"motor_vehicle:conditional": "no @ (weight>7.5)"}, False),
        ({"access": "no", "hgv:conditional": "yes @ permit"}, False),
        ({"hgv:conditional": "no @ snow"}, False),
        ({"maxweight:conditional": "12 @ (Mo-Su 00:00-24:00)"}, False),
        ({"maxweight:conditional": "12 @ (Tu 07:00-09:00)"}, True),
    ],
)
def test_signs_with_hours(tags: dict[str, str], *, open_to_compactor: bool) -> None:
    """What forbids counts if it holds at any time of the shift; what allows, only if it holds all the time."""
    nodes = {1: (0.0, 0.0), 2: (0.001, 0.0), 3: (0.0, 0.001)}
    extract = sample_extract(nodes, [(1, [1, 2], {**STREET, **tags}), (2, [1, 3], STREET)])
    network = build_roads(extract, [COMPACTOR], driving_side="right", hours=MONDAY_MORNING)
    assert (1 in network.way_id[network.way].tolist()) == open_to_compactor
    unread = "permit" in str(tags) or "snow" in str(tags)
    assert bool(network.notes) == unread


def test_hours_must_be_in_order() -> None:
    """Hours that end before they start, or a weekday that does not exist, raise."""
    with pytest.raises(ValueError, match="end after"):
        Hours(weekday=0, start_s=10, end_s=10)
    with pytest.raises(ValueError, match="weekday"):
        Hours(weekday=7, start_s=0, end_s=10)


def test_a_street_for_residents_is_served_and_not_passed() -> None:
    """A way through a street signed "destination" is not taken, though it is shorter; a bin in it is reached."""
    nodes = {1: (0.0, 0.0), 2: (0.001, 0.0), 3: (0.002, 0.0), 4: (0.0, 0.003), 5: (0.002, 0.003), 6: (0.003, 0.0),
             7: (-0.001, 0.0)}  # fmt: skip
    ways = [
        (10, [7, 1], STREET),
        (20, [1, 2, 3], {**STREET, "motor_vehicle": "destination"}),
        (30, [1, 4, 5, 3], STREET),
        (40, [3, 6], STREET),
    ]
    network = build_roads(sample_extract(nodes, ways), [COMPACTOR, HANDCART], driving_side="right")
    way = network.way_id[network.way]
    begin, within, end = (
        int(np.flatnonzero((way == which) & (network.first < network.last))[0]) for which in (10, 20, 40)
    )
    spots = at(network, [begin, within, end])
    _, mm = travel_ms_mm(network, "compactor", spots)
    lengths = network.length_mm
    assert mm[0, 1] == lengths[begin]
    assert mm[1, 2] == lengths[within]
    assert mm[0, 2] > lengths[begin] + 8 * 100_000
    assert travel_ms_mm(network, "handcart", spots)[1][0, 2] == lengths[begin] + lengths[within]


def at(network: RoadNetwork, segments: list[int], along: list[int] | None = None) -> Places:
    n = len(segments)
    return Places(
        segment=np.array(segments, dtype=np.int32),
        along_mm=np.array(along or [0] * n, dtype=np.int64),
        side=np.zeros(n, dtype=np.int8),
        offset_m=np.zeros(n),
        lon=network.node_lon[network.tail[segments]],
        lat=network.node_lat[network.tail[segments]],
    )


@st.composite
def restricted_networks(draw: st.DrawFn) -> RoadNetwork:
    """Small networks of straight streets with one-ways, residents' streets, and restrictions over nodes and ways."""
    size = draw(st.integers(4, 7))
    points = st.tuples(st.integers(0, 30), st.integers(0, 30))
    where = draw(st.lists(points, min_size=size, max_size=size, unique=True))
    nodes = {index: (x * 1e-4, y * 1e-4) for index, (x, y) in enumerate(where, start=1)}
    pairs = draw(
        st.lists(st.sampled_from(list(itertools.combinations(nodes, 2))), min_size=4, max_size=12, unique=True)
    )
    extra = st.fixed_dictionaries(
        {}, optional={"oneway": st.just("yes"), "motor_vehicle": st.sampled_from(["destination", "destination", "no"])}
    )
    ways = [(number, list(pair), {**STREET, **draw(extra)}) for number, pair in enumerate(pairs, start=1)]
    ways[0] = (1, list(pairs[0]), STREET)
    restrictions: list[Restriction] = []
    kinds = st.sampled_from(["no_left_turn", "only_right_turn", "no_u_turn"])
    for _ in range(draw(st.integers(0, 5))):
        numbers = draw(st.lists(st.sampled_from(range(1, len(ways) + 1)), min_size=2, max_size=4))
        ends = [set(pairs[number - 1]) for number in numbers]
        if all(one & other for one, other in itertools.pairwise(ends)):
            via = min(ends[0] & ends[1]) if len(numbers) == 2 else numbers[1:-1]
            restrictions.append(banned(numbers[0], via, numbers[-1], restriction=draw(kinds)))
    return build_roads(
        sample_extract(nodes, ways, None, restrictions),
        [COMPACTOR, HANDCART],
        driving_side=draw(st.sampled_from(["left", "right"])),
    )


def exhaustive(network: RoadNetwork, profile: int, source: int) -> dict[int, tuple[int, int]]:
    """Least (ms, mm) from the end of a segment to the beginning of others, over whole histories of segments.

    A history is cut to the longest chain; whether the path has come in from outside is kept beside it.
    """
    chains = set(network.chains[profile])
    memory = max((len(chain) for chain in chains), default=2)
    inside = network.inside[profile]
    best: dict[int, tuple[int, int]] = {}
    queue: list[tuple[int, int, tuple[int, ...], bool]] = [(0, 0, (source,), False)]
    done: set[tuple[tuple[int, ...], bool]] = set()
    while queue:
        ms, mm, history, came_in = heapq.heappop(queue)
        if (history, came_in) in done:
            continue
        done.add((history, came_in))
        last = history[-1]
        if len(history) > 1:
            best.setdefault(last, (ms, mm))
            ms, mm = ms + int(network.travel_ms[profile, last]), mm + int(network.length_mm[last])
        for arc in range(network.arc_start[last], network.arc_start[last + 1]):
            following, turn_ms = int(network.arc_to[arc]), int(network.turn_ms[profile, arc])
            path = (*history, following)
            if turn_ms < 0 or not network.usable[profile, following]:
                continue
            if any(path[-length:] in chains for length in range(3, len(path) + 1)):
                continue
            if came_in and not inside[following]:
                continue
            enters = bool(inside[following] and (came_in or not inside[last]))
            heapq.heappush(queue, (ms + turn_ms, mm, path[-memory:], enters))
    return best


@settings(max_examples=200, deadline=None)
@given(network=restricted_networks())
def test_restricted_networks_equal_an_exhaustive_search(network: RoadNetwork) -> None:
    """With restrictions over nodes and ways and residents' streets, all three searches give the same best paths."""
    for index, profile in enumerate(network.profiles):
        usable = np.flatnonzero(network.usable[index]).tolist()
        places = at(network, usable)
        ms, mm = travel_ms_mm(network, profile.name, places)
        plain = plain_ms_mm(network, profile.name, places)
        assert np.array_equal(ms, plain[0])
        assert np.array_equal(mm, plain[1])
        for i, source in enumerate(usable):
            best = exhaustive(network, index, source)
            own = (int(network.travel_ms[index, source]), int(network.length_mm[source]))
            for j, target in enumerate(usable):
                if i == j:
                    continue
                found = best.get(target)
                expected = (NO_PATH, NO_PATH) if found is None else (found[0] + own[0], found[1] + own[1])
                assert (ms[i, j], mm[i, j]) == expected
        pairs = [(i, j) for i in range(len(usable)) for j in range(len(usable)) if i != j]
        for (i, j), found_leg in zip(pairs, legs(network, profile.name, places, pairs), strict=True):
            assert (found_leg is None) == (ms[i, j] == NO_PATH)
            if found_leg is not None:
                assert_driven_legally(network, index, found_leg.segments.tolist())


def assert_driven_legally(network: RoadNetwork, profile: int, path: list[int]) -> None:
    """No arc and no chain of a path is forbidden, and no residents' street is passed through."""
    for before, after in itertools.pairwise(path):
        row = slice(network.arc_start[before], network.arc_start[before + 1])
        assert (network.turn_ms[profile, row][network.arc_to[row] == after] >= 0).all()
    for chain in network.chains[profile]:
        runs = [tuple(path[at : at + len(chain)]) for at in range(len(path))]
        assert chain not in runs
    came_in = False
    for before, after in itertools.pairwise(path):
        assert not (came_in and not network.inside[profile, after])
        came_in = came_in or bool(network.inside[profile, after] and not network.inside[profile, before])


@settings(max_examples=60, deadline=None)
@given(network=restricted_networks(), data=st.data())
def test_the_triangle_inequality_holds_between_states(network: RoadNetwork, data: st.DataObject) -> None:
    """Without rules that look back, no way over a third state is quicker than the direct one, in milliseconds."""
    if network.inside.any() or any(network.chains):
        return
    usable = np.flatnonzero(network.usable[0]).tolist()
    places = at(network, [data.draw(st.sampled_from(usable)) for _ in range(6)])
    ms, _ = travel_ms_mm(network, "compactor", places)
    far = np.where(ms == NO_PATH, 10**12, ms)
    assert (far[:, None, :] <= far[:, :, None] + far[None, :, :]).all()

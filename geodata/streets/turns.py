"""What it costs a truck to get from one street into the next: turning, waiting, and turning round.

A turn costs by its angle and by whether it crosses oncoming traffic; who comes out of a lesser street waits for the
greater one; a signal is waited for. Nobody turns round in mid-street: only at a dead end, on a turning circle, or on
foot. The seconds are working figures of this project for a loaded truck, meant to be replaced by a city's own
measurements; where a figure has a source, it is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from geodata.streets._compiled import compiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geodata.streets.osm import OsmExtract
    from geodata.streets.profile import TruckProfile

FORBIDDEN_TURN: Final = -1

# A bearing is taken over this length, so that a short crooked edge at the junction does not decide it.
_BEARING_M: Final = 12.0
# Mean wait at a signal: Webster's uniform delay, cycle * (1 - green share)^2 / 2, for a cycle of 60 s and green for
# 45 % of it, is 9 s (F. V. Webster, "Traffic Signal Settings", Road Research Technical Paper 39, 1958).
_SIGNAL_MS: Final = 9_000
_STOP_SIGN_MS: Final = 3_000
_GIVE_WAY_MS: Final = 1_500
_TURNING_CIRCLE_MS: Final = 10_000
# Where reversing cannot be avoided, a waste truck reverses over 150 m at most: DGUV Information 214-033 (edition of
# September 2021), section 5.2, of the German accident insurers. It asks for a guide on foot, hence slower than walking
# pace; its section 5.1 asks for rounds that need no reversing at all. A recommendation in one country, taken as a
# working figure elsewhere.
REVERSING_LIMIT_M: Final = 150.0
_REVERSING_MS_PER_MM: Final = 3.6 / 4.0

# Milliseconds of a turn by 90 degrees to the near side, across oncoming traffic, and of waiting for a greater street;
# and of turning round at a dead end by going to and fro.
_TURN_MS: Final = {
    "compactor": (4_000, 8_000, 4_000, 60_000),
    "tipper": (3_000, 6_000, 3_000, 30_000),
    "three_wheeler": (2_000, 4_000, 2_000, 10_000),
    "handcart": (0, 0, 1_000, 2_000),
}
_STRAIGHT_DEG: Final = 30.0
_SHARPEST_DEG: Final = 135.0

# From the least to the greatest; links count as what they lead to.
_RANK: Final = {
    "path": 0, "footway": 0, "cycleway": 0, "bridleway": 0, "pedestrian": 0, "track": 0, "service": 0,
    "living_street": 1, "residential": 1, "road": 1, "unclassified": 2, "tertiary": 3, "secondary": 4, "primary": 5,
    "trunk": 6, "motorway": 7,
}  # fmt: skip

NO_SIGN: Final = 0
SIGNAL: Final = 1
STOP_SIGN: Final = 2
GIVE_WAY: Final = 3
TURNING_PLACE: Final = 4
_SIGNS: Final = {
    "traffic_signals": SIGNAL, "stop": STOP_SIGN, "give_way": GIVE_WAY, "turning_circle": TURNING_PLACE,
    "turning_loop": TURNING_PLACE,
}  # fmt: skip
_ALONG: Final = 1
_AGAINST: Final = 2
_BOTH: Final = 3


class Signs(NamedTuple):
    """What stands on the nodes of an extract: ``kind`` int8[n], and whom it concerns: ``way_direction`` int8[n].

    The direction is 1 for those who drive along the way, 2 for those who drive against it, 3 for both.
    """

    kind: NDArray[np.int8]
    way_direction: NDArray[np.int8]


class Junctions(NamedTuple):
    """What turning depends on. Named tuples can be taken apart by compiled code.

    ``head``, ``reverse``, ``rank`` and ``forward`` (drives along its way) have s entries; ``out_deg`` and ``in_deg``
    are the bearings at a segment's beginning and end; ``start`` and ``to`` are the arcs; ``sign`` and
    ``way_direction`` have n entries.
    """

    head: NDArray[np.int32]
    reverse: NDArray[np.int32]
    rank: NDArray[np.int8]
    forward: NDArray[np.bool_]
    out_deg: NDArray[np.float64]
    in_deg: NDArray[np.float64]
    start: NDArray[np.int64]
    to: NDArray[np.int32]
    sign: NDArray[np.int8]
    way_direction: NDArray[np.int8]


class TurnFigures(NamedTuple):
    """The seconds that depend on the truck, in milliseconds, and on which side oncoming traffic passes."""

    near_ms: int
    crossing_ms: int
    yield_ms: int
    round_ms: int
    signal_ms: int
    crossing_sign: int
    anywhere: bool


def signs(extract: OsmExtract) -> Signs:
    """Find the signals, signs and turning places among an extract's nodes."""
    kind = np.zeros(extract.node_id.size, dtype=np.int8)
    direction = np.full(extract.node_id.size, _BOTH, dtype=np.int8)
    said = {"forward": _ALONG, "backward": _AGAINST}
    for node, tags in extract.node_tags.items():
        kind[node] = _SIGNS.get(tags.get("highway", ""), NO_SIGN)
        which = tags.get("traffic_signals:direction") or tags.get("direction") or ""
        direction[node] = said.get(which, _BOTH)
    return Signs(kind=kind, way_direction=direction)


def street_rank(highways: Sequence[str]) -> NDArray[np.int8]:
    """How great each street is, by its class: int8[w]."""
    return np.array([_RANK.get(highway.removesuffix("_link"), 0) for highway in highways], dtype=np.int8)


def figures(profile: TruckProfile, driving_side: str) -> TurnFigures:
    """Collect what turning costs a truck."""
    near_ms, crossing_ms, yield_ms, round_ms = _TURN_MS[profile.access_class]
    return TurnFigures(
        near_ms=near_ms,
        crossing_ms=crossing_ms,
        yield_ms=yield_ms,
        round_ms=round_ms,
        signal_ms=_SIGNAL_MS,
        # A bearing grows to the right: on the right side of the road a turn to the left, below zero, crosses.
        crossing_sign=-1 if driving_side == "right" else 1,
        anywhere=profile.on_foot,
    )


@compiled
def bearings(
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    shape_mm: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bearings of segments where they begin and where they end, degrees clockwise from north: float64[s] each."""
    count = first.size
    out = np.zeros(count)
    into = np.zeros(count)
    for i in range(count):
        step = 1 if last[i] >= first[i] else -1
        for which in range(2):
            corner, direction = (first[i], step) if which == 0 else (last[i], -step)
            far = corner + direction
            stop = last[i] if which == 0 else first[i]
            while far != stop and abs(shape_mm[far] - shape_mm[corner]) < _BEARING_M * 1000.0:
                far += direction
            east = (lon[far] - lon[corner]) * np.cos(np.radians(lat[corner]))
            bearing = np.degrees(np.arctan2(east, lat[far] - lat[corner]))
            if which == 0:
                out[i] = bearing
            else:
                into[i] = bearing + 180.0
    return out, into


@compiled
def turn_costs(
    at: Junctions,
    forbidden: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    travel_ms: NDArray[np.int64],
    length_mm: NDArray[np.int64],
    truck: TurnFigures,
) -> NDArray[np.int32]:
    """Cost of every arc for one truck, milliseconds: int32[a], ``FORBIDDEN_TURN`` where it must not be driven.

    ``forbidden`` is bool[a]: what signs and barriers forbid. A truck turns round where nothing else is left to it, and
    where a street could not be entered otherwise: at a corner that only one-way streets lead away from.
    """
    cost = np.full(at.to.size, FORBIDDEN_TURN, dtype=np.int32)
    entered = _entered(at, forbidden, usable)
    for segment in range(at.head.size):
        if not usable[segment]:
            continue
        others = 0
        onward = 0
        for arc in range(at.start[segment], at.start[segment + 1]):
            following = at.to[arc]
            if following != at.reverse[segment] and usable[following]:
                others += 1
                onward += not forbidden[arc]
        wait_ms = _wait(segment, others, at, usable, truck)
        for arc in range(at.start[segment], at.start[segment + 1]):
            following = at.to[arc]
            if forbidden[arc] or not usable[following]:
                continue
            if following == at.reverse[segment]:
                cost[arc] = _turning_round(segment, following, onward, entered, at, travel_ms, length_mm, truck)
            else:
                cost[arc] = wait_ms + (_turning(segment, following, at, truck) if others > 1 else 0)
    return cost


@compiled
def _entered(at: Junctions, forbidden: NDArray[np.bool_], usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which segments can be entered without turning round: bool[s]."""
    entered = np.zeros(at.head.size, dtype=np.bool_)
    for segment in range(at.head.size):
        if usable[segment]:
            for arc in range(at.start[segment], at.start[segment + 1]):
                if at.to[arc] != at.reverse[segment] and not forbidden[arc]:
                    entered[at.to[arc]] = True
    return entered


@compiled
def _wait(segment: int, others: int, at: Junctions, usable: NDArray[np.bool_], truck: TurnFigures) -> int:
    """Wait at the end of a segment: for a signal, at a sign, or for a greater street that meets it."""
    corner = at.head[segment]
    concerned = (at.way_direction[corner] & (1 if at.forward[segment] else 2)) != 0
    if concerned and at.sign[corner] == SIGNAL:
        return truck.signal_ms
    if concerned and at.sign[corner] == STOP_SIGN:
        return _STOP_SIGN_MS
    if concerned and at.sign[corner] == GIVE_WAY:
        return _GIVE_WAY_MS
    if others > 1:
        for arc in range(at.start[segment], at.start[segment + 1]):
            if usable[at.to[arc]] and at.rank[at.to[arc]] > at.rank[segment]:
                return truck.yield_ms
    return 0


@compiled
def _turning(segment: int, following: int, at: Junctions, truck: TurnFigures) -> int:
    """Cost of the turn itself, in proportion to its angle up to a sharp one."""
    angle = (at.out_deg[following] - at.in_deg[segment] + 540.0) % 360.0 - 180.0
    if abs(angle) <= _STRAIGHT_DEG:
        return 0
    per_right_angle = truck.crossing_ms if angle * truck.crossing_sign > 0 else truck.near_ms
    share = min(abs(angle), _SHARPEST_DEG) / 90.0
    return int(per_right_angle * share + 0.5)


@compiled
def _turning_round(
    segment: int,
    back: int,
    onward: int,
    entered: NDArray[np.bool_],
    at: Junctions,
    travel_ms: NDArray[np.int64],
    length_mm: NDArray[np.int64],
    truck: TurnFigures,
) -> int:
    """Cost of going back the way one came, ``FORBIDDEN_TURN`` where there is another way on."""
    if at.sign[at.head[segment]] == TURNING_PLACE:
        return min(_TURNING_CIRCLE_MS, truck.round_ms)
    if onward > 0:
        return truck.round_ms if truck.anywhere or not entered[back] else FORBIDDEN_TURN
    if length_mm[segment] > REVERSING_LIMIT_M * 1000.0:
        return truck.round_ms
    # To and fro on the spot, or backwards out of a short lane, whatever is quicker.
    return int(min(truck.round_ms, max(0, round(length_mm[segment] * _REVERSING_MS_PER_MM) - travel_ms[back])))

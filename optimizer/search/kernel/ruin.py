"""Take strings of visits out of trips near each other, compiled.

Source: J. Christiaens and G. Vanden Berghe, "Slack induction by string removals for vehicle routing problems",
Transportation Science 54 (2020) 417-433, with their parameters unless a constant here says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from optimizer.search.kernel._compiled import compiled
from optimizer.search.kernel.arrays import N_ABSENT, N_MARK, N_POOL, N_STAMP
from optimizer.search.kernel.routes import chance, refresh, touch

if TYPE_CHECKING:
    from optimizer.search.kernel.arrays import Day, State

_LONGEST_STRING: Final = 10

_SPLIT_STRING: Final = 0.5

_SPLIT_STOPS: Final = 0.01

_MERGE: Final = 0.5
"""Chance that two neighbouring trips that have lost visits are tried as one."""

_WHOLE_ROUTE: Final = 0.005
"""Chance that a step empties a whole route instead: the way to close a truck."""


@compiled
def _take_out(day: Day, state: State, r: int, i: int) -> None:
    visit = day.codes[state.seq[r, i]].visit
    if visit >= 0 and state.visits[visit].route >= 0:
        state.visits[visit].route = -1
        state.lists[1, state.numbers[N_POOL]] = visit
        state.numbers[N_POOL] += 1


@compiled
def _take_string(day: Day, state: State, r: int, position: int, longest: int) -> None:
    """Take a string of visits around a position out of its trip, sometimes one with a gap."""
    trip = state.trips[r, state.at[r, position].trip]
    size = trip.last - trip.first
    length = 1 + int(chance(state) * min(size, longest))
    gap = 0
    if length > 1 and length < size and chance(state) < _SPLIT_STRING:
        gap = 1
        while length + gap < size and chance(state) > _SPLIT_STOPS:
            gap += 1
    whole = length + gap
    low = max(trip.first, position - whole + 1)
    high = min(position, trip.last - whole)
    begin = low + int(chance(state) * (high - low + 1))
    kept = begin + 1 + int(chance(state) * max(1, length - 1)) if gap else begin
    for i in range(begin, begin + whole):
        if not gap or i < kept or i >= kept + gap:
            _take_out(day, state, r, i)


@compiled
def _close_up(day: Day, state: State, r: int) -> bool:
    """Pull a route together after visits were taken out; drop empty trips, and sometimes an unloading between two."""
    shift, n = day.shifts[r], state.routes[r].length
    seq = state.seq[r]
    size = visits = 0
    before_kg = before_l = before_streams = 0
    kg, litres, streams = day.codes[shift.begin].kg, day.codes[shift.begin].litres, day.codes[shift.begin].stream
    begin = 1
    for i in range(1, n + 1):
        code = day.codes[seq[i]]
        if code.visit >= 0:
            if state.visits[code.visit].route >= 0:
                visits += 1
                size += 1
                seq[size] = seq[i]
                kg += code.kg
                litres += code.litres
                streams |= code.stream
            continue
        if size < begin and streams == 0:  # an empty truck; one that begins with a load must bring it away
            continue
        both = before_streams | streams
        if (
            begin > 1
            and before_kg + kg <= shift.cap_kg
            and before_l + litres <= shift.cap_l
            and (shift.mixed != 0 or before_streams == streams)
            and (both & ~code.stream) == 0
            and chance(state) < _MERGE
        ):
            for position in range(begin - 1, size):
                seq[position] = seq[position + 1]
            size -= 1
            kg += before_kg
            litres += before_l
            streams = both
        size += 1
        seq[size] = seq[i]
        before_kg, before_l, before_streams = kg, litres, streams
        kg = litres = streams = 0
        begin = size + 1
    state.routes[r].length = size if visits or shift.out else 0
    return refresh(day, state, r)


@compiled
def ruin(day: Day, state: State, removed: float) -> bool:
    """Take strings of visits out of trips near each other, about ``removed`` visits; False if a route then fails."""
    visits, served = len(state.visits), len(state.visits) - state.numbers[N_ABSENT]
    if served == 0:
        return True
    seed = int(chance(state) * visits)
    while state.visits[seed].route < 0:
        seed = (seed + 1) % visits
    trips = 0
    for r in range(len(day.shifts)):
        trips += state.routes[r].trips
    if chance(state) < _WHOLE_ROUTE:
        r = state.visits[seed].route
        touch(state, r)
        for i in range(1, state.routes[r].length + 1):
            _take_out(day, state, r, i)
    else:
        longest = max(1.0, min(float(_LONGEST_STRING), served / trips))
        strings = 1 + int(chance(state) * max(1.0, 4.0 * removed / (1.0 + longest) - 1.0))
        state.numbers[N_MARK] += 1
        mark = state.numbers[N_MARK]
        for rank in range(day.near.shape[1]):
            own = state.visits[day.near[seed, rank]]
            if own.route < 0:
                continue
            trip = state.trips[own.route, state.at[own.route, own.position].trip]
            if trip.mark == mark:
                continue
            trip.mark = mark
            touch(state, own.route)
            _take_string(day, state, own.route, own.position, int(longest))
            strings -= 1
            if strings == 0:
                break
    for r in range(len(day.shifts)):
        if state.routes[r].touched == state.numbers[N_STAMP] and not _close_up(day, state, r):
            return False
    return True

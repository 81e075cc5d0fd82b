"""Put visits back, each at its cheapest place, compiled: in a trip, on a trip of its own, or cutting a full one in two.

Source: J. Christiaens and G. Vanden Berghe, "Slack induction by string removals for vehicle routing problems",
Transportation Science 54 (2020) 417-433, with their parameters unless a constant here says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from optimizer.search.kernel._compiled import compiled
from optimizer.search.kernel.arrays import N_ABSENT, N_MARK, N_POOL, NEVER
from optimizer.search.kernel.routes import (
    chance,
    gained,
    hauled_further,
    priced,
    splice,
    still_fits,
    stops_gained,
    strewn,
    touch,
)
from optimizer.search.kernel.timing import work_s

if TYPE_CHECKING:
    from optimizer.search.kernel.arrays import Day, State

_BLINK: Final = 0.01

_BY_CHANCE, _BY_LOAD, _BY_FAR, _BY_NEAR, _BY_WIDTH, _BY_END = 4.0, 8.0, 10.0, 11.0, 13.0, 15.0
"""Shares of the orders in which visits are inserted, added up: 4 at random, 4 heavy ones first, 2 far ones, 1 near
ones, 2 narrow windows, 2 those that close early."""

_CUTS: Final = 30
"""So many of a visit's nearest may have their full trips cut in two beside them."""

_MANY_TRIPS: Final = 24
"""With more trips than this, a visit is tried only in those that hold one of its nearest."""

_WIDE: Final = 50
"""So many of its nearest then."""


@compiled
def _note(day: Day, state: State, r: int, i: int, one: int, two: int, price: int, stays: bool) -> None:
    """Keep a place after position i if it is the cheapest so far, is not overlooked, and keeps every limit."""
    if price >= state.found[0] or (not stays and chance(state) < _BLINK):
        return
    if day.shifts[r].max_stops < NEVER:
        more = stops_gained(day, state, r, i, i + 1, one, two)
        if state.routes[r].stops + more > day.shifts[r].max_stops:
            return
    if not still_fits(day, state, r, i, i + 1, one, two):
        return
    state.found[0] = price
    state.found[1] = r
    state.found[2] = i
    state.found[3] = one
    state.found[4] = two


@compiled
def _try_with_unloading(day: Day, state: State, r: int, i: int, code: int, first: bool, base: int, stays: bool) -> None:
    """Try a visit after position i with an unloading of its own after it (``first``) or before it."""
    if base + _least_price(day, state, r, i, day.depots) >= state.found[0]:
        return
    shift = day.shifts[r]
    last = state.seq[r, i + 1]
    trip = state.at[r, i + 1].trip
    inside = day.codes[state.seq[r, i]].visit >= 0
    streams = day.codes[code].stream if first else 0
    kg_there = day.codes[code].kg if first else 0
    old_fee = 0
    if i == 0 and day.codes[shift.begin].stream:
        begun = day.codes[shift.begin]
        if shift.mixed == 0 and (streams & begun.stream) == 0:
            return
        if begun.kg + kg_there > shift.cap_kg or begun.litres + day.codes[code].litres > shift.cap_l:
            return
        inside = True
        streams |= begun.stream
        kg_there += begun.kg
        if state.routes[r].length:
            old_fee = day.codes[state.seq[r, state.trips[r, 0].last]].fee
    elif inside:
        streams |= state.trips[r, trip].streams
        kg_there += state.at[r, i].load_kg
        old_fee = day.codes[state.seq[r, state.trips[r, trip].last]].fee
    if last >= day.depots:
        old_fee = 0
    for site in range(day.sites, day.depots):
        if streams & ~day.codes[site].stream:
            continue
        if base + _least_price(day, state, r, i, site) >= state.found[0]:
            continue
        one, two = (code, site) if first else (site, code)
        seconds, metres = gained(day, state, r, i, i + 1, one, two)
        if seconds > state.at[r, i + 1].slack_s or metres + state.routes[r].metres > shift.range_m:
            continue
        fees = kg_there * day.codes[site].fee
        if inside:
            fees -= state.at[r, i].load_kg * old_fee
            if not first:
                fees += day.codes[code].kg * old_fee
        price = base + fees + priced(day, state, r, seconds, metres)
        if shift.per_t_km:
            price += hauled_further(day, state, r, i, i + 1, one, two)
        _note(day, state, r, i, one, two, price, stays)


@compiled
def _dear(day: Day, r: int, visit: int) -> int:
    """Return what serving a visit by this shift costs for being this one."""
    return int(day.dear[visit, r]) if day.shifts[r].moves else 0


@compiled
def _try_in_trip(day: Day, state: State, r: int, t: int, code: int, dear: int, stays: bool) -> None:
    """Try a visit at every place of a trip that has room for it, with no new unloading."""
    shift, trip, visit = day.shifts[r], state.trips[r, t], day.codes[code]
    out, into = day.out[shift.profile, visit.place], day.into[shift.profile, visit.place]
    service_s = work_s(day, r, code)
    fee = dear + strewn(day, state, r, t, code, True) + visit.kg * day.codes[state.seq[r, trip.last]].fee
    spare_m = shift.range_m - state.routes[r].metres
    tail = state.seq[r, trip.first - 1]
    for i in range(trip.first - 1, trip.last):
        head = state.seq[r, i + 1]
        there, here = day.codes[head], day.codes[tail]
        seconds = into[here.place, 0] + service_s + out[there.place, 0] - state.at[r, i + 1].leg_s
        if visit.stop != here.stop:
            seconds += visit.setup_s
        if there.stop < 0 or there.stop != visit.stop:
            seconds += there.setup_s
        metres = int(into[here.place, 1]) + out[there.place, 1] - state.at[r, i + 1].leg_m
        if seconds <= state.at[r, i + 1].slack_s and metres <= spare_m:
            price = fee + priced(day, state, r, seconds, metres)
            if price < state.found[0]:
                if shift.per_t_km:
                    price += hauled_further(day, state, r, i, i + 1, code, -1)
                _note(day, state, r, i, code, -1, price, stays)
        tail = head


@compiled
def _least_price(day: Day, state: State, r: int, i: int, site: int) -> int:
    """Return what an unloading after position i adds at least, by the visit nearest to the site (``depots``: any)."""
    shift, leg = day.shifts[r], state.at[r, i + 1]
    least = day.least[shift.profile, site - day.sites]
    return (least[0] - leg.leg_s) * shift.per_s + (least[1] - leg.leg_m) * shift.per_m


@compiled
def _try_route(day: Day, state: State, r: int, visit: int, near: bool, stays: bool) -> None:
    """Try a visit in every trip of a route that has room, and between trips."""
    shift, route = day.shifts[r], state.routes[r]
    mark = state.numbers[N_MARK]
    dear = _dear(day, r, visit)
    for code in range(day.first[visit], day.first[visit + 1]):
        if work_s(day, r, code) > route.slack_s:
            return
        own = day.codes[code]
        for t in range(route.trips):
            trip = state.trips[r, t]
            _try_with_unloading(day, state, r, trip.first - 1, code, True, dear, stays)
            streams = trip.streams | own.stream
            if (near and trip.mark != mark) or (shift.mixed == 0 and streams != own.stream):
                continue
            full = state.at[r, trip.last - 1]
            accepted = (streams & ~day.codes[state.seq[r, trip.last]].stream) == 0
            if accepted and full.load_kg + own.kg <= shift.cap_kg and full.load_l + own.litres <= shift.cap_l:
                _try_in_trip(day, state, r, t, code, dear, stays)
        base = dear + (shift.fixed if route.length == 0 else 0)
        _try_with_unloading(day, state, r, route.length, code, True, base, stays)


@compiled
def _try_cuts(day: Day, state: State, visit: int, stays: bool) -> None:
    """Try a visit beside its nearest, where a trip without room for it may be cut in two."""
    code = day.first[visit]
    own = day.codes[code]
    for rank in range(1, min(_CUTS, day.near.shape[1])):
        other = state.visits[day.near[visit, rank]]
        r, i = other.route, other.position
        if r < 0 or (
            _least_price(day, state, r, i, day.depots) >= state.found[0]
            and _least_price(day, state, r, i - 1, day.depots) >= state.found[0]
        ):
            continue
        if not _may_take(day, state, r, visit):
            continue
        shift, route = day.shifts[r], state.routes[r]
        trip = state.trips[r, state.at[r, i].trip]
        streams = trip.streams | own.stream
        if (shift.mixed == 0 and streams != own.stream) or work_s(day, r, code) > route.slack_s:
            continue
        full = state.at[r, trip.last - 1]
        if full.load_kg + own.kg <= shift.cap_kg and full.load_l + own.litres <= shift.cap_l:
            continue
        load = state.at[r, i]
        if i + 1 < trip.last and load.load_kg + own.kg <= shift.cap_kg and load.load_l + own.litres <= shift.cap_l:
            _try_with_unloading(day, state, r, i, code, True, _dear(day, r, visit), stays)
        load = state.at[r, i - 1]
        rest_kg, rest_l = full.load_kg - load.load_kg, full.load_l - load.load_l
        accepted = (streams & ~day.codes[state.seq[r, trip.last]].stream) == 0
        if i > trip.first and accepted and rest_kg + own.kg <= shift.cap_kg and rest_l + own.litres <= shift.cap_l:
            _try_with_unloading(day, state, r, i - 1, code, False, _dear(day, r, visit), stays)


@compiled
def _may_take(day: Day, state: State, r: int, visit: int) -> bool:
    """Whether a route may have this visit at all."""
    route, kg = state.routes[r], day.codes[day.first[visit]].kg
    if not day.allowed[visit, r] or route.closed or route.collected + kg > day.shifts[r].max_kg:
        return False
    return route.length + 4 <= state.seq.shape[1]


@compiled
def _first_of_its_kind(day: Day, state: State, r: int) -> bool:
    """Whether this empty route is the first that is asked about for this visit, of all that are alike."""
    kind = state.routes[day.shifts[r].group]
    if kind.offered == state.numbers[N_MARK]:
        return False
    kind.offered = state.numbers[N_MARK]
    return True


@compiled
def _insert(day: Day, state: State, visit: int, trips: int, stays: bool) -> bool:
    """Put a visit at its cheapest place; False if there is none, or none that its prize pays for."""
    state.found[0] = NEVER if day.required[visit] else day.worth[visit]
    state.found[1] = -1
    near = trips > _MANY_TRIPS
    state.numbers[N_MARK] += 1
    if near:
        for rank in range(min(_WIDE, day.near.shape[1])):
            other = state.visits[day.near[visit, rank]]
            if other.route >= 0:
                state.trips[other.route, state.at[other.route, other.position].trip].mark = state.numbers[N_MARK]
    for turn in range(2):  # empty ones first: where a new truck costs nothing, routes stay short and quick to count
        for r in range(len(day.shifts)):
            empty = state.routes[r].length == 0
            if empty != (turn == 0) or not _may_take(day, state, r, visit):
                continue
            if not empty or _first_of_its_kind(day, state, r):
                _try_route(day, state, r, visit, near, stays)
    _try_cuts(day, state, visit, stays)
    r = state.found[1]
    if r < 0:
        return False
    touch(state, r)
    return splice(day, state, r, state.found[2], state.found[2] + 1, state.found[3], state.found[4])


@compiled
def _sort_pool(day: Day, state: State) -> None:
    """Order the visits to insert: at random, by load, far or near, or by their windows."""
    count = state.numbers[N_POOL]
    pool = state.lists[1]
    draw = chance(state) * _BY_END
    depot = day.codes[day.shifts[0].depot].place
    for index in range(count):
        code = day.codes[day.first[pool[index]]]
        if draw < _BY_CHANCE or (draw >= _BY_NEAR and code.window == code.windows_end):
            key = chance(state) + (0.0 if draw < _BY_CHANCE else NEVER)
        elif draw < _BY_LOAD:
            key = -(code.kg + 0.1 * code.litres)
        elif draw < _BY_FAR:
            key = -day.out[0, depot, code.place, 0]
        elif draw < _BY_NEAR:
            key = day.out[0, depot, code.place, 0]
        elif draw < _BY_WIDTH:
            key = day.closes[code.windows_end - 1] - day.opens[code.window]
        else:
            key = day.closes[code.windows_end - 1]
        state.visits[pool[index]].key = key
    gap = count // 2
    while gap > 0:  # Shell's method: short, in place, and steady enough for ten visits or ten thousand
        for index in range(gap, count):
            visit = pool[index]
            place = index
            while place >= gap and state.visits[pool[place - gap]].key > state.visits[visit].key:
                pool[place] = pool[place - gap]
                place -= gap
            pool[place] = visit
        gap //= 2


@compiled
def recreate(day: Day, state: State, stays: bool) -> None:
    """Insert the visits of the pool one after the other; those without a place become absent."""
    _sort_pool(day, state)
    trips = 0
    for r in range(len(day.shifts)):
        trips += state.routes[r].trips
    for index in range(state.numbers[N_POOL]):
        visit = state.lists[1, index]
        if not _insert(day, state, visit, trips, stays):
            state.visits[visit].route = -1
            state.lists[0, state.numbers[N_ABSENT]] = visit
            state.numbers[N_ABSENT] += 1
    state.numbers[N_POOL] = 0

"""Ruin and recreate on routes that contain trips and unloadings, compiled.

The timing is the judge's (``judge/schedule.py``), told in the same words: a recursion over (position, breaks behind),
forwards for the earliest times and backwards for the latest. Between the two an insertion is proved possible or not
in constant time. Only what an insertion *adds* is estimated, as if the truck never waited; the cost of every route that
a step has changed is then counted exactly, so the cost that the search accepts is the judge's to the millionth.

Sources: string removal, blinks and the acceptance by absences are those of J. Christiaens and G. Vanden Berghe, "Slack
induction by string removals for vehicle routing problems", Transportation Science 54 (2020) 417-433, with their
parameters unless a constant here says otherwise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.search.kernel._compiled import compiled
from optimizer.search.kernel.arrays import (
    FAR,
    N_ABSENT,
    N_BEST,
    N_MARK,
    N_OLD_ABSENT,
    N_POOL,
    N_STAMP,
    N_TOTAL,
    NEVER,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optimizer.search.kernel.arrays import Day, State

_LONGEST_STRING: Final = 10
_BLINK: Final = 0.01
_SPLIT_STRING: Final = 0.5
_SPLIT_STOPS: Final = 0.01

_BY_CHANCE, _BY_LOAD, _BY_FAR, _BY_NEAR, _BY_WIDTH, _BY_END = 4.0, 8.0, 10.0, 11.0, 13.0, 15.0
"""Shares of the orders in which visits are inserted, added up: 4 at random, 4 heavy ones first, 2 far ones, 1 near
ones, 2 narrow windows, 2 those that close early."""

_MERGE: Final = 0.5
"""Chance that two neighbouring trips that have lost visits are tried as one."""

_WHOLE_ROUTE: Final = 0.005
"""Chance that a step empties a whole route instead: the way to close a truck."""

_MANY_TRIPS: Final = 24
"""With more trips than this, a visit is tried only in those that hold one of its nearest."""

_WIDE: Final = 50
"""So many of its nearest then."""

_MOST_RETRIED: Final = 20
"""Absent visits that a step tries again, at most."""


# -- time -------------------------------------------------------------------------------------------------------------


@compiled
def _drive_s(day: Day, r: int, tail: int, head: int) -> int:
    """Return the seconds from code to code: the leg, and the set-up unless the truck stays at the stop."""
    way_s = int(day.out[day.shifts[r].profile, day.codes[tail].place, day.codes[head].place, 0])
    stop = day.codes[head].stop
    if stop < 0 or stop != day.codes[tail].stop:
        way_s += day.codes[head].setup_s
    return way_s


@compiled
def _service_s(day: Day, r: int, code: int) -> int:
    return day.codes[code].service_s + day.codes[code].lifts * day.shifts[r].lift_s


@compiled
def _rested_s(day: Day, r: int, first: int, last: int, time_s: int, drive_s: int) -> int:
    """Return when a drive is over that takes the breaks ``first`` to ``last`` - 1, ``NEVER`` if one comes too late."""
    for number in range(first, last):
        if time_s > day.rests[r, number, 2]:
            return NEVER
        from_s = day.rests[r, number, 1]
        drive_s -= min(drive_s, max(0, from_s - time_s))
        time_s = max(time_s, from_s) + day.rests[r, number, 0]
    return time_s + drive_s


@compiled
def _first_start_s(day: Day, code: int, ready_s: int) -> int:
    first, end = day.codes[code].window, day.codes[code].windows_end
    if first == end:
        return ready_s
    for number in range(first, end):
        if ready_s <= day.closes[number]:
            return max(ready_s, day.opens[number])
    return NEVER


@compiled
def _last_start_s(day: Day, code: int, latest_s: int) -> int:
    first, end = day.codes[code].window, day.codes[code].windows_end
    if first == end:
        return latest_s
    for number in range(end - 1, first - 1, -1):
        if day.opens[number] <= latest_s:
            return min(latest_s, day.closes[number])
    return -1


@compiled
def _latest_out_s(day: Day, r: int, first: int, last: int, drive_s: int, ready_s: int) -> int:
    """Return the latest time to set out so as to take these breaks and be ready by then, -1 where there is none."""
    if first == last:
        return max(-1, ready_s - drive_s)
    for number in range(first, last):
        if ready_s < day.rests[r, number, 1] + day.rests[r, number, 0]:
            return -1
    if last == first + 1:
        return max(-1, min(day.rests[r, first, 2], ready_s - day.rests[r, first, 0] - drive_s))
    low_s, high_s = -1, min(ready_s, day.rests[r, first, 2])
    while low_s < high_s:
        middle_s = (low_s + high_s + 1) // 2
        if _rested_s(day, r, first, last, middle_s, drive_s) <= ready_s:
            low_s = middle_s
        else:
            high_s = middle_s - 1
    return low_s


@compiled
def _forward(day: Day, r: int, code: int, drive_s: int, before: NDArray[np.int64], after: NDArray[np.int64]) -> None:
    """From the earliest times of leaving one place, fill in those of leaving the next, by the breaks behind."""
    service_s = _service_s(day, r, code)
    for taken in range(day.shifts[r].breaks + 1):
        earliest_s = NEVER
        for had in range(taken + 1):
            if before[had] < NEVER:
                ready_s = _rested_s(day, r, had, taken, before[had], drive_s)
                if ready_s < NEVER:
                    earliest_s = min(earliest_s, _first_start_s(day, code, ready_s) + service_s)
        after[taken] = min(NEVER, earliest_s)


@compiled
def _backward(day: Day, r: int, code: int, drive_s: int, after: NDArray[np.int64], before: NDArray[np.int64]) -> None:
    """From the latest times of being ready at the next place, fill in those at this one."""
    service_s = _service_s(day, r, code)
    taken_most = day.shifts[r].breaks
    for had in range(taken_most + 1):
        latest_s = -1
        for taken in range(had, taken_most + 1):
            if after[taken] >= 0:
                latest_s = max(latest_s, _latest_out_s(day, r, had, taken, drive_s, after[taken]))
        before[had] = -1 if latest_s < service_s else _last_start_s(day, code, latest_s - service_s)


@compiled
def _departure_s(day: Day, r: int, skipped: int) -> int:
    """Return the earliest departure of a route that skips its first breaks by leaving after their latest start."""
    start_s = day.shifts[r].start_s
    if skipped:
        start_s = max(start_s, day.rests[r, skipped - 1, 2] + 1)
    return start_s


@compiled
def _home_by(day: Day, r: int, return_s: int, latest: NDArray[np.int64], exactly: bool) -> None:
    """Fill in the latest returns; with breaks still owed it is over by the first one's earliest start."""
    taken_most = day.shifts[r].breaks
    for taken in range(taken_most + 1):
        latest[taken] = return_s
        if taken < taken_most and day.rests[r, taken, 1] < return_s:
            latest[taken] = -1 if exactly else day.rests[r, taken, 1]


@compiled
def _time_cost(day: Day, state: State, r: int) -> int:
    """Return the cheapest price of a route's hours, ``NEVER`` if it fits into no shift; note the return."""
    shift, n = day.shifts[r], state.routes[r].length
    rows = state.scratch
    cheapest = NEVER
    for skipped in range(shift.breaks + 1):
        departure_s = _departure_s(day, r, skipped)
        rows[0, :] = NEVER
        rows[0, skipped] = departure_s
        here = 0
        for i in range(1, n + 2):
            _forward(day, r, state.seq[r, i], state.at[r, i].leg_s, rows[here], rows[1 - here])
            here = 1 - here
        return_s = NEVER
        for taken in range(skipped, shift.breaks + 1):
            time_s = rows[here, taken]
            if time_s < return_s and (taken == shift.breaks or time_s <= day.rests[r, taken, 1]):
                return_s = time_s
        if return_s > shift.latest_s:
            continue
        if shift.per_s:
            _home_by(day, r, return_s, rows[0], True)
            here = 0
            for i in range(n, -1, -1):
                _backward(day, r, state.seq[r, i], state.at[r, i + 1].leg_s, rows[here], rows[1 - here])
                here = 1 - here
            departure_s = rows[here, skipped]
        price = (return_s - departure_s) * shift.per_s + max(0, return_s - shift.end_s) * shift.overtime
        if price < cheapest:
            cheapest = price
            state.routes[r].back_s = return_s
    return cheapest


# -- a route ----------------------------------------------------------------------------------------------------------


@compiled
def refresh(day: Day, state: State, r: int) -> bool:
    """Work out everything about a route from its codes; False if it breaks a limit."""
    shift, route, n = day.shifts[r], state.routes[r], state.routes[r].length
    seq, at = state.seq[r], state.at[r]
    seq[0] = seq[n + 1] = shift.depot
    route.dirty = 1
    kg = litres = streams = metres = stops = collected = fees = trips = 0
    first = 1
    fits = True
    for taken in range(shift.breaks + 1):
        state.ahead_s[r, 0, taken] = _departure_s(day, r, taken)
    at[0].load_kg = at[0].load_l = 0
    for i in range(1, n + 2):
        tail, head = day.codes[seq[i - 1]], day.codes[seq[i]]
        at[i].leg_s = _drive_s(day, r, seq[i - 1], seq[i])
        at[i].leg_m = int(day.out[shift.profile, tail.place, head.place, 1])
        at[i].trip = trips
        metres += at[i].leg_m
        if head.visit >= 0:
            kg += head.kg
            litres += head.litres
            collected += head.kg
            fits = fits and (shift.mixed != 0 or streams == 0 or streams == head.stream)
            streams |= head.stream
            stops += head.stop != tail.stop
            state.visits[head.visit].route = r
            state.visits[head.visit].position = i
            fits = fits and kg <= shift.cap_kg and litres <= shift.cap_l
        elif i <= n:
            state.trips[r, trips].first = first
            state.trips[r, trips].last = i
            state.trips[r, trips].streams = streams
            fits = fits and (streams & ~head.stream) == 0
            fees += kg * head.fee
            kg = litres = streams = 0
            first = i + 1
            trips += 1
        at[i].load_kg = kg
        at[i].load_l = litres
        _forward(day, r, seq[i], at[i].leg_s, state.ahead_s[r, i - 1], state.ahead_s[r, i])
    route.trips = trips
    route.metres = metres
    route.stops = stops
    route.collected = collected
    _home_by(day, r, shift.latest_s, state.behind_s[r, n + 1], False)
    for i in range(n, 0, -1):
        _backward(day, r, seq[i], at[i + 1].leg_s, state.behind_s[r, i + 1], state.behind_s[r, i])
    route.cost = 0
    route.back_s = shift.start_s
    if n == 0:
        return True
    fits = fits and metres <= shift.range_m and stops <= shift.max_stops and collected <= shift.max_kg
    if not fits or kg > 0 or litres > 0 or metres >= FAR:
        return False
    hours = _time_cost(day, state, r)
    route.cost = shift.fixed + metres * shift.per_m + fees + hours
    return hours < NEVER


@compiled
def _fits(day: Day, state: State, r: int, i: int, j: int, one: int, two: int) -> bool:
    """Whether the day still fits with these codes (or fewer: -1) between the positions i and j of a route."""
    tail = state.seq[r, i]
    end = state.seq[r, j]
    if day.shifts[r].breaks == 0:
        time_s = state.ahead_s[r, i, 0]
        for code in (one, two):
            if code >= 0:
                start_s = _first_start_s(day, code, time_s + _drive_s(day, r, tail, code))
                if start_s >= NEVER:
                    return False
                time_s = start_s + _service_s(day, r, code)
                tail = code
        return time_s + _drive_s(day, r, tail, end) <= state.behind_s[r, j, 0]
    rows = state.scratch
    taken_most = day.shifts[r].breaks
    for taken in range(taken_most + 1):
        rows[0, taken] = state.ahead_s[r, i, taken]
    here = 0
    for code in (one, two):
        if code >= 0:
            _forward(day, r, code, _drive_s(day, r, tail, code), rows[here], rows[1 - here])
            here = 1 - here
            tail = code
    drive_s = _drive_s(day, r, tail, end)
    for had in range(taken_most + 1):
        if rows[here, had] < NEVER:
            for taken in range(had, taken_most + 1):
                if _rested_s(day, r, had, taken, rows[here, had], drive_s) <= state.behind_s[r, j, taken]:
                    return True
    return False


@compiled
def _added(day: Day, state: State, r: int, i: int, j: int, one: int, two: int) -> tuple[int, int]:
    """Return the seconds and metres that a route gains with these codes between i and j, as if it never waited."""
    seconds = metres = 0
    profile = day.shifts[r].profile
    tail = state.seq[r, i]
    for code in (one, two, state.seq[r, j]):
        if code >= 0:
            seconds += _drive_s(day, r, tail, code)
            metres += int(day.out[profile, day.codes[tail].place, day.codes[code].place, 1])
            if code < day.depots:
                seconds += _service_s(day, r, code)
            tail = code
    for position in range(i + 1, j + 1):
        seconds -= state.at[r, position].leg_s
        metres -= state.at[r, position].leg_m
        if position <= state.routes[r].length:
            seconds -= _service_s(day, r, state.seq[r, position])
    return seconds, metres


@compiled
def _price(day: Day, state: State, r: int, seconds: int, metres: int) -> int:
    shift, back_s = day.shifts[r], state.routes[r].back_s
    price = seconds * shift.per_s + metres * shift.per_m
    if shift.overtime:
        price += (max(0, back_s + seconds - shift.end_s) - max(0, back_s - shift.end_s)) * shift.overtime
    return price


@compiled
def _stops_added(day: Day, state: State, r: int, i: int, j: int, one: int, two: int) -> int:
    count = 0
    tail = state.seq[r, i]
    for code in (one, two, state.seq[r, j]):
        if code >= 0:
            count += day.codes[code].stop >= 0 and day.codes[code].stop != day.codes[tail].stop
            tail = code
    for position in range(i + 1, j + 1):
        stop = day.codes[state.seq[r, position]].stop
        count -= stop >= 0 and stop != day.codes[state.seq[r, position - 1]].stop
    return count


@compiled
def _splice(day: Day, state: State, r: int, i: int, j: int, one: int, two: int) -> bool:
    """Put these codes between the positions i and j in place of what is there; False if a limit breaks."""
    seq = state.seq[r]
    n = state.routes[r].length
    shift = (one >= 0) + (two >= 0) - (j - i - 1)
    if shift > 0:
        for position in range(n + 1, j - 1, -1):
            seq[position + shift] = seq[position]
    elif shift < 0:
        for position in range(j, n + 2):
            seq[position + shift] = seq[position]
    if one >= 0:
        seq[i + 1] = one
        i += 1
    if two >= 0:
        seq[i + 1] = two
    state.routes[r].length = n + shift
    return refresh(day, state, r)


@compiled
def _random(state: State) -> float:
    """Return a number in [0, 1): xorshift64 (G. Marsaglia, Journal of Statistical Software 8 (2003) 14)."""
    x = state.random[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state.random[0] = x
    return np.float64(x >> np.uint64(11)) * (1.0 / 9007199254740992.0)


# -- recreate ---------------------------------------------------------------------------------------------------------


@compiled
def _note(day: Day, state: State, r: int, i: int, one: int, two: int, price: int, stays: bool) -> None:
    """Keep a place after position i if it is the cheapest so far, is not overlooked, and keeps every limit."""
    if price >= state.found[0] or (not stays and _random(state) < _BLINK):
        return
    if day.shifts[r].max_stops < NEVER:
        more = _stops_added(day, state, r, i, i + 1, one, two)
        if state.routes[r].stops + more > day.shifts[r].max_stops:
            return
    if not _fits(day, state, r, i, i + 1, one, two):
        return
    state.found[0] = price
    state.found[1] = r
    state.found[2] = i
    state.found[3] = one
    state.found[4] = two


@compiled
def _try_with_unloading(day: Day, state: State, r: int, i: int, code: int, first: bool, base: int, stays: bool) -> None:
    """Try a visit after position i with an unloading of its own after it (``first``) or before it."""
    shift = day.shifts[r]
    last = state.seq[r, i + 1]
    trip = state.at[r, i + 1].trip
    inside = day.codes[state.seq[r, i]].visit >= 0
    streams = day.codes[code].stream if first else 0
    kg_there = day.codes[code].kg if first else 0
    old_fee = 0
    if inside:
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
        seconds, metres = _added(day, state, r, i, i + 1, one, two)
        if seconds >= FAR or metres + state.routes[r].metres > shift.range_m:
            continue
        fees = kg_there * day.codes[site].fee
        if inside:
            fees -= state.at[r, i].load_kg * old_fee
            if not first:
                fees += day.codes[code].kg * old_fee
        _note(day, state, r, i, one, two, base + fees + _price(day, state, r, seconds, metres), stays)


@compiled
def _try_in_trip(day: Day, state: State, r: int, t: int, code: int, stays: bool) -> None:
    """Try a visit at every place of a trip that has room for it, with no new unloading."""
    shift, trip, visit = day.shifts[r], state.trips[r, t], day.codes[code]
    out, into = day.out[shift.profile, visit.place], day.into[shift.profile, visit.place]
    service_s = _service_s(day, r, code)
    fee = visit.kg * day.codes[state.seq[r, trip.last]].fee
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
        if seconds < FAR and metres <= spare_m:
            price = fee + _price(day, state, r, seconds, metres)
            if price < state.found[0]:
                _note(day, state, r, i, code, -1, price, stays)
        tail = head


@compiled
def _least_price(day: Day, state: State, r: int, i: int, site: int) -> int:
    """Return what an unloading after position i adds at least, by the visit that is nearest to the site."""
    shift, leg = day.shifts[r], state.at[r, i + 1]
    least = day.least[shift.profile, site - day.sites]
    return (least[0] - leg.leg_s) * shift.per_s + (least[1] - leg.leg_m) * shift.per_m


@compiled
def _try_route(day: Day, state: State, r: int, visit: int, near: bool, stays: bool) -> None:
    """Try a visit in every trip of a route that has room, and between trips."""
    shift, route = day.shifts[r], state.routes[r]
    mark = state.numbers[N_MARK]
    for code in range(day.first[visit], day.first[visit + 1]):
        own = day.codes[code]
        for t in range(route.trips):
            trip = state.trips[r, t]
            _try_with_unloading(day, state, r, trip.first - 1, code, True, 0, stays)
            streams = trip.streams | own.stream
            if (near and trip.mark != mark) or (shift.mixed == 0 and streams != own.stream):
                continue
            full = state.at[r, trip.last - 1]
            accepted = (streams & ~day.codes[state.seq[r, trip.last]].stream) == 0
            if accepted and full.load_kg + own.kg <= shift.cap_kg and full.load_l + own.litres <= shift.cap_l:
                _try_in_trip(day, state, r, t, code, stays)
        base = shift.fixed if route.length == 0 else 0
        _try_with_unloading(day, state, r, route.length, code, True, base, stays)


@compiled
def _try_cuts(day: Day, state: State, r: int, visit: int, near: bool, stays: bool) -> None:
    """Try a visit where a trip without room for it may be cut in two."""
    shift, route = day.shifts[r], state.routes[r]
    code = day.first[visit]
    own = day.codes[code]
    for t in range(route.trips):
        trip = state.trips[r, t]
        streams = trip.streams | own.stream
        if (near and trip.mark != state.numbers[N_MARK]) or (shift.mixed == 0 and streams != own.stream):
            continue
        full = state.at[r, trip.last - 1]
        if full.load_kg + own.kg <= shift.cap_kg and full.load_l + own.litres <= shift.cap_l:
            continue
        accepted = (streams & ~day.codes[state.seq[r, trip.last]].stream) == 0
        for i in range(trip.first, trip.last - 1):
            if _least_price(day, state, r, i, day.depots) >= state.found[0]:
                continue
            load = state.at[r, i]
            if load.load_kg + own.kg <= shift.cap_kg and load.load_l + own.litres <= shift.cap_l:
                _try_with_unloading(day, state, r, i, code, True, 0, stays)
            rest_kg, rest_l = full.load_kg - load.load_kg, full.load_l - load.load_l
            if accepted and rest_kg + own.kg <= shift.cap_kg and rest_l + own.litres <= shift.cap_l:
                _try_with_unloading(day, state, r, i, code, False, 0, stays)


@compiled
def _may_take(day: Day, state: State, r: int, visit: int) -> bool:
    """Whether a route may have this visit at all; of empty ones that are alike, only the first."""
    route, kg = state.routes[r], day.codes[day.first[visit]].kg
    if not day.allowed[visit, r] or route.closed or route.collected + kg > day.shifts[r].max_kg:
        return False
    if route.length == 0:
        for earlier in range(r):
            other = state.routes[earlier]
            if day.shifts[earlier].group == day.shifts[r].group and other.length == 0 and other.closed == 0:
                return False
    return route.length + 4 <= state.seq.shape[1]


@compiled
def _insert(day: Day, state: State, visit: int, trips: int, stays: bool) -> bool:
    """Put a visit at its cheapest place; False if there is none, or none that its prize pays for."""
    state.found[0] = NEVER if day.required[visit] else day.worth[visit]
    state.found[1] = -1
    near = trips > _MANY_TRIPS
    if near:
        state.numbers[N_MARK] += 1
        for rank in range(min(_WIDE, day.near.shape[1])):
            other = state.visits[day.near[visit, rank]]
            if other.route >= 0:
                state.trips[other.route, state.at[other.route, other.position].trip].mark = state.numbers[N_MARK]
    for r in range(len(day.shifts)):
        if _may_take(day, state, r, visit):
            _try_route(day, state, r, visit, near, stays)
    for r in range(len(day.shifts)):
        if state.routes[r].length and _may_take(day, state, r, visit):
            _try_cuts(day, state, r, visit, near, stays)
    r = state.found[1]
    if r < 0:
        return False
    _touch(state, r)
    return _splice(day, state, r, state.found[2], state.found[2] + 1, state.found[3], state.found[4])


@compiled
def _sort_pool(day: Day, state: State) -> None:
    """Order the visits to insert: at random, by load, far or near, or by their windows."""
    count = state.numbers[N_POOL]
    pool = state.lists[1]
    draw = _random(state) * _BY_END
    depot = day.codes[day.shifts[0].depot].place
    for index in range(count):
        code = day.codes[day.first[pool[index]]]
        if draw < _BY_CHANCE or (draw >= _BY_NEAR and code.window == code.windows_end):
            key = _random(state) + (0.0 if draw < _BY_CHANCE else NEVER)
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
def _recreate(day: Day, state: State, stays: bool) -> None:
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


@compiled
def _tidy(day: Day, state: State, r: int) -> None:
    """Drop, move by one visit or turn to another site each unloading of a route, where that is cheaper."""
    shift = day.shifts[r]
    t = 0
    while t < state.routes[r].trips:
        best, best_i, best_j, best_one, best_two = 0, -1, -1, -1, -1
        trip = state.trips[r, t]
        x = trip.last
        site, full = state.seq[r, x], state.at[r, x - 1]
        own = day.codes[site]
        for other in range(day.sites, day.depots):
            if other != site and (trip.streams & ~day.codes[other].stream) == 0:
                seconds, metres = _added(day, state, r, x - 1, x + 1, other, -1)
                price = _price(day, state, r, seconds, metres) + full.load_kg * (day.codes[other].fee - own.fee)
                if price < best and _fits(day, state, r, x - 1, x + 1, other, -1):
                    best, best_i, best_j, best_one, best_two = price, x - 1, x + 1, other, -1
        if t + 1 < state.routes[r].trips:
            later = state.trips[r, t + 1]
            next_fee = day.codes[state.seq[r, later.last]].fee
            rest = state.at[r, later.last - 1]
            streams = trip.streams | later.streams
            alike = shift.mixed != 0 or trip.streams == later.streams
            into_later = alike and (streams & ~day.codes[state.seq[r, later.last]].stream) == 0
            for way in range(3):
                if way == 0 and into_later:
                    i, j, one, two = x - 1, x + 1, -1, -1
                    kg, litres, moved = full.load_kg + rest.load_kg, full.load_l + rest.load_l, full.load_kg
                elif way == 1 and into_later and trip.last - trip.first > 1:
                    i, j, one, two = x - 2, x + 1, site, state.seq[r, x - 1]
                    kg, litres = rest.load_kg + day.codes[two].kg, rest.load_l + day.codes[two].litres
                    moved = day.codes[two].kg
                elif way == 2 and later.last - later.first > 1 and alike and (streams & ~own.stream) == 0:
                    i, j, one, two = x - 1, x + 2, state.seq[r, x + 1], site
                    kg, litres = full.load_kg + day.codes[one].kg, full.load_l + day.codes[one].litres
                    moved = -day.codes[one].kg
                else:
                    continue
                if kg > shift.cap_kg or litres > shift.cap_l:
                    continue
                seconds, metres = _added(day, state, r, i, j, one, two)
                price = _price(day, state, r, seconds, metres) + moved * (next_fee - own.fee)
                if price < best and _fits(day, state, r, i, j, one, two):
                    best, best_i, best_j, best_one, best_two = price, i, j, one, two
        if best_i < 0:
            t += 1
            continue
        before = state.routes[r].cost
        old_one = state.seq[r, best_i + 1]
        old_two = state.seq[r, best_i + 2] if best_j - best_i > 2 else -1
        added = (best_one >= 0) + (best_two >= 0)
        if not _splice(day, state, r, best_i, best_j, best_one, best_two) or state.routes[r].cost >= before:
            _splice(day, state, r, best_i, best_i + 1 + added, old_one, old_two)
            t += 1


# -- ruin -------------------------------------------------------------------------------------------------------------


@compiled
def _touch(state: State, r: int) -> None:
    """Keep a route as it was before this step."""
    route = state.routes[r]
    if route.touched != state.numbers[N_STAMP]:
        route.touched = state.numbers[N_STAMP]
        route.old_length = route.length
        route.old_cost = route.cost
        for i in range(route.length + 2):
            state.old_seq[r, i] = state.seq[r, i]


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
    length = 1 + int(_random(state) * min(size, longest))
    gap = 0
    if length > 1 and length < size and _random(state) < _SPLIT_STRING:
        gap = 1
        while length + gap < size and _random(state) > _SPLIT_STOPS:
            gap += 1
    whole = length + gap
    low = max(trip.first, position - whole + 1)
    high = min(position, trip.last - whole)
    begin = low + int(_random(state) * (high - low + 1))
    kept = begin + 1 + int(_random(state) * max(1, length - 1)) if gap else begin
    for i in range(begin, begin + whole):
        if not gap or i < kept or i >= kept + gap:
            _take_out(day, state, r, i)


@compiled
def _close_up(day: Day, state: State, r: int) -> bool:
    """Pull a route together after visits were taken out; drop empty trips, and sometimes an unloading between two."""
    shift, n = day.shifts[r], state.routes[r].length
    seq = state.seq[r]
    size = 0
    kg = litres = streams = before_kg = before_l = before_streams = 0
    begin = 1
    for i in range(1, n + 1):
        code = day.codes[seq[i]]
        if code.visit >= 0:
            if state.visits[code.visit].route >= 0:
                size += 1
                seq[size] = seq[i]
                kg += code.kg
                litres += code.litres
                streams |= code.stream
            continue
        if size < begin:
            continue
        both = before_streams | streams
        if (
            begin > 1
            and before_kg + kg <= shift.cap_kg
            and before_l + litres <= shift.cap_l
            and (shift.mixed != 0 or before_streams == streams)
            and (both & ~code.stream) == 0
            and _random(state) < _MERGE
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
    state.routes[r].length = size
    return refresh(day, state, r)


@compiled
def _ruin(day: Day, state: State, removed: float) -> bool:
    """Take strings of visits out of trips near each other, about ``removed`` visits; False if a route then fails."""
    visits, served = len(state.visits), len(state.visits) - state.numbers[N_ABSENT]
    if served == 0:
        return True
    seed = int(_random(state) * visits)
    while state.visits[seed].route < 0:
        seed = (seed + 1) % visits
    trips = 0
    for r in range(len(day.shifts)):
        trips += state.routes[r].trips
    if _random(state) < _WHOLE_ROUTE:
        r = state.visits[seed].route
        _touch(state, r)
        for i in range(1, state.routes[r].length + 1):
            _take_out(day, state, r, i)
    else:
        longest = max(1.0, min(float(_LONGEST_STRING), served / trips))
        strings = 1 + int(_random(state) * max(1.0, 4.0 * removed / (1.0 + longest) - 1.0))
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
            _touch(state, own.route)
            _take_string(day, state, own.route, own.position, int(longest))
            strings -= 1
            if strings == 0:
                break
    for r in range(len(day.shifts)):
        if state.routes[r].touched == state.numbers[N_STAMP] and not _close_up(day, state, r):
            return False
    return True


# -- the search -------------------------------------------------------------------------------------------------------


@compiled
def _total(day: Day, state: State) -> tuple[int, int]:
    """Return the cost of the plan, and the sum of how long its absent required visits have been missing."""
    total = missed = 0
    for r in range(len(day.shifts)):
        total += state.routes[r].cost
    for index in range(state.numbers[N_ABSENT]):
        visit = state.lists[0, index]
        total += day.worth[visit]
        if day.required[visit]:
            missed += state.visits[visit].missed
    return total, missed


@compiled
def _keep_best(day: Day, state: State) -> None:
    state.numbers[N_BEST] = state.numbers[N_TOTAL]
    for r in range(len(day.shifts)):
        route = state.routes[r]
        if route.dirty:
            route.dirty = 0
            route.best_length = route.length
            for i in range(route.length + 2):
                state.best_seq[r, i] = state.seq[r, i]


@compiled
def _undo(day: Day, state: State) -> None:
    for r in range(len(day.shifts)):
        route = state.routes[r]
        if route.touched == state.numbers[N_STAMP]:
            for i in range(route.old_length + 2):
                state.seq[r, i] = state.old_seq[r, i]
            route.length = route.old_length
            refresh(day, state, r)
    state.numbers[N_ABSENT] = state.numbers[N_OLD_ABSENT]
    for index in range(state.numbers[N_ABSENT]):
        visit = state.lists[2, index]
        state.lists[0, index] = visit
        state.visits[visit].route = -1


@compiled
def load(day: Day, state: State) -> bool:
    """Take up the codes in ``seq`` and ``length``; False if a route breaks a limit."""
    fits = True
    for visit in range(len(state.visits)):
        state.visits[visit].route = -1
    for r in range(len(day.shifts)):
        fits = refresh(day, state, r) and fits
    state.numbers[N_ABSENT] = 0
    for visit in range(len(state.visits)):
        if state.visits[visit].route < 0:
            state.lists[0, state.numbers[N_ABSENT]] = visit
            state.numbers[N_ABSENT] += 1
    state.numbers[N_TOTAL] = _total(day, state)[0]
    if fits and state.numbers[N_TOTAL] < state.numbers[N_BEST]:
        _keep_best(day, state)
    return fits


@compiled
def improve(day: Day, state: State, steps: int, temperature: float, removed: float) -> None:
    """Make so many steps of ruin and recreate at one temperature; the best plan stays in ``best_seq``.

    A plan with absent required visits gives way to any in which those that are absent have been so for less long.
    """
    _, missed = _total(day, state)
    for _ in range(steps):
        state.numbers[N_STAMP] += 1
        absent = state.numbers[N_ABSENT]
        state.numbers[N_OLD_ABSENT] = absent
        for index in range(absent):
            state.lists[2, index] = state.lists[0, index]
        before = state.numbers[N_TOTAL]
        sound = _ruin(day, state, removed)
        for _ in range(min(absent, _MOST_RETRIED)):
            index = int(_random(state) * absent)
            absent -= 1
            state.lists[1, state.numbers[N_POOL]] = state.lists[0, index]
            state.numbers[N_POOL] += 1
            state.lists[0, index] = state.lists[0, absent]
        state.numbers[N_ABSENT] = absent
        if sound:
            _recreate(day, state, False)
            for r in range(len(day.shifts)):
                if state.routes[r].touched == state.numbers[N_STAMP]:
                    _tidy(day, state, r)
        state.numbers[N_POOL] = 0
        total, now_missed = _total(day, state)
        if not sound or now_missed > missed:
            accepted = False
        elif now_missed < missed:
            accepted = True
        else:
            accepted = total < before - temperature * math.log(_random(state) + 1e-300)
        if accepted:
            state.numbers[N_TOTAL] = total
            if total < state.numbers[N_BEST]:
                _keep_best(day, state)
        else:
            _undo(day, state)
        if missed or now_missed:
            for index in range(state.numbers[N_ABSENT]):
                state.visits[state.lists[0, index]].missed += 1
            _, missed = _total(day, state)


@compiled
def fill(day: Day, state: State) -> None:
    """Insert every absent visit at its cheapest place, one after the other."""
    state.numbers[N_STAMP] += 1
    count = state.numbers[N_ABSENT]
    for index in range(count):
        state.lists[1, index] = state.lists[0, index]
    state.numbers[N_POOL] = count
    state.numbers[N_ABSENT] = 0
    _recreate(day, state, True)
    state.numbers[N_TOTAL] = _total(day, state)[0]
    if state.numbers[N_TOTAL] < state.numbers[N_BEST]:
        _keep_best(day, state)

"""One route, compiled: what it costs, and what a change to it would add.

Between the earliest times from the front and the latest from the back, an insertion is proved possible or not in
constant time. What it *adds* is only estimated, as if the truck never waited; ``refresh`` then counts the cost of the
changed route exactly, to the judge's millionth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optimizer.search.kernel._compiled import compiled
from optimizer.search.kernel.arrays import FAR, N_STAMP, NEVER
from optimizer.search.kernel.timing import (
    backward,
    balance,
    earliest_departure_s,
    first_start_s,
    forward,
    home_by,
    rested_s,
    slack_s,
    time_cost,
    times,
    way_s,
    work_s,
)

if TYPE_CHECKING:
    from optimizer.search.kernel.arrays import Day, State


@compiled
def refresh(day: Day, state: State, r: int) -> bool:
    """Work out everything about a route from its codes; False if it breaks a limit."""
    shift, route, n = day.shifts[r], state.routes[r], state.routes[r].length
    seq, at = state.seq[r], state.at[r]
    seq[0] = shift.begin
    seq[n + 1] = shift.depot
    route.dirty = 1
    metres = stops = collected = fees = trips = hauled = busy_s = 0
    visits = east = north = squares = 0
    kg, litres, streams = day.codes[shift.begin].kg, day.codes[shift.begin].litres, day.codes[shift.begin].stream
    first = 1
    fits = True
    for taken in range(shift.breaks + 1):
        state.ahead_s[r, 0, taken] = earliest_departure_s(day, r, taken)
    at[0].load_kg = kg
    at[0].load_l = litres
    for i in range(1, n + 2):
        tail, head = day.codes[seq[i - 1]], day.codes[seq[i]]
        at[i].leg_s = way_s(day, r, seq[i - 1], seq[i])
        at[i].leg_m = int(day.out[shift.profile, tail.place, head.place, 1])
        at[i].trip = trips
        metres += at[i].leg_m
        hauled += kg * at[i].leg_m
        busy_s += at[i].leg_s + work_s(day, r, seq[i])
        if head.visit >= 0:
            kg += head.kg
            litres += head.litres
            collected += head.kg
            fits = fits and (shift.mixed != 0 or streams == 0 or (streams & head.stream) != 0)
            streams |= head.stream
            stops += head.stop != tail.stop
            if shift.moves:
                fees += day.dear[head.visit, r]
            if shift.per_km2:
                visits += 1
                east += head.east
                north += head.north
                squares += head.east * head.east + head.north * head.north
            state.visits[head.visit].route = r
            state.visits[head.visit].position = i
            fits = fits and kg <= shift.cap_kg and litres <= shift.cap_l
        elif i <= n:
            state.trips[r, trips].first = first
            state.trips[r, trips].last = i
            state.trips[r, trips].streams = streams
            fits = fits and (streams & ~head.stream) == 0
            fees += kg * head.fee
            if shift.per_km2:
                state.trips[r, trips].visits = visits
                state.trips[r, trips].east = east
                state.trips[r, trips].north = north
                fees += _spread(visits, east, north, squares, shift.per_km2)
                visits = east = north = squares = 0
            kg = litres = streams = 0
            first = i + 1
            trips += 1
        at[i].load_kg = kg
        at[i].load_l = litres
        forward(day, r, seq[i], at[i].leg_s, state.ahead_s[r, i - 1], state.ahead_s[r, i])
    route.trips = trips
    route.metres = metres
    route.busy_s = busy_s
    route.stops = stops
    route.collected = collected
    home_by(day, r, shift.latest_s, state.behind_s[r, n + 1], False)
    for i in range(n, 0, -1):
        backward(day, r, seq[i], at[i + 1].leg_s, state.behind_s[r, i + 1], state.behind_s[r, i])
    route.slack_s = -1
    for i in range(1, n + 2):
        at[i].slack_s = slack_s(day, r, at[i].leg_s, state.ahead_s[r, i - 1], state.behind_s[r, i])
        route.slack_s = max(route.slack_s, at[i].slack_s)
    route.cost = 0
    route.back_s = shift.start_s
    if n == 0 and not shift.out:
        return True
    fits = fits and metres <= shift.range_m and stops <= shift.max_stops and collected <= shift.max_kg
    if not fits or kg > 0 or litres > 0 or metres >= FAR:
        return False
    route.cost = NEVER
    if shift.per_km2:
        fees += _spread(visits, east, north, squares, shift.per_km2)
    if shift.per_t_km:
        fees += times(hauled, shift.per_t_km, 1_000_000)
    route.but_time = shift.fixed + metres * shift.per_m + fees
    possible = False
    for taken in range(shift.breaks + 1):
        time_s = state.ahead_s[r, n + 1, taken]
        if time_s <= state.behind_s[r, n + 1, taken] and (not possible or time_s < route.back_s):
            possible = True
            route.back_s = time_s
    return possible


@compiled
def count(day: Day, state: State, r: int) -> None:
    """Count the cost of a route that keeps every limit: the part of a refresh that can wait for the last change."""
    if state.routes[r].length or day.shifts[r].out:
        state.routes[r].cost = state.routes[r].but_time + time_cost(day, state, r)


@compiled
def still_fits(day: Day, state: State, r: int, i: int, j: int, one: int, two: int) -> bool:
    """Whether the day still fits with these codes (or fewer: -1) between the positions i and j of a route."""
    tail = state.seq[r, i]
    end = state.seq[r, j]
    if day.shifts[r].breaks == 0:
        time_s = state.ahead_s[r, i, 0]
        for code in (one, two):
            if code >= 0:
                start_s = first_start_s(day, code, time_s + way_s(day, r, tail, code))
                if start_s >= NEVER:
                    return False
                time_s = start_s + work_s(day, r, code)
                tail = code
        return time_s + way_s(day, r, tail, end) <= state.behind_s[r, j, 0]
    rows = state.scratch
    taken_most = day.shifts[r].breaks
    for taken in range(taken_most + 1):
        rows[0, taken] = state.ahead_s[r, i, taken]
    here = 0
    for code in (one, two):
        if code >= 0:
            forward(day, r, code, way_s(day, r, tail, code), rows[here], rows[1 - here])
            here = 1 - here
            tail = code
    drive_s = way_s(day, r, tail, end)
    for had in range(taken_most + 1):
        if rows[here, had] < NEVER:
            for taken in range(had, taken_most + 1):
                if rested_s(day, r, had, taken, rows[here, had], drive_s) <= state.behind_s[r, j, taken]:
                    return True
    return False


@compiled
def gained(day: Day, state: State, r: int, i: int, j: int, one: int, two: int) -> tuple[int, int]:
    """Return the seconds and metres that a route gains with these codes between i and j, as if it never waited."""
    seconds = metres = 0
    profile = day.shifts[r].profile
    tail = state.seq[r, i]
    for code in (one, two, state.seq[r, j]):
        if code >= 0:
            seconds += way_s(day, r, tail, code)
            metres += int(day.out[profile, day.codes[tail].place, day.codes[code].place, 1])
            if code < day.depots:
                seconds += work_s(day, r, code)
            tail = code
    for position in range(i + 1, j + 1):
        seconds -= state.at[r, position].leg_s
        metres -= state.at[r, position].leg_m
        if position <= state.routes[r].length:
            seconds -= work_s(day, r, state.seq[r, position])
    return seconds, metres


@compiled
def priced(day: Day, state: State, r: int, seconds: int, metres: int) -> int:
    """Return what more seconds and metres cost, overtime included."""
    shift, back_s = day.shifts[r], state.routes[r].back_s
    price = seconds * shift.per_s + metres * shift.per_m
    if shift.overtime:
        price += (max(0, back_s + seconds - shift.end_s) - max(0, back_s - shift.end_s)) * shift.overtime
    if shift.per_h2:
        busy_s = shift.worked_s + state.routes[r].busy_s
        price += balance(busy_s + seconds, shift.per_h2) - balance(busy_s, shift.per_h2)
    return price


@compiled
def _spread(visits: int, east: int, north: int, squares: int, per_km2: int) -> int:
    """Return the price of how far the visits of a trip lie from their centre, from their sums."""
    if visits == 0:
        return 0
    return times((visits * squares - east * east - north * north) // visits, per_km2, 1_000_000)


@compiled
def strewn(day: Day, state: State, r: int, t: int, code: int, joins: bool) -> int:
    """Return what compactness costs more where a visit joins a trip, or leaves it."""
    per_km2, trip = day.shifts[r].per_km2, state.trips[r, t]
    visits = trip.visits
    others = visits + 1 if joins else visits - 1
    if per_km2 == 0 or visits == 0 or others == 0:
        return 0
    east = (visits * day.codes[code].east - trip.east) // visits
    north = (visits * day.codes[code].north - trip.north) // visits
    price = times((east * east + north * north) * visits // others, per_km2, 1_000_000)
    return price if joins else -price


@compiled
def strewn_as_one(day: Day, state: State, r: int, t: int) -> int:
    """Return what compactness costs more where a trip and the next become one."""
    one, two = state.trips[r, t], state.trips[r, t + 1]
    per_km2, visits = day.shifts[r].per_km2, one.visits + two.visits
    if per_km2 == 0 or one.visits == 0 or two.visits == 0:
        return 0
    east = one.east // one.visits - two.east // two.visits
    north = one.north // one.visits - two.north // two.visits
    return times((east * east + north * north) * one.visits * two.visits // visits, per_km2, 1_000_000)


@compiled
def hauled_further(day: Day, state: State, r: int, i: int, j: int, one: int, two: int) -> int:
    """Return what carrying the load costs more with these codes between i and j."""
    shift, seq, at = day.shifts[r], state.seq[r], state.at[r]
    if shift.per_t_km == 0:
        return 0
    kg, tail, kg_m = at[i].load_kg, seq[i], 0
    for position in range(i + 1, j + 1):
        kg_m -= at[position - 1].load_kg * at[position].leg_m
    for code in (one, two, seq[j]):
        if code >= 0:
            kg_m += kg * int(day.out[shift.profile, day.codes[tail].place, day.codes[code].place, 1])
            kg = kg + day.codes[code].kg if day.codes[code].visit >= 0 else 0
            tail = code
    while j <= state.routes[r].length and kg != at[j].load_kg:
        kg_m += (kg - at[j].load_kg) * at[j + 1].leg_m
        j += 1
        if day.codes[seq[j]].visit < 0:
            break
        kg += day.codes[seq[j]].kg
    return times(kg_m, shift.per_t_km, 1_000_000)


@compiled
def stops_gained(day: Day, state: State, r: int, i: int, j: int, one: int, two: int) -> int:
    """Return how many stops a route gains with these codes between i and j."""
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
def splice(day: Day, state: State, r: int, i: int, j: int, one: int, two: int) -> bool:
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
def chance(state: State) -> float:
    """Return a number in [0, 1): xorshift64 (G. Marsaglia, Journal of Statistical Software 8 (2003) 14)."""
    x = state.random[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state.random[0] = x
    return np.float64(x >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def touch(state: State, r: int) -> None:
    """Keep a route as it was before this step."""
    route = state.routes[r]
    if route.touched != state.numbers[N_STAMP]:
        route.touched = state.numbers[N_STAMP]
        route.old_length = route.length
        route.old_cost = route.cost
        for i in range(route.length + 2):
            state.old_seq[r, i] = state.seq[r, i]


@compiled
def tidy(day: Day, state: State, r: int) -> None:
    """Drop, move by one visit or turn to another site each unloading of a route, where that is cheaper."""
    shift = day.shifts[r]
    t = 0
    # Waiting is not in the estimates, and overtime hangs on it: two changes may each seem to gain by undoing the other.
    left = state.routes[r].length + state.routes[r].trips
    while t < state.routes[r].trips and left > 0:
        left -= 1
        best, best_i, best_j, best_one, best_two = 0, -1, -1, -1, -1
        trip = state.trips[r, t]
        x = trip.last
        site, full = state.seq[r, x], state.at[r, x - 1]
        own = day.codes[site]
        for other in range(day.sites, day.depots):
            if other != site and (trip.streams & ~day.codes[other].stream) == 0:
                seconds, metres = gained(day, state, r, x - 1, x + 1, other, -1)
                price = priced(day, state, r, seconds, metres) + full.load_kg * (day.codes[other].fee - own.fee)
                if shift.per_t_km:
                    price += hauled_further(day, state, r, x - 1, x + 1, other, -1)
                if price < best and still_fits(day, state, r, x - 1, x + 1, other, -1):
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
                seconds, metres = gained(day, state, r, i, j, one, two)
                price = priced(day, state, r, seconds, metres) + moved * (next_fee - own.fee)
                if shift.per_t_km:
                    price += hauled_further(day, state, r, i, j, one, two)
                if shift.per_km2 and way == 0:
                    price += strewn_as_one(day, state, r, t)
                elif shift.per_km2:
                    visit, origin, goal = (two, t, t + 1) if way == 1 else (one, t + 1, t)
                    price += strewn(day, state, r, origin, visit, False) + strewn(day, state, r, goal, visit, True)
                if price < best and still_fits(day, state, r, i, j, one, two):
                    best, best_i, best_j, best_one, best_two = price, i, j, one, two
        if best_i < 0:
            t += 1
            continue
        old_one = state.seq[r, best_i + 1]
        old_two = state.seq[r, best_i + 2] if best_j - best_i > 2 else -1
        added = (best_one >= 0) + (best_two >= 0)
        if not splice(day, state, r, best_i, best_j, best_one, best_two):
            splice(day, state, r, best_i, best_i + 1 + added, old_one, old_two)
            t += 1

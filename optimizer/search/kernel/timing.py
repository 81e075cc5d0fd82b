"""When things happen on a route, compiled.

The judge's timing (``judge/schedule.py``), told in the same words: a recursion over (position, breaks behind), forwards
for the earliest times and backwards for the latest. A route that is late anywhere counts as impossible here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.search.kernel._compiled import compiled
from optimizer.search.kernel.arrays import NEVER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optimizer.search.kernel.arrays import Day, State


@compiled
def way_s(day: Day, r: int, tail: int, head: int) -> int:
    """Return the seconds from code to code: the leg, and the set-up unless the truck stays at the stop."""
    seconds = int(day.out[day.shifts[r].profile, day.codes[tail].place, day.codes[head].place, 0])
    stop = day.codes[head].stop
    if stop < 0 or stop != day.codes[tail].stop:
        seconds += day.codes[head].setup_s
    return seconds


@compiled
def work_s(day: Day, r: int, code: int) -> int:
    """Return how long a service or an unloading takes."""
    return day.codes[code].service_s + day.codes[code].lifts * day.shifts[r].lift_s


@compiled
def rested_s(day: Day, r: int, first: int, last: int, time_s: int, drive_s: int) -> int:
    """Return when a drive is over that takes the breaks ``first`` to ``last`` - 1, ``NEVER`` if one comes too late."""
    for number in range(first, last):
        if time_s > day.rests[r, number, 2]:
            return NEVER
        from_s = day.rests[r, number, 1]
        drive_s -= min(drive_s, max(0, from_s - time_s))
        time_s = max(time_s, from_s) + day.rests[r, number, 0]
    return time_s + drive_s


@compiled
def first_start_s(day: Day, code: int, ready_s: int) -> int:
    """Return the first permitted start from then on, ``NEVER`` where there is none any more."""
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
        if rested_s(day, r, first, last, middle_s, drive_s) <= ready_s:
            low_s = middle_s
        else:
            high_s = middle_s - 1
    return low_s


@compiled
def forward(day: Day, r: int, code: int, drive_s: int, before: NDArray[np.int64], after: NDArray[np.int64]) -> None:
    """From the earliest times of leaving one place, fill in those of leaving the next, by the breaks behind."""
    service_s = work_s(day, r, code)
    for taken in range(day.shifts[r].breaks + 1):
        earliest_s = NEVER
        for had in range(taken + 1):
            if before[had] < NEVER:
                ready_s = rested_s(day, r, had, taken, before[had], drive_s)
                if ready_s < NEVER:
                    earliest_s = min(earliest_s, first_start_s(day, code, ready_s) + service_s)
        after[taken] = min(NEVER, earliest_s)


@compiled
def backward(day: Day, r: int, code: int, drive_s: int, after: NDArray[np.int64], before: NDArray[np.int64]) -> None:
    """From the latest times of being ready at the next place, fill in those at this one."""
    service_s = work_s(day, r, code)
    taken_most = day.shifts[r].breaks
    for had in range(taken_most + 1):
        latest_s = -1
        for taken in range(had, taken_most + 1):
            if after[taken] >= 0:
                latest_s = max(latest_s, _latest_out_s(day, r, had, taken, drive_s, after[taken]))
        before[had] = -1 if latest_s < service_s else _last_start_s(day, code, latest_s - service_s)


@compiled
def earliest_departure_s(day: Day, r: int, skipped: int) -> int:
    """Return the earliest departure of a route that skips its first breaks by leaving after their latest start.

    ``NEVER`` if it can no longer leave later, because its crew is out.
    """
    start_s = day.shifts[r].start_s
    if skipped and day.rests[r, skipped - 1, 2] >= start_s:
        start_s = NEVER if day.shifts[r].out else day.rests[r, skipped - 1, 2] + 1
    return start_s


@compiled
def home_by(day: Day, r: int, return_s: int, latest: NDArray[np.int64], exactly: bool) -> None:
    """Fill in the latest returns; with breaks still owed it is over by the first one's earliest start."""
    taken_most = day.shifts[r].breaks
    for taken in range(taken_most + 1):
        latest[taken] = return_s
        if taken < taken_most and day.rests[r, taken, 1] < return_s:
            latest[taken] = -1 if exactly else day.rests[r, taken, 1]


@compiled
def slack_s(day: Day, r: int, drive_s: int, out: NDArray[np.int64], ready: NDArray[np.int64]) -> int:
    """Return how much later than at the earliest a truck may set out, or come, on a drive; about, where breaks move."""
    most_s = -1
    for had in range(day.shifts[r].breaks + 1):
        if out[had] >= NEVER:
            continue
        for taken in range(had, day.shifts[r].breaks + 1):
            if ready[taken] >= 0:
                most_s = max(most_s, _latest_out_s(day, r, had, taken, drive_s, ready[taken]) - out[had])
                most_s = max(most_s, ready[taken] - rested_s(day, r, had, taken, out[had], drive_s))
    return most_s


@compiled
def times(amount: int, price: int, unit: int) -> int:
    """Return ``amount * price // unit`` without a product that could overflow."""
    return amount // unit * price + amount % unit * price // unit


@compiled
def balance(worked_s: int, per_h2: int) -> int:
    """Return what the hours of a crew weigh."""
    return times(worked_s * worked_s, per_h2, 12_960_000)


@compiled
def time_cost(day: Day, state: State, r: int) -> int:
    """Return the cheapest price of the hours of a route that keeps every limit; note the return."""
    shift, n = day.shifts[r], state.routes[r].length
    if shift.per_s == 0 and shift.overtime == 0 and shift.per_h2 == 0:
        return 0
    rows = state.scratch
    cheapest = NEVER
    for skipped in range(shift.breaks + 1):
        departure_s = earliest_departure_s(day, r, skipped)
        rows[0, :] = NEVER
        rows[0, skipped] = departure_s
        here = 0
        for i in range(1, n + 2):
            forward(day, r, state.seq[r, i], state.at[r, i].leg_s, rows[here], rows[1 - here])
            here = 1 - here
        return_s = NEVER
        for taken in range(skipped, shift.breaks + 1):
            time_s = rows[here, taken]
            if time_s < return_s and (taken == shift.breaks or time_s <= day.rests[r, taken, 1]):
                return_s = time_s
        if return_s > shift.latest_s:
            continue
        if (shift.per_s or shift.per_h2) and not shift.out:
            home_by(day, r, return_s, rows[0], True)
            here = 0
            for i in range(n, -1, -1):
                backward(day, r, state.seq[r, i], state.at[r, i + 1].leg_s, rows[here], rows[1 - here])
                here = 1 - here
            departure_s = rows[here, skipped]
        price = (return_s - departure_s) * shift.per_s + max(0, return_s - shift.end_s) * shift.overtime
        if shift.per_h2:
            price += balance(shift.worked_s + return_s - departure_s, shift.per_h2)
        if price < cheapest:
            cheapest = price
            state.routes[r].back_s = return_s
    return cheapest

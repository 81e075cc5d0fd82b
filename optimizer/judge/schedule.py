"""When everything on a route happens, given the order of its activities.

Of all timings the schedule takes the earliest return, then the latest departure that keeps it: crews go home early and
do not wait on the road for what they could wait for at the depot. A crew that is out already departs when its shift
starts.

Breaks interrupt drives, so a leg is a stretch of driving that may be cut at any second. A shortest-time recursion over
(activity, breaks taken) places them: arriving earlier is never worse, because waiting is always allowed, so one state
for each number of breaks taken suffices. Windows missed are not forbidden here but added up as lateness, which the
recursion minimises first; the judge turns what is left into violations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optimizer.problem.model import Break, Shift, TimeWindow

_NEVER: Final = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """A drive, then what is done at its end.

    Parameters
    ----------
    approach_s
        The leg and the stop's set-up time: may be interrupted by a break.
    service_s
        May not.
    windows
        Of the start of service; empty means any time.
    """

    approach_s: int
    service_s: int = 0
    windows: tuple[TimeWindow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The timing of one route.

    Parameters
    ----------
    start_s
        Start of service of each activity; the last activity is the return, so its entry is when the truck is back.
    break_start_s, break_leg
        Of each break taken: when it starts, and before which activity.
    breaks_missed
        Numbers of the shift's breaks that are owed and that this order leaves no room for.
    """

    departure_s: int
    start_s: tuple[int, ...]
    break_start_s: tuple[int, ...]
    break_leg: tuple[int, ...]
    break_number: tuple[int, ...]
    breaks_missed: tuple[int, ...]

    @property
    def return_s(self) -> int:
        """When the truck is back."""
        return self.start_s[-1]


def schedule_route(
    shift: Shift, activities: Sequence[Activity], *, micro_per_s: int, balance: Callable[[int], int] = lambda _: 0
) -> Schedule:
    """Time a route: ``activities`` in order, the last one being the return to the depot.

    ``micro_per_s`` (the vehicle's) decides with the shift's overtime price whether departing after a break's latest
    start, and so not owing it, is cheaper; ``balance`` is what a route of so many seconds weighs beside that.
    """
    best: tuple[tuple[int, int, int, int], Schedule] | None = None
    for skipped in range(len(shift.breaks) + 1):
        earliest_departure_s = shift.start_s
        if skipped:
            earliest_departure_s = max(shift.start_s, shift.breaks[skipped - 1].latest_s + 1)
            if shift.out and earliest_departure_s > shift.start_s:
                break
        late_s, schedule = _with_departure_from(shift, activities, earliest_departure_s, skipped)
        overtime_s = max(0, schedule.return_s - shift.end_s)
        excess_s = max(0, schedule.return_s - shift.latest_return_s)
        duration_s = schedule.return_s - schedule.departure_s
        cost_micro = duration_s * micro_per_s + overtime_s * shift.overtime_micro_per_s + balance(duration_s)
        key = (late_s + excess_s, len(schedule.breaks_missed), cost_micro, schedule.return_s)
        if best is None or key < best[0]:
            best = (key, schedule)
    assert best is not None
    return best[1]


def most_work_s(shift: Shift, return_s: int) -> int:
    """Return how long a crew that is back by ``return_s`` can drive, set up, serve and unload at most.

    It leaves after the latest starts of the first breaks and owes none of them, is back by the earliest start of the
    last ones and owes none of those, and takes the breaks between: the best over all such choices.
    """
    breaks = shift.breaks
    longest_s = 0
    for spared in range(len(breaks) + 1):
        from_s = shift.start_s if not spared else max(shift.start_s, breaks[spared - 1].latest_s + 1)
        rested_s = 0
        for taken in range(spared, len(breaks) + 1):
            until_s = return_s if taken == len(breaks) else min(return_s, breaks[taken].earliest_s)
            longest_s = max(longest_s, until_s - from_s - rested_s)
            if taken < len(breaks):
                rested_s += breaks[taken].duration_s
    return longest_s


def _with_departure_from(
    shift: Shift, activities: Sequence[Activity], earliest_departure_s: int, skipped: int
) -> tuple[int, Schedule]:
    """Return the lateness and the schedule when the first ``skipped`` breaks are not owed."""
    legs, late_s, return_s, taken = _place_breaks(shift.breaks, activities, earliest_departure_s, skipped)
    departure_s = earliest_departure_s
    owed = sum(return_s > rest.earliest_s for rest in shift.breaks[taken:])
    if late_s == 0 and not owed and not shift.out:
        departure_s, legs = _latest_departure(shift.breaks, activities, return_s, skipped)
    starts, break_starts = _forward(shift.breaks, activities, legs, departure_s)
    flat = [(leg, number) for leg, numbers in enumerate(legs) for number in numbers]
    missed = tuple(range(taken, taken + owed))
    return late_s, Schedule(
        departure_s=departure_s,
        start_s=tuple(starts),
        break_start_s=tuple(break_starts),
        break_leg=tuple(leg for leg, _ in flat),
        break_number=tuple(number for _, number in flat),
        breaks_missed=missed,
    )


def _place_breaks(
    breaks: tuple[Break, ...], activities: Sequence[Activity], departure_s: int, skipped: int
) -> tuple[list[list[int]], int, int, int]:
    """Decide on which leg each break is taken.

    Returns the numbers of the breaks on each leg, the lateness, the return, and how many of the shift's breaks are
    taken or skipped in the end.
    """
    last = len(breaks)
    states: list[tuple[int, int]] = [(_NEVER, _NEVER)] * (last + 1)
    states[skipped] = (0, departure_s)
    parents: list[list[int]] = []
    for activity in activities:
        arrived: list[tuple[int, int]] = [(_NEVER, _NEVER)] * (last + 1)
        parent = [-1] * (last + 1)
        for before in range(skipped, last + 1):
            late_s, time_s = states[before]
            if late_s == _NEVER:
                continue
            for after in range(before, last + 1):
                ready_s = _approach(breaks, range(before, after), time_s, activity.approach_s)
                if ready_s is None:
                    break
                start_s, late_here_s = _first_start(activity.windows, ready_s)
                state = (late_s + late_here_s, start_s + activity.service_s)
                if state < arrived[after]:
                    arrived[after] = state
                    parent[after] = before
        parents.append(parent)
        states = arrived
    # A break that is not taken is owed if the route is still out at its earliest start; breaks come in that order.
    owed = [sum(state[1] > rest.earliest_s for rest in breaks[taken:]) for taken, state in enumerate(states)]
    best = min(
        (taken for taken in range(skipped, last + 1) if states[taken][0] != _NEVER),
        key=lambda taken: (states[taken][0], owed[taken], states[taken][1]),
    )
    legs: list[list[int]] = [[] for _ in activities]
    after = best
    for index in range(len(activities) - 1, -1, -1):
        before = parents[index][after]
        legs[index] = list(range(before, after))
        after = before
    late_s, return_s = states[best]
    return legs, late_s, return_s, best


def _approach(breaks: tuple[Break, ...], numbers: range | list[int], time_s: int, approach_s: int) -> int | None:
    """Return when the approach is over with these breaks taken on it, each as early as it can be; None if too late."""
    if not numbers:
        return time_s + approach_s
    left_s = approach_s
    for number in numbers:
        rest = breaks[number]
        if time_s > rest.latest_s:
            return None
        left_s -= min(left_s, max(0, rest.earliest_s - time_s))
        time_s = max(time_s, rest.earliest_s) + rest.duration_s
    return time_s + left_s


def _first_start(windows: tuple[TimeWindow, ...], ready_s: int) -> tuple[int, int]:
    """Return the first permitted start from ``ready_s`` on, and the lateness where there is none any more."""
    if not windows:
        return ready_s, 0
    for window in windows:
        if ready_s <= window.end_s:
            return max(ready_s, window.start_s), 0
    return ready_s, ready_s - windows[-1].end_s


def _last_start(windows: tuple[TimeWindow, ...], latest_s: int) -> int:
    """Return the last permitted start up to ``latest_s``, -1 where there is none."""
    if not windows:
        return latest_s
    return next((min(latest_s, window.end_s) for window in reversed(windows) if window.start_s <= latest_s), -1)


def _latest_departure(
    breaks: tuple[Break, ...], activities: Sequence[Activity], return_s: int, skipped: int
) -> tuple[int, list[list[int]]]:
    """Return the latest departure that keeps the return, and the breaks on each leg that allow it.

    The same recursion backwards: the latest time to set out on each leg with so many breaks taken before it.
    """
    last = len(breaks)
    latest = [return_s if taken == last or return_s <= breaks[taken].earliest_s else -1 for taken in range(last + 1)]
    choices: list[list[int]] = []
    for activity in reversed(activities):
        ready = [-1 if time_s < 0 else _last_start(activity.windows, time_s - activity.service_s) for time_s in latest]
        setting_out = [-1] * (last + 1)
        choice = [-1] * (last + 1)
        for before in range(skipped, last + 1):
            for after in range(before, last + 1):
                numbers = list(range(before, after))
                time_s = _latest_before_breaks(breaks, numbers, activity.approach_s, ready[after])
                if time_s > setting_out[before]:
                    setting_out[before], choice[before] = time_s, after
        choices.append(choice)
        latest = setting_out
    legs: list[list[int]] = []
    before = skipped
    for choice in reversed(choices):
        legs.append(list(range(before, choice[before])))
        before = choice[before]
    return latest[skipped], legs


def _latest_before_breaks(breaks: tuple[Break, ...], numbers: list[int], approach_s: int, ready_s: int) -> int:
    """Return the latest time to set out so as to take these breaks and be ready by ``ready_s``, -1 where there is none.

    Setting out later never makes ready earlier, so with breaks the answer is found by halving.
    """
    if not numbers:
        return max(-1, ready_s - approach_s)
    if ready_s < max(breaks[number].earliest_s + breaks[number].duration_s for number in numbers):
        return -1
    low_s, high_s = -1, min(ready_s, breaks[numbers[0]].latest_s)
    while low_s < high_s:
        middle_s = (low_s + high_s + 1) // 2
        done_s = _approach(breaks, numbers, middle_s, approach_s)
        if done_s is not None and done_s <= ready_s:
            low_s = middle_s
        else:
            high_s = middle_s - 1
    return low_s


def _forward(
    breaks: tuple[Break, ...], activities: Sequence[Activity], legs: list[list[int]], departure_s: int
) -> tuple[list[int], list[int]]:
    """Return the start of each activity and of each break, given the departure and the legs of the breaks."""
    starts: list[int] = []
    break_starts: list[int] = []
    time_s = departure_s
    for activity, numbers in zip(activities, legs, strict=True):
        left_s = activity.approach_s
        for number in numbers:
            rest = breaks[number]
            left_s -= min(left_s, max(0, rest.earliest_s - time_s))
            break_starts.append(max(time_s, rest.earliest_s))
            time_s = break_starts[-1] + rest.duration_s
        start_s, _ = _first_start(activity.windows, time_s + left_s)
        starts.append(start_s)
        time_s = start_s + activity.service_s
    return starts, break_starts

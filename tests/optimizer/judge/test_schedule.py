"""The timing of a route against a search over every second."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.judge.schedule import Activity, Schedule, schedule_route
from optimizer.problem.model import Break, Shift, Status, TimeWindow

if TYPE_CHECKING:
    from collections.abc import Iterator

OVERTIME_WEIGHT = 1_000
"""Dearer than any wait in these days, so that the cheapest timing is the earliest return, then the latest departure."""


def shift_with(*breaks: Break, start_s: int = 0, out: bool = False) -> Shift:
    return Shift(
        id="s",
        vehicle="v",
        start_s=start_s,
        end_s=start_s + 1,
        breaks=breaks,
        max_overtime_s=10_000,
        overtime_micro_per_s=OVERTIME_WEIGHT,
        status=Status(node=0) if out else None,
    )


def timed(shift: Shift, activities: list[Activity]) -> Schedule:
    return schedule_route(shift, activities, micro_per_s=1)


def cost(departure_s: int, return_s: int) -> int:
    return (return_s - departure_s) + OVERTIME_WEIGHT * return_s


def drive(activities: list[Activity], departure_s: int, rests: list[tuple[int, int]]) -> int | None:
    """Return when the truck is back if it rests in just these intervals, walking second by second; None if too late."""

    def resting(time_s: int) -> bool:
        return any(start_s <= time_s < end_s for start_s, end_s in rests)

    time_s = departure_s
    for activity in activities:
        left_s = activity.approach_s
        while left_s:
            left_s -= not resting(time_s)
            time_s += 1
        while not fits(activity, time_s, rests):
            time_s += 1
            if activity.windows and time_s > activity.windows[-1].end_s:
                return None
        time_s += activity.service_s
    # A crew at the gate may take its rest before it counts as back.
    return max([time_s, *(end_s for _, end_s in rests)])


def fits(activity: Activity, start_s: int, rests: list[tuple[int, int]]) -> bool:
    inside = not activity.windows or any(window.start_s <= start_s <= window.end_s for window in activity.windows)
    end_s = start_s + activity.service_s
    # A service may begin when a rest ends and end when one begins; a moment of no length may not lie inside a rest.
    free = all(end_s <= rest_start_s or rest_end_s <= start_s for rest_start_s, rest_end_s in rests)
    return inside and free


def timings(shift: Shift, activities: list[Activity], horizon_s: int) -> Iterator[tuple[int, int]]:
    """Yield (departure, return) of every legal timing."""
    choices = [[None, *range(rest.earliest_s, rest.latest_s + 1)] for rest in shift.breaks]
    for departure_s in range(shift.start_s, shift.start_s + 1 if shift.out else horizon_s):
        for starts in itertools.product(*choices):
            rests = [
                (start_s, start_s + rest.duration_s)
                for rest, start_s in zip(shift.breaks, starts, strict=True)
                if start_s is not None
            ]
            if any(after[0] < before[1] for before, after in itertools.pairwise(rests)):
                continue
            return_s = drive(activities, departure_s, rests)
            if return_s is None:
                continue
            legal = all(departure_s <= start_s and end_s <= return_s for start_s, end_s in rests)
            for rest, start_s in zip(shift.breaks, starts, strict=True):
                owed = return_s > rest.earliest_s and departure_s <= rest.latest_s
                legal = legal and (start_s is not None or not owed)
            if legal:
                yield departure_s, return_s


windows = st.lists(st.integers(0, 25), min_size=0, max_size=2).map(
    lambda edges: (TimeWindow(start_s=min(edges), end_s=max(edges)),) if edges else ()
)
two_windows = (
    st.lists(st.integers(0, 30), min_size=4, max_size=4, unique=True)
    .map(sorted)
    .map(lambda e: (TimeWindow(start_s=e[0], end_s=e[1]), TimeWindow(start_s=e[2], end_s=e[3])))
)
activity = st.builds(
    Activity,
    approach_s=st.integers(0, 6),
    service_s=st.integers(0, 4),
    windows=st.one_of(st.just(()), windows, two_windows),
)
home = st.builds(Activity, approach_s=st.integers(0, 6))


@st.composite
def break_lists(draw: st.DrawFn) -> tuple[Break, ...]:
    breaks: list[Break] = []
    earliest = 0
    for _ in range(draw(st.integers(0, 2))):
        earliest = draw(st.integers(earliest, earliest + 6))
        latest = draw(st.integers(max(earliest, breaks[-1].latest_s if breaks else 0), earliest + 10))
        duration = draw(st.integers(1, 4))
        breaks.append(Break(duration_s=duration, earliest_s=earliest, latest_s=latest))
        earliest += duration
    return tuple(breaks)


@settings(max_examples=300, deadline=None)
@given(
    activities=st.lists(activity, min_size=1, max_size=4),
    way_home=home,
    breaks=break_lists(),
    start_s=st.integers(0, 8),
    out=st.booleans(),
)
def test_no_legal_timing_is_cheaper(
    activities: list[Activity], way_home: Activity, breaks: tuple[Break, ...], start_s: int, *, out: bool
) -> None:
    """The schedule's return and departure cost no more than any legal timing found by trying every second.

    A crew that is out departs at once.
    """
    shift = shift_with(*breaks, start_s=start_s, out=out)
    route = [*activities, way_home]
    best = min((cost(*timing) for timing in timings(shift, route, horizon_s=40)), default=None)
    schedule = timed(shift, route)
    late = any(
        start > step.windows[-1].end_s for step, start in zip(route, schedule.start_s, strict=True) if step.windows
    )
    if best is None:
        assert late or schedule.breaks_missed
    else:
        assert not late
        assert not schedule.breaks_missed
        assert cost(schedule.departure_s, schedule.return_s) == best


def test_waiting_happens_at_the_depot() -> None:
    """A truck that must wait for a window departs later instead."""
    route = [
        Activity(approach_s=10, service_s=5, windows=(TimeWindow(start_s=100, end_s=200),)),
        Activity(approach_s=10),
    ]
    schedule = timed(shift_with(), route)
    assert (schedule.departure_s, schedule.start_s) == (90, (100, 115))


def test_break_may_cut_a_drive() -> None:
    """A break falls due in the middle of a leg and the leg goes on after it."""
    rest = Break(duration_s=30, earliest_s=40, latest_s=40)
    schedule = timed(shift_with(rest), [Activity(approach_s=100), Activity(approach_s=0)])
    assert (schedule.break_start_s, schedule.start_s) == ((40,), (130, 130))


@pytest.mark.parametrize(("way_s", "taken"), [(40, 0), (41, 1)])
def test_break_is_owed_once_the_route_is_out_at_its_earliest_start(way_s: int, taken: int) -> None:
    """A route that is back at the break's earliest start owes none; one second later it does."""
    rest = Break(duration_s=30, earliest_s=40, latest_s=90)
    schedule = timed(shift_with(rest), [Activity(approach_s=way_s)])
    assert len(schedule.break_start_s) == taken


@pytest.mark.parametrize(("opens_s", "taken"), [(100, 1), (101, 0)])
def test_break_is_not_owed_by_a_route_that_departs_after_its_latest_start(opens_s: int, taken: int) -> None:
    """A truck whose first window lets it leave after the break's latest start does so and owes no break."""
    rest = Break(duration_s=30, earliest_s=40, latest_s=90)
    window = TimeWindow(start_s=opens_s, end_s=opens_s)
    schedule = timed(shift_with(rest), [Activity(approach_s=10, windows=(window,)), Activity(approach_s=10)])
    assert len(schedule.break_start_s) == taken


@pytest.mark.parametrize(("latest_s", "missed"), [(60, ()), (59, (0,))])
def test_break_waits_for_the_end_of_a_service_but_no_longer_than_its_window(
    latest_s: int, missed: tuple[int, ...]
) -> None:
    """A service that ends at the break's latest start leaves room for it; one second less does not."""
    rest = Break(duration_s=30, earliest_s=20, latest_s=latest_s)
    window = TimeWindow(start_s=10, end_s=10)
    route = [Activity(approach_s=10, service_s=50, windows=(window,)), Activity(approach_s=10)]
    assert timed(shift_with(rest), route).breaks_missed == missed

"""What bound a plan: on how many routes each limit was reached, and a sentence that says so."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from optimizer.problem.plan import Reason, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from optimizer.problem.model import Problem, TimeWindow
    from optimizer.problem.plan import Plan, Route

NEAR_S: Final = 900
"""A truck that is back, or reaches a site or stop, so short before the limit had no room for another halt or two."""
NEAR_SHARE: Final = 0.95
"""Of a capacity, a range or a count."""

_WHY: Final = {
    Reason.UNREACHABLE: "no street leads there",
    Reason.NO_VEHICLE_MAY_ENTER: "no vehicle may enter the street",
    Reason.LARGER_THAN_ANY_TRUCK: "no truck is large enough",
    Reason.NO_DISPOSAL_SITE: "no open disposal site takes the waste",
    Reason.OUTSIDE_EVERY_SHIFT: "no shift has the hours",
    Reason.NOT_ENOUGH_TIME_OR_CAPACITY: "no truck has time or room left",
}


def limits_reached(problem: Problem, plan: Plan) -> dict[str, int]:
    """Count for each limit, in words, the routes on which it was reached."""
    counted: Counter[str] = Counter()
    for route in plan.routes:
        counted.update(set(_of_route(problem, route)))
    return dict(counted.most_common())


def reasons_counted(plan: Plan) -> dict[str, int]:
    """Count the visits left out for each reason."""
    return dict(Counter(entry.reason.value for entry in plan.unserved).most_common())


def sentence(
    limits: Mapping[str, float],
    reasons: Mapping[str, float],
    routes: float,
    days: int,
    *,
    left: float = 0,
    waiting: float = 0,
) -> str:
    """Say what bound a scenario, from the counts of its days: first why something required stays behind.

    Parameters
    ----------
    limits, reasons
        As ``limits_reached`` and ``reasons_counted`` give them, added up over all days.
    routes
        Routes of all days.
    days
        How many days were planned.
    left, waiting
        Visits of all days that stay behind though they must be made, and those that may.
    """
    if not days:
        return "No day was planned."
    said = []
    if left:
        why = [
            _WHY[Reason(name)]
            for name, _ in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
            if Reason(name) in _WHY
        ]
        said.append(f"{_visits(left, days)} must stay behind{': ' if why else ''}{' or '.join(why[:2])}")
    found = [
        f"{name} binds on {_a_day(count, days)} of {_a_day(routes, days)} routes a day"
        for name, count in sorted(limits.items(), key=lambda item: (-item[1], item[0]))[:3]
        if count * 20 >= routes
    ]
    said += found or ["no limit binds: there is room on every route"]
    if waiting:
        said.append(f"{_visits(waiting, days)} can wait for another day")
    text = "; ".join(said)
    return text[0].upper() + text[1:] + "."


def _visits(count: float, days: int) -> str:
    number = _a_day(count, days)
    return f"{number} visit{'' if number == '1' else 's'} a day"


def _a_day(count: float, days: int) -> str:
    mean = count / days
    return "fewer than 0.1" if 0 < mean < 0.05 else f"{mean:.1f}".removesuffix(".0")  # noqa: PLR2004 - rounds to none


def _of_route(problem: Problem, route: Route) -> Iterator[str]:
    shift, vehicle = problem.shift_by_id[route.shift], problem.vehicle_by_id[route.vehicle]
    if route.return_s > shift.latest_return_s - NEAR_S:
        yield "the end of the shift"
    for step in route.steps:
        if step.kind is StepKind.UNLOAD:
            until_s = _closes(problem.site_by_id[step.id].windows, step.start_s)
            if until_s is not None and step.start_s > until_s - NEAR_S:
                yield f"the closing time of {step.id} at {_clock(until_s)}"
        elif step.kind is StepKind.VISIT:
            until_s = _closes(problem.visit_by_id[step.id].windows, step.start_s)
            if until_s is not None and step.start_s > until_s - NEAR_S:
                yield "a time window of a stop"
    yield from _of_loads(route, vehicle.capacity_kg, vehicle.capacity_l)
    if vehicle.range_m is not None and route.distance_m > NEAR_SHARE * vehicle.range_m:
        yield "the range"
    visits = [problem.visit_by_id[step.id] for step in route.steps if step.kind is StepKind.VISIT]
    if shift.max_stops is not None and len({visit.stop for visit in visits}) > NEAR_SHARE * shift.max_stops:
        yield "the number of stops a day"
    if shift.max_daily_kg is not None and sum(visit.demand_kg for visit in visits) > NEAR_SHARE * shift.max_daily_kg:
        yield "the weight a day"


def _of_loads(route: Route, capacity_kg: int, capacity_l: int) -> Iterator[str]:
    for step in route.steps:
        if step.load_kg > NEAR_SHARE * capacity_kg:
            yield "the payload"
        if step.load_l > NEAR_SHARE * capacity_l:
            yield "the room in the body"


def _closes(windows: Iterable[TimeWindow], at_s: int) -> int | None:
    """Return the end of the window that a time lies in."""
    return next((window.end_s for window in windows if window.start_s <= at_s <= window.end_s), None)


def _clock(seconds: int) -> str:
    return f"{seconds // 3_600 % 24:02d}:{seconds // 60 % 60:02d}"
